package conn_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// member returns a server's Conn in g, and the bare other end.
func member(g *conn.Group) (*conn.Conn, net.Conn) {
	return raw(conn.Server, &conn.Config{Group: g, KeepaliveInterval: -1})
}

// Peers that answer, that don't, that take nothing, and that are in the middle
// of a message, all in one Shutdown.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g conn.Group
		closing := g.ShuttingDown()
		var handlers sync.WaitGroup

		// A client of ours, which answers. Proves 7.4.1-1.
		server, client := conntest.Pair(&conntest.Options{Server: &conn.Config{Group: &g}})
		handlers.Go(func() { echo(context.Background(), server) })
		gone := make(chan error, 1)
		go func() {
			_, _, err := client.ReadMessage(context.Background())
			gone <- err
		}()

		// A peer that takes everything and answers nothing.
		silent, peer1 := member(&g)
		go io.Copy(io.Discard, peer1)
		handlers.Go(func() { echo(context.Background(), silent) })

		// A peer that takes nothing; nobody reads on our side either.
		stuck, peer2 := member(&g)
		_ = stuck

		// A peer in the middle of a message, which ends it and then answers.
		busy, peer3 := member(&g)
		got := make(chan string, 1)
		handlers.Go(func() {
			_, data, _ := busy.ReadMessage(context.Background())
			got <- string(data)
			busy.ReadMessage(context.Background())
		})
		go io.Copy(io.Discard, peer3)
		peer3.Write(unhex(t, "01 82 00 00 00 00 48 65"))
		synctest.Wait()
		go func() {
			<-closing
			time.Sleep(time.Second)
			peer3.Write(unhex(t, "80 83 00 00 00 00 6c 6c 6f 88 82 00 00 00 00 03 e9"))
		}()

		require.Equal(t, conn.GroupStats{Conns: 4, Opened: 4}, g.Stats())
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, g.Shutdown(ctx))
		require.Equal(t, conn.DefaultCloseTimeout, time.Since(begun), "as long as the peers that don't answer may take")
		handlers.Wait()
		require.Equal(t, "Hello", <-got)
		var ce *conn.CloseError
		require.ErrorAs(t, <-gone, &ce)
		require.Equal(t, frame.StatusGoingAway, ce.Code)
		require.Equal(t, conn.GroupStats{Opened: 4}, g.Stats())

		late, peer4 := member(&g) // whose handshake was under way
		go io.Copy(io.Discard, peer4)
		<-late.Done()
		require.NoError(t, g.Shutdown(ctx), "again, with nothing to do")
		for _, nc := range []net.Conn{peer1, peer2, peer3, peer4} {
			nc.Close()
		}
	})
}

// A message that is being streamed ends before the Close frame.
func TestShutdownBehindStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g conn.Group
		var rec conntest.Recorder
		server, client := conntest.Pair(&conntest.Options{Server: &conn.Config{Group: &g}, WrapServer: rec.Server})
		go client.ReadMessage(context.Background())
		w, err := server.NextWriter(t.Context(), conn.Text)
		require.NoError(t, err)
		w.Write(make([]byte, 5000))
		done := make(chan error)
		go func() { done <- g.Shutdown(t.Context()) }()
		synctest.Wait()
		w.Write(make([]byte, 5000))
		require.NoError(t, w.Close())
		require.NoError(t, <-done)
		frames := rec.Frames()[2:]
		var last *conntest.Frame
		for _, f := range frames {
			if f.From == conn.Server {
				require.False(t, last != nil && last.Header.FIN && f.Header.Opcode == frame.Continuation)
				if f.Header.Opcode == frame.Close {
					require.True(t, last.Header.FIN, "Close is behind the last fragment")
				}
				last = f
			}
		}
		require.Equal(t, frame.Close, last.Header.Opcode)
	})
}

// A request that was let in before Shutdown is waited for, though its
// connection joins later: it is told 1001, and does not outlive Shutdown.
// Those who come later are refused, on a bare listener too.
func TestShutdownDuringHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g conn.Group
		request := func(cfg *conn.Config) (answer string, closed frame.CloseCode) {
			a, b := conntest.Pipe(conntest.Link{})
			defer b.Close()
			go conn.Upgrade(context.Background(), a, cfg)
			io.WriteString(b, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			r := bufio.NewReader(b)
			answer, _ = r.ReadString('\n')
			if answer != "HTTP/1.1 101 Switching Protocols\r\n" {
				return answer, 0
			}
			for line := answer; line != "\r\n"; {
				line, _ = r.ReadString('\n')
			}
			early, _ := r.Peek(r.Buffered())
			ws := conn.New(b, conn.Client, handshake.Result{Buffered: early}, nil)
			_, _, err := ws.ReadMessage(t.Context())
			var ce *conn.CloseError
			require.ErrorAs(t, err, &ce)
			return answer, ce.Code
		}
		down := make(chan error, 1)
		answer, code := request(&conn.Config{Group: &g, CheckRequest: func(*handshake.Request) error {
			go func() { down <- g.Shutdown(t.Context()) }()
			time.Sleep(time.Second)
			require.Empty(t, down, "Shutdown waits for the handshake")
			return nil
		}})
		require.Equal(t, "HTTP/1.1 101 Switching Protocols\r\n", answer)
		require.Equal(t, frame.StatusGoingAway, code)
		require.NoError(t, <-down)
		require.Equal(t, conn.GroupStats{Opened: 1}, g.Stats())
		answer, _ = request(&conn.Config{Group: &g})
		require.Equal(t, "HTTP/1.1 503 Service Unavailable\r\n", answer)
		require.EqualValues(t, 1, g.Stats().Refused)
	})
}

