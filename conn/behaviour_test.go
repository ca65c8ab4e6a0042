package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// counting counts the calls that would be system calls on a socket.
type counting struct {
	net.Conn
	reads, writes atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.reads.Add(1)
	}
	return n, err
}

func (c *counting) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// An echo of 64 pipelined messages costs one read and one write.
func TestPipelineSystemCalls(t *testing.T) {
	a, b := net.Pipe()
	server := &counting{Conn: a}
	ws := conn.New(server, conn.Server, handshake.Result{}, nil)
	go echo(t.Context(), ws)
	client := conn.New(b, conn.Client, handshake.Result{}, nil)
	defer client.CloseNow()
	for range 64 {
		require.NoError(t, client.BufferMessage(conn.Binary, make([]byte, 100)))
	}
	require.NoError(t, client.Flush(t.Context()))
	for range 64 {
		_, data, err := client.ReadMessage(t.Context())
		require.NoError(t, err)
		require.Len(t, data, 100)
	}
	require.EqualValues(t, 1, server.reads.Load())
	require.EqualValues(t, 1, server.writes.Load())
}

// source is a transport whose peer sends the same bytes for ever and takes
// everything.
type source struct {
	net.Conn
	wire []byte
	pos  int
}

func (s *source) Read(p []byte) (int, error) {
	n := copy(p, s.wire[s.pos:])
	s.pos = (s.pos + n) % len(s.wire)
	return n, nil
}
func (s *source) Write(p []byte) (int, error)      { return len(p), nil }
func (s *source) Close() error                     { return nil }
func (s *source) SetReadDeadline(time.Time) error  { return nil }
func (s *source) SetWriteDeadline(time.Time) error { return nil }

var raceEnabled bool // set by race_test.go

// Messages cost no allocation, either way, in either role.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops buffers at random under the race detector")
	}
	ctx := t.Context()
	for _, role := range []conn.Role{conn.Server, conn.Client} {
		for _, typ := range []conn.MessageType{conn.Text, conn.Binary} {
			for _, size := range []int{16, 125, 1024, 16 << 10, 64 << 10} {
				t.Run(fmt.Sprint(role, typ, size), func(t *testing.T) {
					h := frame.Header{FIN: true, Opcode: typ, Masked: role == conn.Server, Length: int64(size)}
					wire := append(h.Append(nil), make([]byte, size)...)
					ws := conn.New(&source{wire: wire}, role, handshake.Result{}, nil)
					require.Zero(t, testing.AllocsPerRun(100, func() {
						ws.WriteMessage(ctx, typ, wire[len(wire)-size:])
					}), "WriteMessage")
					require.Zero(t, testing.AllocsPerRun(100, func() {
						ws.BufferMessage(typ, wire[len(wire)-size:])
						ws.Flush(context.Background())
					}), "BufferMessage and Flush")
					dst := make([]byte, 0, size)
					require.Zero(t, testing.AllocsPerRun(100, func() {
						_, _, err := ws.AppendMessage(ctx, dst)
						require.NoError(t, err)
					}), "AppendMessage")
					n := 0
					require.Less(t, testing.AllocsPerRun(1, func() {
						for range ws.Messages(ctx) {
							if n++; n%1000 == 0 {
								break
							}
						}
					}), 20.0, "a thousand turns of Messages")
				})
			}
		}
	}
}

