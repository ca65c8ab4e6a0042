package conn_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
)

// diary writes down what the hooks see.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) trace() *conn.Trace {
	return &conn.Trace{
		Handshake: func(ws *conn.Conn, role conn.Role, took time.Duration, err error) {
			d.add("handshake %v %v %v", role, took, err)
		},
		MessageReceived: func(ws *conn.Conn, typ conn.MessageType, size int64) { d.add("received %v %d", typ, size) },
		MessageSent:     func(ws *conn.Conn, typ conn.MessageType, size int64) { d.add("sent %v %d", typ, size) },
		ControlReceived: func(ws *conn.Conn, op frame.Opcode, p []byte) { d.add("received %v %d", op, len(p)) },
		ControlSent:     func(ws *conn.Conn, op frame.Opcode, p []byte) { d.add("sent %v %d", op, len(p)) },
		Buffered:        func(ws *conn.Conn, n int) { d.add("buffered %d", n) },
		Closed:          func(ws *conn.Conn, how *conn.CloseError) { d.add("closed %d local=%v", how.Code, how.Local) },
	}
}

func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mine, theirs diary
		ctx := t.Context()
		server, client := conntest.Pair(&conntest.Options{
			Link:   conntest.Link{Latency: time.Second},
			Server: &conn.Config{Trace: theirs.trace()},
			Client: &conn.Config{Trace: mine.trace(), FrameSize: 4},
		})
		served := make(chan error)
		go func() { served <- echo(context.Background(), server) }()
		require.NoError(t, client.WriteMessage(ctx, conn.Text, []byte("Hello")))
		_, _, err := client.ReadMessage(ctx)
		require.NoError(t, err)
		go client.ReadMessage(ctx)
		_, err = client.Ping(ctx)
		require.NoError(t, err)
		require.NoError(t, client.Close())
		<-served
		synctest.Wait()
		require.Equal(t, []string{
			"handshake client 2s <nil>", "sent text 5", "received text 5", "sent ping 8", "received pong 8",
			"sent close 2", "received close 2", "closed 1000 local=true",
		}, mine.lines)
		require.Equal(t, []string{
			"handshake server 1s <nil>", "received text 5", "sent text 5", "buffered 7", "received ping 8", "sent pong 8",
			"received close 2", "sent close 2", "closed 1000 local=false",
		}, theirs.lines)
	})
}

// Hooks cost no allocation, whether there are none, some that are nil, or all.
func TestTraceNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops buffers at random under the race detector")
	}
	seen := 0
	count := func(*conn.Conn, conn.MessageType, int64) { seen++ }
	for name, trace := range map[string]*conn.Trace{"none": nil, "nil": {}, "all": {
		MessageReceived: count, MessageSent: count,
		ControlReceived: func(*conn.Conn, frame.Opcode, []byte) { seen++ },
		Buffered:        func(*conn.Conn, int) { seen++ },
	}} {
		wire := append(to(conn.Server, frame.Header{FIN: true, Opcode: frame.Pong}, "p"), textTo(conn.Server, "Hello")...)
		ws := conn.New(&source{wire: wire}, conn.Server, noHandshake, &conn.Config{Trace: trace})
		dst, hello := make([]byte, 0, 5), []byte("Hello")
		require.Zero(t, testing.AllocsPerRun(100, func() {
			ws.AppendMessage(context.Background(), dst)
			ws.BufferMessage(conn.Text, hello)
			ws.WriteMessage(context.Background(), conn.Text, hello)
		}), name)
		ws.CloseNow()
	}
	require.Equal(t, 101*5, seen)
}