// What is left when the context ends is cut, to the instant, and counted.
func TestShutdownCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g conn.Group
		ws, peer := member(&g)
		go io.Copy(io.Discard, peer)
		read := make(chan error)
		go func() {
			_, _, err := ws.ReadMessage(context.Background())
			read <- err
		}()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "1 connections cut")
		require.Equal(t, time.Second, time.Since(begun))
		require.ErrorIs(t, <-read, conn.ErrShutdown)
		require.EqualValues(t, 1, g.Stats().Cut)
		peer.Close()
	})
}

// Beside http.Server.Shutdown: no request is accepted, handlers finish.
func TestShutdownHandler(t *testing.T) {
	var g conn.Group
	finish := make(chan struct{})
	var finished bool
	s := httptest.NewServer(g.Handler(func(ctx context.Context, ws *conn.Conn) error {
		_, _, err := ws.ReadMessage(ctx)
		<-finish
		finished = true
		return err
	}, &conn.Config{Subprotocols: []string{"a"}}))
	defer s.Close()
	ws, err := conn.Dial(t.Context(), s.URL, &conn.Config{Subprotocols: []string{"a"}})
	require.NoError(t, err)
	require.Equal(t, "a", ws.Subprotocol())
	down := make(chan error)
	go func() { down <- g.Shutdown(context.Background()) }()
	_, _, err = ws.ReadMessage(t.Context())
	var ce *conn.CloseError
	require.ErrorAs(t, err, &ce)
	require.Equal(t, frame.StatusGoingAway, ce.Code)
	require.Equal(t, 1, g.Stats().Handlers)

	_, err = conn.Dial(t.Context(), s.URL, nil)
	var refusal *handshake.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, http.StatusServiceUnavailable, refusal.Status)
	require.EqualValues(t, 1, g.Stats().Refused)
	select {
	case <-down:
		t.Fatal("Shutdown did not wait for the handler")
	default:
	}
	close(finish)
	require.NoError(t, <-down)
	require.True(t, finished)
	<-g.ShuttingDown()
}

// A write-only connection answers pings, measures round trips, and closes with
// 1008 when a message comes.
func TestCloseRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := conntest.Pair(nil)
		ctx := server.CloseRead(t.Context())
		go func() {
			for _, err := range client.Messages(context.Background()) {
				if err != nil {
					return
				}
			}
		}()
		_, err := client.Ping(t.Context())
		require.NoError(t, err)
		_, err = server.Ping(t.Context())
		require.NoError(t, err)
		require.NoError(t, server.WriteMessage(ctx, conn.Text, []byte("only writes")))
		require.NoError(t, ctx.Err())
		require.NoError(t, client.WriteMessage(t.Context(), conn.Text, []byte("unexpected")))
		<-ctx.Done()
		<-client.Done()
		var ce *conn.CloseError
		require.ErrorAs(t, context.Cause(ctx), &ce)
		require.Equal(t, frame.StatusPolicyViolation, ce.Code)
		require.True(t, ce.Local)
	})
}

// CloseRead ends with its context, and reading can go on.
func TestCloseReadStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := conntest.Pair(nil)
		ctx, cancel := context.WithCancel(t.Context())
		reading := server.CloseRead(ctx)
		synctest.Wait()
		cancel()
		<-reading.Done()
		synctest.Wait()
		require.NoError(t, client.WriteMessage(t.Context(), conn.Text, []byte("later")))
		_, data, err := server.ReadMessage(t.Context())
		require.NoError(t, err)
		require.Equal(t, "later", string(data))
		server.CloseNow()
		client.CloseNow()
	})
}

// OnClose hears of every end once, after it.
func TestOnClose(t *testing.T) {
	for name, end := range map[string]func(ws *conn.Conn, peer net.Conn){
		"CloseNow": func(ws *conn.Conn, peer net.Conn) { ws.CloseNow(); ws.CloseNow() },
		"lost":     func(ws *conn.Conn, peer net.Conn) { peer.Close(); ws.ReadMessage(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			var told []error
			a, peer := net.Pipe()
			ws := conn.New(a, conn.Server, noHandshake, &conn.Config{OnClose: func(ws *conn.Conn, err error) {
				<-ws.Done()
				told = append(told, err)
			}})
			end(ws, peer)
			_, _, err := ws.ReadMessage(t.Context())
			require.Equal(t, []error{err}, told)
			require.True(t, errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF))
		})
	}
}
