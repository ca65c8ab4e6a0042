package main

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// loader is the load generator: it knows no library's client, sends the same
// bytes to every server, and looks no further into what comes back than to
// count messages, once the first echo was right.
type loader struct {
	conns    []*loadConn
	pipeline int
	counted  atomic.Int64 // messages received while nobody waits for them (await)
	plain    atomic.Bool  // some of them not compressed as agreed
}

// loadConn is one connection of the load.
type loadConn struct {
	nc      net.Conn
	request []byte // what is sent each turn
	raw     bool   // what comes back is as long as what was sent
	in      frameCounter
	buf     []byte

	received int64 // bytes, since a run began
}

// runLoad is the process of the load generator.
func runLoad() {
	l := new(loader)
	serveCommands(func(cmd command) (answer, error) {
		switch cmd.Do {
		case "open":
			return answer{}, l.open(cmd)
		case "run":
			ops, err := l.run(time.Duration(cmd.Ms) * time.Millisecond)
			return answer{Ops: ops, Bytes: l.received()}, err
		case "await":
			return answer{}, l.await(int64(cmd.Count))
		case "churn":
			ops, err := churn(cmd)
			return answer{Ops: ops}, err
		case "close":
			l.close()
			return answer{}, nil
		}
		return answer{}, fmt.Errorf("the load can't %q", cmd.Do)
	})
}

// opening is how many connections are made at a time.
const opening = 16

