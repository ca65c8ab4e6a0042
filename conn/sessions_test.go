package conn_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
	"github.com/seed24abed78/rfc6455/mask"
)

// session is a connection from its first byte to its last: what the programs
// at both ends do, and what was recorded of it, the frames of each end.
type session struct {
	name           string
	client, server []step
	fromClient     string
	fromServer     string

	cfg        conn.Config // of both ends
	extensions string      // agreed on; only without a handshake
	handshake  bool        // the opening handshake is part of it
}

// step is a thing that a program does with its end.
type step func(ctx context.Context, s *side) error

// side is one end of a session while it is played.
type side struct {
	role conn.Role
	nc   net.Conn
	ws   *conn.Conn

	sent    []string // messages that were to be written, in order
	wrote   int      // how many of them the Conn took
	got     []string // messages that were read; skipped stands for any
	raw     bool     // bytes were written past the Conn
	err     error    // what ended the program, or the connection after it
	answers []<-chan error
}

// skipped is a message that the program didn't want to know.
const skipped = "(skipped)"

func (s *side) write(text string, write func(p []byte) error) error {
	s.sent = append(s.sent, text)
	err := write([]byte(text))
	if err == nil {
		s.wrote = len(s.sent)
	}
	return err
}

// say writes messages, one by one.
func say(texts ...string) step {
	return func(ctx context.Context, s *side) error {
		for _, text := range texts {
			if err := s.write(text, func(p []byte) error { return s.ws.WriteMessage(ctx, conn.Text, p) }); err != nil {
				return err
			}
		}
		return nil
	}
}

func sayBinary(ctx context.Context, s *side) error {
	return s.write("\x00\xff", func(p []byte) error { return s.ws.WriteMessage(ctx, conn.Binary, p) })
}

// pieces writes one message as a stream.
func pieces(parts ...string) step {
	return func(ctx context.Context, s *side) error {
		return s.write(strings.Join(parts, ""), func([]byte) error {
			w, err := s.ws.NextWriter(ctx, conn.Text)
			if err != nil {
				return err
			}
			for _, part := range parts {
				if _, err := io.WriteString(w, part); err != nil {
					return err
				}
			}
			return w.Close()
		})
	}
}

// buffer writes messages that leave together.
func buffer(texts ...string) step {
	return func(ctx context.Context, s *side) error {
		for _, text := range texts {
			if err := s.write(text, func(p []byte) error { return s.ws.BufferMessage(conn.Text, p) }); err != nil {
				return err
			}
		}
		return s.ws.Flush(ctx)
	}
}

func prepared(text string) step {
	return func(ctx context.Context, s *side) error {
		m, err := conn.Prepare(conn.Text, []byte(text))
		if err != nil {
			return err
		}
		return s.write(text, func([]byte) error { return s.ws.WritePrepared(ctx, m) })
	}
}

func together(texts ...string) step {
	return func(ctx context.Context, s *side) error {
		var ms []*conn.PreparedMessage
		for _, text := range texts {
			m, err := conn.Prepare(conn.Text, []byte(text))
			if err != nil {
				return err
			}
			ms = append(ms, m)
			s.sent = append(s.sent, text)
		}
		n, err := s.ws.WriteBatch(ctx, ms)
		s.wrote = len(s.sent) - len(ms) + n
		return err
	}
}

// hear reads so many messages.
func hear(n int) step {
	return func(ctx context.Context, s *side) error {
		for range n {
			_, p, err := s.ws.ReadMessage(ctx)
			if err != nil {
				return err
			}
			s.got = append(s.got, string(p))
		}
		return nil
	}
}