func TestUpgrade(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer l.Close()
	var served sync.WaitGroup
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				ws, err := conn.Upgrade(context.Background(), nc, &conn.Config{Subprotocols: []string{"echo"}})
				if err == nil {
					echo(context.Background(), ws)
				}
			})
		}
	}()
	url := "ws://" + l.Addr().String() + "/?q"
	ws, err := conn.Dial(t.Context(), url, &conn.Config{Subprotocols: []string{"other", "echo"}})
	require.NoError(t, err)
	require.Equal(t, "echo", ws.Subprotocol())
	require.Equal(t, conn.Client, ws.Role())
	require.Equal(t, l.Addr(), ws.RemoteAddr())
	require.NotNil(t, ws.LocalAddr())
	require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("Hello")))
	_, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Hello", string(data))
	stats := ws.Stats()
	require.Equal(t, conn.Stats{MessagesReceived: 1, MessagesSent: 1, PayloadSent: 5, BytesReceived: 7, BytesSent: 11}, stats)
	require.NoError(t, ws.Close())
	<-ws.Done()

	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\n\r\n")
	b, err := io.ReadAll(nc)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(b), "HTTP/1.1 405 "), "%s", b)
	served.Wait()
}

// A payload that is read straight into its destination is cut and goes on
// like any other, at whatever byte.
func TestCancelledLargeRead(t *testing.T) {
	want := []byte(strings.Repeat("häppchen ", 10_000))
	wire := append((&frame.Header{FIN: true, Opcode: frame.Text, Length: int64(len(want))}).Append(nil), want...)
	for cut := 0; cut < len(wire); cut += 4999 {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(conn.Client, &conn.Config{KeepaliveInterval: -1}) // the peer is silent on purpose
			go func() {
				peer.Write(wire[:cut])
				time.Sleep(time.Hour)
				peer.Write(wire[cut:])
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, _, err := ws.ReadMessage(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			for msg, err := range ws.Messages(t.Context()) {
				require.NoError(t, err)
				require.Equal(t, string(want), string(msg.Data))
				break
			}
			ws.CloseNow()
		})
	}
}

// The server's own origin under TLS is https, on a bare listener too.
func TestUpgradeTLSOrigin(t *testing.T) {
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	l, err := tls.Listen("tcp", "localhost:0", s.TLS)
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if ws, err := conn.Upgrade(context.Background(), nc, nil); err == nil {
					echo(context.Background(), ws)
				}
			}()
		}
	}()
	cfg := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	cfg.ServerName = "example.com" // a name that the certificate has
	for origin, ok := range map[string]bool{"https://": true, "http://": false} {
		header := http.Header{"Origin": {origin + l.Addr().String()}}
		ws, err := conn.Dial(t.Context(), "wss://"+l.Addr().String(), &conn.Config{TLS: cfg, Header: header})
		require.Equal(t, ok, err == nil, "%s: %v", origin, err)
		if ok {
			require.NoError(t, ws.Close())
		}
	}
}

func TestUpgradeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		go func() {
			for _, c := range []byte(strings.Repeat("GET / HTTP/1.1\r\n", 10)) { // one byte a second
				b.Write([]byte{c})
				time.Sleep(time.Second)
			}
		}()
		begun := time.Now()
		_, err := conn.Upgrade(t.Context(), a, nil)
		require.ErrorContains(t, err, "Config.HandshakeTimeout")
		require.Equal(t, conn.DefaultHandshakeTimeout, time.Since(begun))
		time.Sleep(time.Hour)
	})
}

// Proves 10.6-1, and 3-2: wss in any case is TLS.
func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(conn.Handler(echo))
	defer s.Close()
	_, err := conn.Dial(t.Context(), s.URL, nil)
	require.ErrorContains(t, err, "certificate")
	cfg := s.Client().Transport.(*http.Transport).TLSClientConfig
	ws, err := conn.Dial(t.Context(), "wSs"+strings.TrimPrefix(s.URL, "https"), &conn.Config{TLS: cfg})
	require.NoError(t, err)
	require.NoError(t, ws.WriteMessage(t.Context(), conn.Binary, make([]byte, 100_000)))
	_, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Len(t, data, 100_000)
	require.NoError(t, ws.Close())
}