// Refusals are handshakes too, on both sides; a Trace without the hook, and an
// end without a Close frame, are fine.
func TestTraceFailures(t *testing.T) {
	var mine, theirs diary
	s := httptest.NewServer(conn.Handler(echo, &conn.Config{Trace: theirs.trace(), CheckRequest: nil}))
	defer s.Close()
	_, err := conn.Dial(t.Context(), s.URL, &conn.Config{Trace: mine.trace(), Header: http.Header{"Origin": {"http://evil.example"}}})
	require.Error(t, err)
	require.Contains(t, mine.lines[0], "handshake client")
	require.Contains(t, theirs.lines[0], "handshake server")

	var last diary
	ws, peer := raw(conn.Server, &conn.Config{Trace: last.trace()})
	peer.Close()
	ws.ReadMessage(t.Context())
	ws, _ = raw(conn.Server, &conn.Config{Trace: last.trace()})
	ws.CloseNow()
	ws, _ = raw(conn.Server, &conn.Config{Trace: &conn.Trace{}})
	ws.BufferMessage(conn.Text, nil)
	ws.CloseNow()
	require.Equal(t, []string{"closed 1006 local=false", "closed 1006 local=true"}, last.lines)
}

// Logs of connections with log/slog.
func ExampleTrace_slog() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // so that the output is the same every time
		}
		return a
	}}))
	trace := &conn.Trace{
		Handshake: func(ws *conn.Conn, role conn.Role, took time.Duration, err error) {
			if err != nil {
				log.Warn("websocket refused", "err", err)
				return
			}
			log.Info("websocket open", "peer", ws.RemoteAddr(), "subprotocol", ws.Subprotocol())
		},
		Closed: func(ws *conn.Conn, how *conn.CloseError) {
			if how.Err != nil {
				log.Warn("websocket failed", "peer", ws.RemoteAddr(), "err", how.Err)
				return
			}
			s := ws.Stats()
			log.Info("websocket closed", "peer", ws.RemoteAddr(), "code", int(how.Code), "local", how.Local,
				"received", s.MessagesReceived, "sent", s.MessagesSent)
		},
	}
	server, client := conntest.Pair(&conntest.Options{Server: &conn.Config{Trace: trace}})
	client.WriteMessage(context.Background(), conn.Text, []byte("Hello"))
	go client.CloseWith(frame.StatusGoingAway, "page left")
	for _, err := range server.Messages(context.Background()) {
		if err != nil {
			break
		}
	}

	// A peer that breaks a rule, or is gone without a word, is a warning.
	server, client = conntest.Pair(&conntest.Options{Server: &conn.Config{Trace: trace, MaxMessageSize: 3}})
	go client.ReadMessage(context.Background())
	client.WriteMessage(context.Background(), conn.Text, []byte("Hello"))
	server.ReadMessage(context.Background())
	// Output:
	// level=INFO msg="websocket open" peer=b subprotocol=""
	// level=INFO msg="websocket closed" peer=b code=1001 local=false received=1 sent=0
	// level=INFO msg="websocket open" peer=b subprotocol=""
	// level=WARN msg="websocket failed" peer=b err="websocket: message larger than the limit (RFC 6455, section 10.4; close code 1009)"
}

// Metrics of a server with expvar.
func ExampleTrace_expvar() {
	var group conn.Group
	metrics := expvar.NewMap("websocket")
	metrics.Set("open", expvar.Func(func() any { return group.Stats().Conns }))
	trace := &conn.Trace{
		MessageReceived: func(_ *conn.Conn, _ conn.MessageType, size int64) { metrics.Add("bytes", size) },
		Closed: func(_ *conn.Conn, how *conn.CloseError) {
			metrics.Add(fmt.Sprintf("closed_%d", uint16(how.Code)), 1)
		},
	}
	server, client := conntest.Pair(&conntest.Options{Server: &conn.Config{Trace: trace, Group: &group}})
	client.WriteMessage(context.Background(), conn.Text, []byte("Hello"))
	server.ReadMessage(context.Background())
	fmt.Println(metrics)
	go client.Close()
	server.ReadMessage(context.Background())
	fmt.Println(metrics.Get("closed_1000"))
	// Output:
	// {"bytes": 5, "open": 1}
	// 1
}

// A server that stops without cutting people off.
func ExampleGroup_Shutdown() {
	var group conn.Group
	mux := http.NewServeMux()
	mux.Handle("/echo", group.Handler(echo))
	server := &http.Server{Handler: mux}

	// When the signal to stop comes:
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := errors.Join(group.Shutdown(ctx), server.Shutdown(ctx))
	fmt.Println(err, group.Stats().Conns)
	// Output: <nil> 0
}