// hearStream reads one message three bytes at a time.
func hearStream(ctx context.Context, s *side) error {
	_, r, err := s.ws.NextReader(ctx)
	if err != nil {
		return err
	}
	var all []byte
	for p := make([]byte, 3); ; {
		n, err := r.Read(p)
		all = append(all, p[:n]...)
		if err == io.EOF {
			s.got = append(s.got, string(all))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// skip reads two bytes of a message and leaves the rest.
func skip(ctx context.Context, s *side) error {
	_, r, err := s.ws.NextReader(ctx)
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(r, make([]byte, 2)); err != nil {
		return err
	}
	s.got = append(s.got, skipped)
	return nil
}

// listen reads all that comes, with the iterator.
func listen(ctx context.Context, s *side) error {
	for msg, err := range s.ws.Messages(ctx) {
		if err != nil {
			return err
		}
		s.got = append(s.got, string(msg.Data))
	}
	return nil
}

func echoes(ctx context.Context, s *side) error {
	for msg, err := range s.ws.Messages(ctx) {
		if err != nil {
			return err
		}
		text := string(msg.Data)
		s.got = append(s.got, text)
		if err := s.write(text, func(p []byte) error { return s.ws.WriteMessage(ctx, msg.Type, p) }); err != nil {
			return err
		}
	}
	return nil
}

// impatient gives a read up before anything can have come.
func impatient(ctx context.Context, s *side) error {
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, _, err := s.ws.ReadMessage(short); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	return nil
}

// sendPing sends a ping, whose answer a later read takes.
func sendPing(ctx context.Context, s *side) error {
	answered := make(chan error, 1)
	s.answers = append(s.answers, answered)
	go func() {
		_, err := s.ws.Ping(ctx)
		answered <- err
	}()
	return wait(time.Millisecond)(ctx, s) // until it is on its way
}

func wait(d time.Duration) step {
	return func(context.Context, *side) error {
		time.Sleep(d)
		return nil
	}
}

func closes(code frame.CloseCode, reason string) step {
	return func(_ context.Context, s *side) error { return s.ws.CloseWith(code, reason) }
}

func closesHalf(_ context.Context, s *side) error { return s.ws.CloseWrite(4001, "") }

func closeNow(_ context.Context, s *side) error { return s.ws.CloseNow() }

// rawBytes writes past the Conn.
func rawBytes(wire string) step {
	return func(ctx context.Context, s *side) error {
		s.raw = true
		b, err := hex.DecodeString(strings.ReplaceAll(wire, " ", ""))
		if err == nil {
			defer context.AfterFunc(ctx, func() { s.nc.SetWriteDeadline(time.Now()) })()
			_, err = s.nc.Write(b)
		}
		if ctx.Err() != nil { // a ping of the Conn that has stalled too may end first, and close
			err = ctx.Err()
		}
		return err
	}
}

// stream is what NetConn makes of the connection.
func stream(out string, in int) step {
	return func(ctx context.Context, s *side) error {
		nc := s.ws.NetConn(ctx, conn.Binary)
		if out != "" {
			if err := s.write(out, func(p []byte) error { _, err := nc.Write(p); return err }); err != nil {
				return err
			}
		}
		p := make([]byte, in)
		if _, err := io.ReadFull(nc, p); err != nil {
			return err
		}
		if in > 0 {
			s.got = append(s.got, string(p))
		}
		return nil
	}
}

func onlyWrites(ctx context.Context, s *side) error {
	reading := s.ws.CloseRead(ctx)
	if err := say("a", "b")(ctx, s); err != nil {
		return err
	}
	<-reading.Done()
	return context.Cause(reading)
}

func sayJSON(ctx context.Context, s *side) error {
	return s.write(`{"n":1}`, func([]byte) error { return s.ws.WriteJSON(ctx, map[string]int{"n": 1}) })
}

func hearJSON(ctx context.Context, s *side) error {
	var v map[string]int
	if err := s.ws.ReadJSON(ctx, &v); err != nil {
		return err
	}
	s.got = append(s.got, skipped)
	return nil
}

// tape is a transport that keeps what was written, and knows whether it was
// closed.
type tape struct {
	*conntest.End
	mu     sync.Mutex
	wire   []byte
	closed bool
}

func (p *tape) Write(b []byte) (int, error) {
	n, err := p.End.Write(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wire = append(p.wire, b[:n]...)
	return n, err
}

func (p *tape) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.End.Close()
}

// played is a session after its end.
type played struct {
	client, server *side
	tapes          [2]*tape // of the client, of the server
}

func (p *played) side(role conn.Role) *side {
	if role == conn.Client {
		return p.client
	}
	return p.server
}

// play plays the session once, in the bubble of the caller. wrap puts something
// on the transport of an end.
func (x *session) play(ctx context.Context, wrap func(conn.Role, net.Conn) net.Conn) *played {
	a, b := conntest.Pipe(conntest.Link{})
	p := &played{client: &side{role: conn.Client}, server: &side{role: conn.Server}, tapes: [2]*tape{{End: a}, {End: b}}}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var both sync.WaitGroup
	p.client.nc = wrap(conn.Client, p.tapes[0])
	p.server.nc = wrap(conn.Server, p.tapes[1])
	both.Go(func() { p.client.perform(ctx, x, x.client) })
	both.Go(func() { p.server.perform(ctx, x, x.server) })
	both.Wait()
	return p
}

// perform opens the connection, takes the steps, and stays until it has ended.
func (s *side) perform(ctx context.Context, x *session, steps []step) {
	if s.err = s.open(ctx, x); s.err != nil {
		s.nc.Close()
		return
	}
	defer func() {
		s.ws.CloseNow()
		<-s.ws.Done()
		for _, answered := range s.answers {
			if err := <-answered; s.err == nil {
				s.err = err
			}
		}
	}()
	for _, take := range append(steps, listen) {
		if s.err = take(ctx, s); s.err != nil {
			return
		}
	}
}

func (s *side) open(ctx context.Context, x *session) (err error) {
	cfg := x.cfg
	switch {
	case !x.handshake:
		var exts []handshake.Extension
		if x.extensions != "" {
			if exts, err = handshake.ParseExtensions([]string{x.extensions}); err != nil {
				return err
			}
		}
		s.ws = conn.New(s.nc, s.role, handshake.Result{Extensions: exts}, &cfg)
	case s.role == conn.Server:
		cfg.Header = nil
		s.ws, err = conn.Upgrade(ctx, s.nc, &cfg)
	default:
		cfg.ParallelHandshakes = true
		cfg.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
		cfg.DialContext = func(context.Context, string, string) (net.Conn, error) { return s.nc, nil }
		s.ws, err = conn.Dial(ctx, "ws://h/", &cfg)
	}
	return err
}

// recorded writes down what one end has sent.
func recorded(t *testing.T, wire []byte) string {
	var list []string
	if bytes.HasPrefix(wire, []byte("GET ")) || bytes.HasPrefix(wire, []byte("HTTP/1.1 ")) {
		i := bytes.Index(wire, []byte("\r\n\r\n"))
		list = append(list, string(wire[:bytes.IndexByte(wire, '\r')]))
		if wire = wire[i+4:]; strings.Contains(list[0], " 403 ") {
			wire = nil // the page that says so
		}
	}
	for len(wire) > 0 {
		h, n, err := frame.ParseHeader(wire)
		require.NoError(t, err)
		p := wire[n : n+int(h.Length)]
		wire = wire[n+int(h.Length):]
		mask.XOR(p, p, h.Key, 0)
		s := h.Opcode.String()
		switch {
		case h.RSV != 0:
			s, p = s+" compressed", nil
		case h.Opcode == frame.Ping || h.Opcode == frame.Pong:
			p = nil
		case h.Opcode == frame.Close && len(p) > 1:
			s, p = s+" "+frame.CloseCode(int(p[0])<<8 | int(p[1])).String()[:4], nil
		}
		if !h.FIN {
			s = "+" + s
		}
		if len(p) > 20 {
			p = append(p[:10:10], "..."...)
		}
		if len(p) > 0 {
			s += " " + string(p)
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

// The sessions, when nothing goes wrong: the recorded frames, every message
// once, and all that was written was read.
func TestSessions(t *testing.T) {
	list := sessions()
	t.Logf("%d sessions", len(list))
	require.GreaterOrEqual(t, len(list), 40)
	for _, x := range list {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := x.play(t.Context(), func(_ conn.Role, nc net.Conn) net.Conn { return nc })
				require.Equal(t, x.fromClient, recorded(t, p.tapes[0].wire), "%v", p.client.err)
				require.Equal(t, x.fromServer, recorded(t, p.tapes[1].wire), "%v", p.server.err)
				requireInOrder(t, p.client, p.server)
				requireInOrder(t, p.server, p.client)
				require.Len(t, p.server.got, len(p.client.sent), "%v", p.server.err)
				require.Len(t, p.client.got, len(p.server.sent), "%v", p.client.err)
			})
		})
	}
}

// Every frame that leaves in any session, control frames included, is one that
// the other end may receive. Proves 5.1-1 and 5.1-3: all of the client's are
// masked and none of the server's is; 5.2-1: no reserved bit is set but the one
// of the extension that was agreed on; 5.3-1 and 5.3-2: each masked frame has
// its key, which no other has.
func TestFramesSent(t *testing.T) {
	keys := make(map[mask.Key]bool)
	count := map[conn.Role]int{}
	for _, x := range sessions() {
		var p *played
		synctest.Test(t, func(t *testing.T) { p = x.play(t.Context(), untouched) })
		for i, role := range []conn.Role{conn.Client, conn.Server} {
			wire := p.tapes[i].wire
			if p.side(role).raw || strings.HasSuffix(x.name, "refused") {
				continue
			}
			if x.handshake {
				wire = wire[bytes.Index(wire, []byte("\r\n\r\n"))+4:]
			}
			rules := frame.Validator{Role: opposite(role)}
			if x.extensions != "" || x.cfg.Compression != nil {
				rules.RSV = frame.RSV1
			}
			for len(wire) > 0 {
				h, n, err := frame.ParseHeader(wire)
				require.NoError(t, err, x.name)
				require.NoError(t, rules.Check(h), "%s: the %v", x.name, role)
				if role == conn.Client {
					require.False(t, keys[h.Key], "%s: a key comes again", x.name)
					keys[h.Key] = true
				}
				count[role]++
				wire = wire[n+int(h.Length):]
			}
		}
	}
	require.Greater(t, count[conn.Client], 60)
	require.Greater(t, count[conn.Server], 50)
}

// requireInOrder checks that what was read is the beginning of what the other
// end has written: nothing twice, nothing out of order, nothing changed.
func requireInOrder(t *testing.T, from, to *side) {
	require.LessOrEqual(t, len(to.got), len(from.sent), "%v got %q of %q", to.role, to.got, from.sent)
	for i, text := range to.got {
		if text != skipped && text != from.sent[i] {
			t.Fatalf("%v got %q of %q", to.role, to.got, from.sent)
		}
	}
}

func sessions() []*session {
	steps := func(s ...step) []step { return s }
	echo := steps(echoes)
	bye := closes(1000, "")
	long := func(n int) string { return strings.Repeat("*", n) }
	takeover := "permessage-deflate"
	without := "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	every := conn.Config{Compression: &deflate.Options{Threshold: -1}}
	return []*session{
		{name: "text", client: steps(say("Hello"), hear(1), bye), server: echo, fromClient: "text Hello, close 1000", fromServer: "text Hello, close 1000"},
		{name: "binary", client: steps(sayBinary, hear(1), bye), server: echo, fromClient: "binary \x00\xff, close 1000", fromServer: "binary \x00\xff, close 1000"},
		{name: "empty message", client: steps(say(""), hear(1), bye), server: echo, fromClient: "text, close 1000", fromServer: "text, close 1000"},
		{name: "125 bytes", client: steps(say(long(125)), bye), server: steps(hear(1)), fromClient: "text **********..., close 1000", fromServer: "close 1000"},
		{name: "126 bytes", client: steps(hear(1), bye), server: steps(say(long(126))), fromClient: "close 1000", fromServer: "text **********..., close 1000"},
		{name: "server speaks first", client: echo, server: steps(say("hi"), hear(1), bye), fromClient: "text hi, close 1000", fromServer: "text hi, close 1000"},
		{name: "both speak at once", client: steps(say("a"), hear(1), wait(time.Millisecond), bye), server: steps(say("b"), hear(1)), fromClient: "text a, close 1000", fromServer: "text b, close 1000"},
		{name: "one by one", client: steps(say("a"), hear(1), say("b"), hear(1), bye), server: echo, fromClient: "text a, text b, close 1000", fromServer: "text a, text b, close 1000"},
		{name: "three in a row", client: steps(say("a", "", "c"), hear(3), bye), server: echo, fromClient: "text a, text, text c, close 1000", fromServer: "text a, text, text c, close 1000"},
		{name: "buffered", client: steps(buffer("a", "b"), hear(2), bye), server: echo, fromClient: "text a, text b, close 1000", fromServer: "text a, text b, close 1000"},
		{name: "buffered, and the close behind", client: steps(hear(2)), server: steps(buffer("a", "b"), bye), fromClient: "close 1000", fromServer: "text a, text b, close 1000"},
		{name: "prepared", client: steps(prepared("p"), hear(1), bye), server: echo, fromClient: "text p, close 1000", fromServer: "text p, close 1000"},
		{name: "batch", client: steps(hear(3), bye), server: steps(together("a", "b", "c")), fromClient: "close 1000", fromServer: "text a, text b, text c, close 1000"},
		{name: "written as a stream", client: steps(pieces("Hel", "lo"), hear(1), bye), server: echo, fromClient: "text Hello, close 1000", fromServer: "text Hello, close 1000"},
		{name: "fragments", cfg: conn.Config{FrameSize: 3}, client: steps(say("Hello"), bye), server: steps(hear(1)), fromClient: "+text Hel, continuation lo, close 1000", fromServer: "close 1000"},
		{name: "fragments from the server", cfg: conn.Config{FrameSize: 2}, client: steps(hear(1), bye), server: steps(say("Hello")), fromClient: "close 1000", fromServer: "+text He, +continuation ll, continuation o, close 1000"},
		{name: "ping between fragments", client: steps(rawBytes("01 82 00 00 00 00 48 65 89 80 00 00 00 00 80 81 00 00 00 00 79"), hear(1), bye), server: steps(hearAs("Hey"), say("x")), fromClient: "+text He, ping, continuation y, close 1000", fromServer: "pong, text x, close 1000"},
		{name: "rune split over fragments", client: steps(hearAs("µ"), bye), server: steps(rawBytes("01 01 c2 80 01 b5")), fromClient: "close 1000", fromServer: "+text \xc2, continuation \xb5, close 1000"},
		{name: "read as a stream", client: steps(say("Hello, you"), bye), server: steps(hearStream), fromClient: "text Hello, you, close 1000", fromServer: "close 1000"},
		{name: "left unread", client: steps(say("Hello", "you"), bye), server: steps(skip, hear(1)), fromClient: "text Hello, text you, close 1000", fromServer: "close 1000"},
		{name: "read given up", client: steps(wait(time.Second), say("late"), bye), server: steps(impatient, hear(1)), fromClient: "text late, close 1000", fromServer: "close 1000"},
		{name: "client pings", client: steps(sendPing, say("x"), hear(1), bye), server: echo, fromClient: "ping, text x, close 1000", fromServer: "pong, text x, close 1000"},
		{name: "server pings", client: echo, server: steps(sendPing, say("x"), hear(1), bye), fromClient: "pong, text x, close 1000", fromServer: "ping, text x, close 1000"},
		{name: "pong nobody asked for", client: steps(rawBytes("8a 81 00 00 00 00 61"), say("x"), bye), server: steps(hear(1)), fromClient: "pong, text x, close 1000", fromServer: "close 1000"},
		{name: "idle for ten seconds", client: steps(wait(10*time.Second), say("x"), bye), server: steps(hear(1)), fromClient: "text x, close 1000", fromServer: "close 1000"},
		{name: "closed by the client, with a reason", client: steps(closes(4000, "µ")), fromClient: "close 4000", fromServer: "close 4000"},
		{name: "closed by the server", server: steps(closes(1001, "going away")), fromClient: "close 1001", fromServer: "close 1001"},
		{name: "closed without a code", client: steps(closes(1005, "")), fromClient: "close", fromServer: "close"},
		{name: "closed by both", client: steps(bye), server: steps(closes(1001, "")), fromClient: "close 1000", fromServer: "close 1001"},
		{name: "half closed", client: steps(say("a", "b"), closesHalf), server: steps(wait(time.Second), echoes), fromClient: "text a, text b, close 4001", fromServer: "text a, text b, close 4001"},
		{name: "dropped by the client", client: steps(say("x"), hear(1), closeNow), server: echo, fromClient: "text x", fromServer: "text x"},
		{name: "dropped by the server", client: steps(hear(1)), server: steps(say("x"), closeNow), fromServer: "text x"},
		{name: "only writes", client: steps(wait(time.Millisecond), hear(2), bye), server: steps(onlyWrites), fromClient: "close 1000", fromServer: "text a, text b, close 1000"},
		{name: "stream", client: steps(stream("Hello", 3), bye), server: steps(stream("", 5), stream("you", 0)), fromClient: "binary Hello, close 1000", fromServer: "binary you, close 1000"},
		{name: "JSON", client: steps(sayJSON, hearJSON, bye), server: echo, fromClient: `text {"n":1}, close 1000`, fromServer: `text {"n":1}, close 1000`},
		{name: "unmasked", client: steps(rawBytes("81 00")), fromClient: "text, close 1002", fromServer: "close 1002"},
		{name: "masked", server: steps(rawBytes("81 80 00 00 00 00")), fromClient: "close 1002", fromServer: "text, close 1002"},
		{name: "not text", client: steps(say("ok")), server: steps(hear(1), rawBytes("81 02 ff ff")), fromClient: "text ok, close 1007", fromServer: "text \xff\xff, close 1007"},
		{name: "too big", cfg: conn.Config{MaxMessageSize: 4}, client: steps(rawBytes("81 85 00 00 00 00 48 65 6c 6c 6f")), fromClient: "text Hello, close 1009", fromServer: "close 1009"},
		{name: "compressed", extensions: takeover, cfg: every, client: steps(say("Hello", "Hello"), hear(2), bye), server: echo, fromClient: "text compressed, text compressed, close 1000", fromServer: "text compressed, text compressed, close 1000"},
		{name: "compressed, one by one", extensions: without, cfg: every, client: steps(say(long(40)), hear(1), bye), server: echo, fromClient: "text compressed, close 1000", fromServer: "text compressed, close 1000"},
		{name: "compressed stream", extensions: takeover, cfg: every, client: steps(hearStream, bye), server: steps(pieces("Hel", "lo", long(30))), fromClient: "close 1000", fromServer: "text compressed, close 1000"},
		{name: "compressed, left unread", extensions: takeover, cfg: every, client: steps(say("Hello", "Hello"), bye), server: steps(skip, hear(1)), fromClient: "text compressed, text compressed, close 1000", fromServer: "close 1000"},
		{name: "cannot be inflated", extensions: takeover, client: steps(rawBytes("c1 81 00 00 00 00 07")), fromClient: "text compressed, close 1007", fromServer: "close 1007"},
		{name: "handshake", handshake: true, client: steps(say("x"), hear(1), bye), server: echo, fromClient: "GET / HTTP/1.1, text x, close 1000", fromServer: "HTTP/1.1 101 Switching Protocols, text x, close 1000"},
		{name: "handshake, server first", handshake: true, cfg: conn.Config{Subprotocols: []string{"chat"}}, client: steps(hear(1), bye), server: steps(say("hi")), fromClient: "GET / HTTP/1.1, close 1000", fromServer: "HTTP/1.1 101 Switching Protocols, text hi, close 1000"},
		{name: "handshake, compression", handshake: true, cfg: every, client: steps(say("x"), hear(1), bye), server: echo, fromClient: "GET / HTTP/1.1, text compressed, close 1000", fromServer: "HTTP/1.1 101 Switching Protocols, text compressed, close 1000"},
		{name: "handshake refused", handshake: true, cfg: conn.Config{Header: http.Header{"Origin": {"http://evil"}}}, fromClient: "GET / HTTP/1.1", fromServer: "HTTP/1.1 403 Forbidden"},
	}
}

// hearAs reads a message that was written past the peer's Conn.
func hearAs(text string) step {
	return func(ctx context.Context, s *side) error {
		_, p, err := s.ws.ReadMessage(ctx)
		if err == nil && string(p) != text {
			err = errors.New("got " + string(p))
		}
		return err
	}
}