func TestRefusals(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not here", http.StatusNotFound)
	}))
	defer s.Close()
	_, err := conn.Dial(t.Context(), s.URL, nil)
	var refusal *handshake.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, 404, refusal.Status)
	require.Equal(t, "not here\n", string(refusal.Body))

	for _, url := range []string{"ftp://x", "ws://h/#f", "ws://"} {
		_, err := conn.Dial(t.Context(), url, nil)
		require.Error(t, err, url)
	}
	cfg := &conn.Config{CloseTimeout: -1}
	_, err = conn.Dial(t.Context(), s.URL, cfg)
	require.ErrorContains(t, err, "Config.CloseTimeout")
	require.Equal(t, err, cfg.Validate())
	require.NoError(t, new(conn.Config).Validate())
	_, err = conn.Dial(t.Context(), s.URL, &conn.Config{KeepaliveTimeout: -1})
	require.ErrorContains(t, err, "Config.KeepaliveTimeout")
	_, err = conn.Dial(t.Context(), s.URL, &conn.Config{ControlTimeout: -1})
	require.ErrorContains(t, err, "Config.ControlTimeout")
	_, err = conn.Dial(t.Context(), s.URL, &conn.Config{Header: http.Header{"X": {"a\r\nb"}}})
	require.Error(t, err)

	// Another origin is refused by default, and a wrapper without Hijack is named.
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://h/", nil)
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Origin": {"http://evil"}}
	_, err = conn.Accept(rec, r, nil)
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, rec.Code)
	r.Header.Del("Origin")
	_, err = conn.Accept(httptest.NewRecorder(), r, nil)
	require.ErrorContains(t, err, "*httptest.ResponseRecorder cannot be hijacked")
}

// The codes of the closing handshake, whoever begins it (RFC 6455, section 7.1).
func TestCloseCodes(t *testing.T) {
	for _, code := range []frame.CloseCode{1000, 1001, 1003, 1005, 1011, 1012, 3000, 4999} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			server := conn.New(a, conn.Server, handshake.Result{}, nil)
			client := conn.New(b, conn.Client, handshake.Result{}, nil)
			closed := make(chan error)
			reason := "why"
			if code == 1005 {
				reason = ""
			}
			go func() { closed <- client.CloseWith(code, reason) }()
			_, _, err := server.ReadMessage(t.Context())
			var ce *conn.CloseError
			require.ErrorAs(t, err, &ce)
			require.Equal(t, conn.CloseError{Code: code, Reason: reason}, *ce)
			require.Contains(t, ce.Error(), "the peer closed")
			require.NoError(t, <-closed)
			_, _, err = client.ReadMessage(t.Context())
			require.ErrorIs(t, err, net.ErrClosed)
			require.Contains(t, err.Error(), "by this side")
			require.NoError(t, server.Close())
		})
	}
}

func TestCloseArguments(t *testing.T) {
	ws, _ := raw(conn.Server, nil)
	require.Error(t, ws.CloseWith(1006, ""))
	require.Error(t, ws.CloseWith(1010, "permessage-deflate"))
	require.Error(t, ws.CloseWith(1000, strings.Repeat("x", 124)))
	require.NoError(t, ws.CloseNow())
	require.ErrorIs(t, ws.WriteMessage(t.Context(), conn.Text, nil), net.ErrClosed)
	require.ErrorIs(t, ws.Flush(t.Context()), net.ErrClosed)
	_, err := ws.Ping(t.Context())
	require.ErrorIs(t, err, net.ErrClosed)
	require.Error(t, ws.WriteMessage(t.Context(), frame.Ping, nil))
	require.Error(t, ws.WriteMessage(t.Context(), conn.Text, []byte{0xff}))
}

// A peer that never answers holds Close for CloseTimeout, not longer.
func TestCloseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Client, nil)
		go io.Copy(io.Discard, peer)
		begun := time.Now()
		err := ws.Close()
		require.ErrorContains(t, err, "Config.CloseTimeout")
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, conn.DefaultCloseTimeout, time.Since(begun))
		_, _, readErr := ws.ReadMessage(t.Context())
		require.Equal(t, err, readErr)
		peer.Close()
	})
}