// open makes cmd.Conns connections, and tries each with one message.
func (l *loader) open(cmd command) error {
	l.close()
	l.pipeline = max(1, cmd.Pipeline)
	one, want := message(cmd.Protocol, cmd.Size)
	turn := bytes.Repeat(one, l.pipeline)
	l.conns = make([]*loadConn, cmd.Conns)
	var next atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, opening)
	for range opening {
		wg.Go(func() {
			for k := next.Add(1) - 1; k < int64(cmd.Conns); k = next.Add(1) - 1 {
				c, err := dialLoad(cmd)
				if err == nil {
					l.conns[k] = c
					if _, listen := fanouts[cmd.Protocol]; !listen {
						c.request = one
						err = c.first(want)
						c.request = turn
					}
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		l.close()
		return err
	default:
	}
	if mode, listen := fanouts[cmd.Protocol]; listen {
		l.counted.Store(0)
		l.plain.Store(false)
		for _, c := range l.conns {
			go l.count(c, mode)
		}
	}
	return nil
}

func (l *loader) close() {
	for _, c := range l.conns {
		if c != nil {
			c.nc.Close()
		}
	}
	l.conns = nil
}

// dialLoad connects, and for all protocols but raw does the opening handshake.
func dialLoad(cmd command) (*loadConn, error) {
	nc, err := net.DialTimeout("tcp", cmd.Addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	c := &loadConn{nc: nc, raw: cmd.Protocol == "raw", buf: make([]byte, 2<<10)}
	if cmd.Conns <= 64 {
		c.buf = make([]byte, 64<<10)
	}
	if c.raw {
		return c, nil
	}
	head := requestHead
	mode := compressions[cmd.Protocol] | fanouts[cmd.Protocol] // it is of one of them
	switch mode {
	case alone:
		head += "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n"
	case takeover:
		head += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	defer nc.SetDeadline(time.Time{})
	if _, err := io.WriteString(nc, head+"\r\n"); err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	response, err := c.head()
	if err == nil && !bytes.HasPrefix(response, []byte("HTTP/1.1 101 ")) {
		err = fmt.Errorf("handshake refused: %q", response)
	}
	if err == nil && mode != plain && (!bytes.Contains(response, []byte("permessage-deflate")) ||
		mode == takeover && bytes.Contains(response, []byte("no_context_takeover"))) {
		err = errNoMeans
	}
	if err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	return c, nil
}

// head reads up to the empty line.
func (c *loadConn) head() ([]byte, error) {
	have := 0
	for {
		n, err := c.nc.Read(c.buf[have:])
		have += n
		if i := bytes.Index(c.buf[:have], []byte("\r\n\r\n")); i >= 0 {
			return c.buf[:i+4], nil
		}
		if err != nil {
			return nil, fmt.Errorf("handshake: %w", err)
		}
	}
}

// message returns the frame of one message of size bytes, and what comes back
// for it: for raw TCP the frame itself, else the payload.
func message(protocol string, size int) (wire, want []byte) {
	h := frame.Header{FIN: true, Opcode: frame.Binary, Masked: true, Key: mask.NewKey()}
	want = text(ascii, size)
	body := want
	if compressions[protocol] != plain {
		h.Opcode, h.RSV = frame.Text, frame.RSV1
		want = jsonText(size)
		body = deflated(want)
	}
	h.Length = int64(len(body))
	wire = h.Append(nil)
	at := len(wire)
	wire = append(wire, body...)
	mask.XOR(wire[at:], wire[at:], h.Key, 0)
	if protocol == "raw" {
		return wire, wire
	}
	return wire, want
}

// deflated is p as permessage-deflate has it (RFC 7692, section 7.2.1).
func deflated(p []byte) []byte {
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	w.Write(p) // neither fails: z has room
	w.Flush()
	return bytes.TrimSuffix(z.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// jsonText is n bytes such as an application sends.
func jsonText(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"user":"user-%d","symbol":"%c%c","price":%d.%02d,"tags":["new","open"]},`,
			i*7919, i*31%97, 'A'+i%26, 'A'+i*7%26, 100+i*37%900, i*13%100)
	}
	return b.Bytes()[:n]
}

// first does one turn, and compares what comes back with want.
func (c *loadConn) first(want []byte) error {
	c.nc.SetDeadline(time.Now().Add(10 * time.Second))
	defer c.nc.SetDeadline(time.Time{})
	var got bytes.Buffer
	if !c.raw {
		c.in.payload = &got
		defer func() { c.in.payload = nil }()
	}
	if _, err := c.nc.Write(c.request); err != nil {
		return err
	}
	for messages := 0; messages == 0; {
		n, err := c.nc.Read(c.buf)
		if err != nil {
			return err
		}
		if c.raw {
			got.Write(c.buf[:n])
			if got.Len() >= len(want) {
				messages = 1
			}
			continue
		}
		messages = c.in.count(c.buf[:n])
	}
	echo := got.Bytes()
	if c.in.compressed {
		r := flate.NewReader(io.MultiReader(&got, bytes.NewReader([]byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff})))
		var err error
		if echo, err = io.ReadAll(r); err != nil {
			return fmt.Errorf("the first echo can't be decompressed: %w", err)
		}
	}
	if !bytes.Equal(echo, want) {
		return fmt.Errorf("the first echo is wrong: %d bytes came back for %d", len(echo), len(want))
	}
	return nil
}

// run sends on all connections for d, each waiting for all echoes of a turn
// before the next, and returns how many messages came back.
func (l *loader) run(d time.Duration) (int64, error) {
	end := time.Now().Add(d)
	var total atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, len(l.conns))
	for _, c := range l.conns {
		wg.Go(func() {
			n, err := c.turns(end, l.pipeline)
			total.Add(n)
			if err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return total.Load(), nil
	}
}

// received is how many bytes all connections have got in the last run.
func (l *loader) received() (bytes int64) {
	for _, c := range l.conns {
		bytes += c.received
	}
	return bytes
}

func (c *loadConn) turns(end time.Time, pipeline int) (messages int64, err error) {
	c.received = 0
	c.nc.SetDeadline(end.Add(20 * time.Second))
	for time.Now().Before(end) {
		if _, err := c.nc.Write(c.request); err != nil {
			return 0, err
		}
		missing := pipeline
		if c.raw {
			missing = len(c.request) // bytes
		}
		for missing > 0 {
			n, err := c.nc.Read(c.buf)
			if err != nil {
				return 0, err
			}
			c.received += int64(n)
			if c.raw {
				missing -= n
			} else {
				missing -= c.in.count(c.buf[:n])
			}
		}
		messages += int64(pipeline)
	}
	return messages, nil
}

// count reads what a publisher sends until the connection ends.
func (l *loader) count(c *loadConn, mode compression) {
	for {
		n, err := c.nc.Read(c.buf)
		if err != nil {
			return
		}
		messages := c.in.count(c.buf[:n])
		if messages > 0 && c.in.compressed != (mode != plain) {
			l.plain.Store(true)
		}
		l.counted.Add(int64(messages))
	}
}

// await waits until n messages were counted since open.
func (l *loader) await(n int64) error {
	for deadline := time.Now().Add(30 * time.Second); l.counted.Load() < n; {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d messages came", l.counted.Load(), n)
		}
		time.Sleep(100 * time.Microsecond)
	}
	if l.plain.Load() {
		return errors.New("messages came that are not compressed as agreed")
	}
	return nil
}

// churn makes connections, does the opening handshake or a GET, and closes
// them, on cmd.Conns at a time.
func churn(cmd command) (int64, error) {
	end := time.Now().Add(time.Duration(cmd.Ms) * time.Millisecond)
	var total atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, cmd.Conns)
	for range cmd.Conns {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := one(cmd); err != nil {
					failed <- err
					return
				}
				total.Add(1)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return total.Load(), nil
	}
}

func one(cmd command) error {
	if cmd.Protocol != "get" {
		c, err := dialLoad(cmd)
		if err != nil {
			return err
		}
		// No TIME-WAIT: there would be more than there are ports.
		c.nc.(*net.TCPConn).SetLinger(0)
		return c.nc.Close()
	}
	nc, err := net.DialTimeout("tcp", cmd.Addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer nc.Close()
	nc.(*net.TCPConn).SetLinger(0)
	c := &loadConn{nc: nc, buf: make([]byte, 2<<10)}
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: bench\r\nOrigin: http://bench\r\n\r\n"); err != nil {
		return err
	}
	_, err = c.head()
	return err
}

// frameCounter counts messages in a stream of a server's frames.
type frameCounter struct {
	header     []byte // the beginning of one that is not complete
	left       int64  // payload bytes to come
	last       bool   // of a message
	compressed bool
	payload    *bytes.Buffer // of data frames; nil when nobody looks
}

func (f *frameCounter) count(p []byte) (messages int) {
	for {
		n := int(min(f.left, int64(len(p))))
		if f.payload != nil {
			f.payload.Write(p[:n])
		}
		f.left -= int64(n)
		if p = p[n:]; f.left > 0 {
			return messages
		}
		if f.last {
			messages++
			f.last = false
		}
		if len(p) == 0 {
			return messages
		}
		at := p
		if len(f.header) > 0 {
			at = append(f.header, p...)
		}
		h, n, err := frame.ParseHeader(at)
		if err != nil { // incomplete: what comes next completes it
			f.header = append(f.header[:0], at...)
			return messages
		}
		p = at[n:]
		f.header = f.header[:0]
		f.left, f.last = h.Length, h.FIN && !h.Opcode.IsControl()
		f.compressed = f.compressed || h.RSV&frame.RSV1 != 0
	}
}
