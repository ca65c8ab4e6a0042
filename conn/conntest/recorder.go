package conntest

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// maxRecord is how much of one direction a Recorder keeps unparsed, and of one
// frame's payload it keeps at all, in bytes; maxFrames how many frames unless
// Recorder.Keep says otherwise.
const (
	maxRecord = 1 << 20
	maxFrames = 1 << 16
)

// Recorder keeps the frames that pass one end of a connection, in the order in
// which they were complete there. The zero Recorder is ready; it serves one
// connection. Of a payload no more than 1 MiB is kept, and frames after the
// 65536th are counted only, unless Keep says otherwise.
type Recorder struct {
	// Keep is how many frames are kept. Zero means 65536, negative means none,
	// for connections of any length that only OnFrame looks at.
	Keep int

	// OnFrame, when not nil, sees each frame as it is complete, on the
	// goroutine that reads or writes. It must not wait.
	OnFrame func(*Frame)

	mu     sync.Mutex
	begun  time.Time
	frames []*Frame
	more   int // frames that were not kept
	dirs   [3]direction
}

// direction is what one role has sent and has not become a frame yet.
type direction struct {
	buf    []byte
	begun  bool // the opening handshake, if there was one, is over
	broken bool // what follows cannot be told into frames
	skip   int64
}

// Frame is one frame that a [Recorder] saw, or one opening handshake.
type Frame struct {
	From    conn.Role     // who sent it
	At      time.Duration // since the first byte that was recorded
	Header  frame.Header
	Wire    []byte // as it was on the wire, header and payload
	Payload []byte // unmasked
	// Handshake is the head of the opening handshake (RFC 6455, section 4),
	// and Header is zero.
	Handshake bool
	// Err says that Wire is not a frame, nor anything that follows it.
	Err error
}

// Wrap records what passes nc, whose near end has the given role.
func (r *Recorder) Wrap(nc net.Conn, role conn.Role) net.Conn {
	return &recorded{Conn: nc, r: r, near: role, far: conn.Client + conn.Server - role}
}

// Server is Wrap for Options.WrapServer, Client for Options.WrapClient.
func (r *Recorder) Server(nc net.Conn) net.Conn { return r.Wrap(nc, conn.Server) }

// Client is Wrap for Options.WrapClient.
func (r *Recorder) Client(nc net.Conn) net.Conn { return r.Wrap(nc, conn.Client) }

// Frames returns what was recorded so far.
func (r *Recorder) Frames() []*Frame {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Frame(nil), r.frames...)
}

// String prints a line for each frame.
func (r *Recorder) String() string {
	var b strings.Builder
	for _, f := range r.Frames() {
		fmt.Fprintln(&b, f)
	}
	if r.more > 0 {
		fmt.Fprintf(&b, "and %d frames more\n", r.more)
	}
	return b.String()
}

type recorded struct {
	net.Conn
	r         *Recorder
	near, far conn.Role
}

func (c *recorded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.r.saw(c.far, p[:n])
	return n, err
}

// Write records before the transport has the bytes, so that no answer to them
// stands before them; what then doesn't leave is recorded all the same.
func (c *recorded) Write(p []byte) (int, error) {
	c.r.saw(c.near, p)
	return c.Conn.Write(p)
}

// CloseWrite closes one direction where the transport can.
func (c *recorded) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return fmt.Errorf("conntest: %T has no CloseWrite", c.Conn)
}

// saw takes bytes that from has sent.
func (r *Recorder) saw(from conn.Role, p []byte) {
	if len(p) == 0 {
		return
	}
	r.mu.Lock()
	if r.begun.IsZero() {
		r.begun = time.Now()
	}
	at := time.Since(r.begun)
	d := &r.dirs[from]
	d.buf = append(d.buf, p...)
	var seen []*Frame
	for {
		f := d.next()
		if f == nil {
			break
		}
		f.From, f.At = from, at
		if len(r.frames) < r.keep() {
			r.frames = append(r.frames, f)
		} else {
			r.more++
		}
		seen = append(seen, f)
	}
	r.mu.Unlock()
	if r.OnFrame != nil {
		for _, f := range seen {
			r.OnFrame(f)
		}
	}
}

func (r *Recorder) keep() int {
	if r.Keep == 0 {
		return maxFrames
	}
	return r.Keep
}

// next takes a frame from the front of what came, or returns nil when it is
// not complete.
func (d *direction) next() *Frame {
	if d.broken {
		d.buf = nil
		return nil
	}
	if !d.begun {
		head := min(len(d.buf), 4)
		if head := string(d.buf[:head]); head == "GET "[:len(head)] || head == "HTTP"[:len(head)] {
			i := bytes.Index(d.buf, []byte("\r\n\r\n"))
			if i < 0 {
				return nil
			}
			d.begun = true
			return &Frame{Handshake: true, Wire: d.cut(i + 4)}
		}
		d.begun = true
	}
	n := min(d.skip, int64(len(d.buf)))
	d.cut(int(n))
	d.skip -= n
	h, n2, err := frame.ParseHeader(d.buf)
	switch {
	case err == frame.ErrIncomplete:
		return nil
	case err != nil:
		d.broken = true
		return &Frame{Err: err, Wire: d.cut(len(d.buf))}
	}
	whole := int64(n2) + min(h.Length, maxRecord)
	if int64(len(d.buf)) < whole {
		return nil
	}
	d.skip = h.Length - min(h.Length, maxRecord)
	f := &Frame{Header: h, Wire: d.cut(int(whole))}
	f.Payload = append([]byte(nil), f.Wire[n2:]...)
	if h.Masked {
		mask.XOR(f.Payload, f.Payload, h.Key, 0)
	}
	return f
}

// cut takes n bytes from the front, as a copy.
func (d *direction) cut(n int) []byte {
	if n == 0 {
		return nil
	}
	p := append([]byte(nil), d.buf[:n]...)
	d.buf = append(d.buf[:0], d.buf[n:]...)
	return p
}