// Both sides close at once, many times. Proves 5.5.1-14.
func TestCloseTogether(t *testing.T) {
	times := 10_000
	if testing.Short() {
		times = 200
	}
	for range times {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			server := conn.New(a, conn.Server, handshake.Result{}, nil)
			client := conn.New(b, conn.Client, handshake.Result{}, nil)
			go server.ReadMessage(t.Context())
			go client.ReadMessage(t.Context())
			var both sync.WaitGroup
			both.Go(func() { require.NoError(t, server.CloseWith(1001, "s")) })
			both.Go(func() { require.NoError(t, client.CloseWith(1001, "c")) })
			both.Wait()
			for _, ws := range []*conn.Conn{server, client} {
				_, _, err := ws.ReadMessage(t.Context())
				var ce *conn.CloseError
				require.ErrorAs(t, err, &ce)
				require.EqualValues(t, 1001, ce.Code)
			}
		})
	}
}

// Many goroutines write whole, buffered and streamed messages; none is mixed
// with another. Proves 5.4-4 and 5.4-5.
func TestConcurrentWriters(t *testing.T) {
	ctx := t.Context()
	ws, err := conn.Dial(ctx, echoServer(t), &conn.Config{FrameSize: 1000})
	require.NoError(t, err)
	const writers, each = 8, 30
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			payload := []byte(strings.Repeat(string(rune('a'+i)), 3000+i))
			for n := range each {
				switch n % 3 {
				case 0:
					ws.WriteMessage(ctx, conn.Text, payload)
				case 1:
					ws.BufferMessage(conn.Text, payload)
				default:
					w, err := ws.NextWriter(ctx, conn.Text)
					if err != nil {
						return
					}
					w.Write(payload[:5])
					w.Write(payload[5:])
					w.Close()
				}
			}
		})
	}
	go func() { all.Wait(); ws.Flush(ctx) }()
	got := make(map[string]int)
	for range writers * each {
		_, r, err := ws.NextReader(ctx)
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		got[string(data)]++
	}
	require.Len(t, got, writers)
	require.NoError(t, ws.Close())
}

// A stream that is left unread is skipped, and its reader says so.
func TestUnreadStream(t *testing.T) {
	ws, peer := raw(conn.Client, nil)
	go peer.Write(unhex(t, "01 03 48 65 6c 80 02 6c 6f 82 01 07"))
	_, r, err := ws.NextReader(t.Context())
	require.NoError(t, err)
	_, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, []byte{7}, data)
	_, err = r.Read(make([]byte, 1))
	require.ErrorContains(t, err, "skipped")
}

// A loop over Messages may close, or read, in its body; what it was given
// stays as it is.
func TestMessagesBody(t *testing.T) {
	ws, peer := raw(conn.Client, nil)
	go peer.Write(unhex(t, "81 01 61  81 01 62  81 01 63"))
	go io.Copy(io.Discard, peer)
	var got string
	for msg, err := range ws.Messages(t.Context()) {
		if err != nil {
			break
		}
		if got += string(msg.Data); got == "a" {
			_, data, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "b", string(data))
			require.Equal(t, "a", string(msg.Data))
		}
		if string(msg.Data) == "c" {
			ws.CloseNow()
		}
	}
	require.Equal(t, "ac", got)
}

// A write that cannot begin leaves the Conn usable; one that is cut inside a
// frame ends it.
func TestCancelledWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := ws.WriteMessage(ctx, conn.Text, []byte("nobody reads"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		go peer.Read(make([]byte, 100))
		require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("somebody reads")))

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go peer.Read(make([]byte, 3))
		err = ws.WriteMessage(ctx, conn.Text, []byte("a part is read"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "after a part of it had left")
		<-ws.Done()
	})
}

// TLS can't go on after a write that was cut, so the connection fails at once,
// also when nothing of the message is known to have left. A context that ends
// between two writes does no harm.
func TestCancelledWriteTLS(t *testing.T) {
	secure := httptest.NewTLSServer(nil) // for its certificate
	defer secure.Close()
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			server, client := tls.Server(a, secure.TLS), tls.Client(b, &tls.Config{InsecureSkipVerify: true})
			go server.Handshake()
			require.NoError(t, client.Handshake())
			mine, peer := server, client
			if role == conn.Client {
				mine, peer = client, server
			}
			ws := conn.New(mine, role, handshake.Result{}, &conn.Config{KeepaliveInterval: -1})
			ctx, cancel := context.WithCancelCause(t.Context())
			go peer.Read(make([]byte, 100)) // one record
			require.NoError(t, ws.WriteMessage(ctx, conn.Text, []byte("whole")))
			cancel(errBroken)
			synctest.Wait()
			require.ErrorIs(t, ws.WriteMessage(ctx, conn.Text, nil), errBroken)
			go peer.Read(make([]byte, 100))
			require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("whole")))

			ctx, cancel = context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errBroken) })
			err := ws.WriteMessage(ctx, conn.Text, []byte("nobody reads"))
			require.ErrorIs(t, err, errBroken)
			require.ErrorContains(t, err, "TLS")
			<-ws.Done()
			b.Close()
		})
	}
}

// pausing stops for an hour behind byte number cut of what it writes.
type pausing struct {
	net.Conn
	cut int
}

func (p *pausing) Write(b []byte) (int, error) {
	if p.cut == 0 || p.cut >= len(b) {
		return p.Conn.Write(b)
	}
	cut := p.cut
	p.cut = 0
	n, err := p.Conn.Write(b[:cut])
	if err != nil {
		return n, err
	}
	time.Sleep(time.Hour)
	more, err := p.Conn.Write(b[cut:])
	return n + more, err
}

// Reading goes on after a cut inside a record of TLS.
func TestCancelledReadTLS(t *testing.T) {
	secure := httptest.NewTLSServer(nil) // for its certificate
	defer secure.Close()
	for _, cut := range []int{1, 4, 5, 6, 20} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			under := &pausing{Conn: a}
			server, client := tls.Server(under, secure.TLS), tls.Client(b, &tls.Config{InsecureSkipVerify: true})
			shaken := make(chan error, 1)
			go func() { shaken <- server.Handshake() }()
			require.NoError(t, client.Handshake())
			ws := conn.New(client, conn.Client, handshake.Result{}, &conn.Config{KeepaliveInterval: -1})
			go func() {
				<-shaken
				under.cut = cut
				server.Write(textTo(conn.Client, "Hello"))
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, _, err := ws.ReadMessage(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			_, data, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "Hello", string(data))
			ws.CloseNow()
			a.Close()
		})
	}
}

// A long write that cannot begin leaves the Conn usable too, and a message of
// 48 KiB is one call, whatever the transport.
func TestLongWrite(t *testing.T) {
	for _, role := range []conn.Role{conn.Server, conn.Client} {
		synctest.Test(t, func(t *testing.T) {
			a, peer := net.Pipe()
			counted := &counting{Conn: a}
			ws := conn.New(counted, role, handshake.Result{}, nil)
			require.NoError(t, ws.BufferMessage(conn.Text, []byte("kept")))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			long := bytes.Repeat([]byte("long"), 12<<10)
			require.ErrorIs(t, ws.WriteMessage(ctx, conn.Text, long), context.DeadlineExceeded)
			back := conn.New(peer, opposite(role), handshake.Result{}, nil)
			go func() {
				ws.Flush(t.Context())
				counted.writes.Store(0)
				ws.WriteMessage(t.Context(), conn.Text, long)
			}()
			for _, want := range []string{"kept", string(long)} {
				_, p, err := back.ReadMessage(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, string(p))
			}
			require.EqualValues(t, 1, counted.writes.Load())
			ws.CloseNow()
			back.CloseNow()
		})
	}
}

// What BufferMessage accepted outlives a write and a read whose contexts end.
func TestBufferedOutlivesContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, nil)
		require.NoError(t, ws.BufferMessage(conn.Text, []byte("kept")))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, ws.WriteMessage(ctx, conn.Text, []byte("taken back")), context.DeadlineExceeded)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := make([]byte, 3)
		go peer.Read(got)
		_, _, err := ws.ReadMessage(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		go ws.WriteMessage(t.Context(), conn.Text, []byte("next"))
		rest := make([]byte, 9)
		_, err = io.ReadFull(peer, rest)
		require.NoError(t, err)
		require.Equal(t, "\x81\x04kept\x81\x04next", string(got)+string(rest))
		ws.CloseNow()
	})
}

// A waiter for the lock gives up with its context, and the next one is served.
func TestWaitingWriterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, nil)
		go ws.WriteMessage(t.Context(), conn.Text, []byte("stuck"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, ws.WriteMessage(ctx, conn.Text, nil), context.DeadlineExceeded)
		_, err := ws.Ping(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		done := make(chan error)
		go func() { done <- ws.WriteMessage(t.Context(), conn.Text, []byte("next")) }()
		go io.Copy(io.Discard, peer)
		require.NoError(t, <-done)
		ws.CloseNow()
		peer.Close()
	})
}

// A pong that cannot be written delays the reader by ControlTimeout or until its
// context ends, once; messages behind the pings arrive, and the latest pong
// leaves when the peer takes it. Proves 5.5.3-2.
func TestPongStuck(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			var pinged []string
			ws, peer := raw(role, &conn.Config{
				OnPing: func(ws *conn.Conn, p []byte) { pinged = append(pinged, string(p)) },
				OnPong: func(ws *conn.Conn, p []byte) { pinged = append(pinged, "pong "+ws.Role().String()) },
			})
			pong := to(role, frame.Header{FIN: true, Opcode: frame.Pong}, "")
			go peer.Write(bytes.Join([][]byte{pong, pingTo(role, "a"), pingTo(role, "b"), textTo(role, "1")}, nil))
			begun := time.Now()
			_, data, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "1", string(data))
			require.Equal(t, conn.DefaultControlTimeout, time.Since(begun))
			begun = time.Now()
			go peer.Write(append(pingTo(role, "c"), textTo(role, "2")...))
			_, data, err = ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "2", string(data))
			require.Zero(t, time.Since(begun))
			require.Equal(t, []string{"pong " + role.String(), "a", "b", "c"}, pinged)
			time.Sleep(time.Hour) // nobody is blamed while we don't read

			out := collect(peer)
			synctest.Wait()
			ws.CloseNow()
			require.Equal(t, []string{"pong a", "pong c"}, slices.DeleteFunc(frames(t, role, <-out), func(f string) bool { return f == "ping" }))
		})
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, nil)
			go peer.Write(pingTo(role, "a"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begun := time.Now()
			_, _, err := ws.ReadMessage(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Second, time.Since(begun))
			ws.CloseNow()
		})
	}
}

// A transport that ends without a Close frame is code 1006 and its cause.
func TestLost(t *testing.T) {
	ws, peer := raw(conn.Client, nil)
	peer.Close()
	_, _, err := ws.ReadMessage(t.Context())
	var ce *conn.CloseError
	require.ErrorAs(t, err, &ce)
	require.Equal(t, frame.StatusAbnormalClosure, ce.Code)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// A handler's error closes with 1011, without its text.
func TestHandlerError(t *testing.T) {
	s := httptest.NewServer(conn.Handler(func(context.Context, *conn.Conn) error { return io.ErrNoProgress }, nil))
	defer s.Close()
	ws, err := conn.Dial(t.Context(), s.URL, nil)
	require.NoError(t, err)
	_, _, err = ws.ReadMessage(t.Context())
	var ce *conn.CloseError
	require.ErrorAs(t, err, &ce)
	require.Equal(t, frame.StatusInternalError, ce.Code)
	require.Empty(t, ce.Reason)
}
