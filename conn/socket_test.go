//go:build unix

package conn_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// socketServer returns a server's Conn on a TCP connection, and the client's end.
func socketServer(t *testing.T) (*conn.Conn, *net.TCPConn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	nc, err := ln.Accept()
	require.NoError(t, err)
	ws := conn.New(nc, conn.Server, handshake.Result{}, nil)
	t.Cleanup(func() { ws.CloseNow(); client.Close() })
	return ws, client.(*net.TCPConn)
}

// A reset is the network's error, with the addresses, in both directions.
func TestSocketReset(t *testing.T) {
	for name, use := range map[string]func(*conn.Conn) error{
		"read": func(ws *conn.Conn) error {
			_, _, err := ws.ReadMessage(t.Context())
			return err
		},
		"write": func(ws *conn.Conn) error {
			for {
				if err := ws.WriteMessage(t.Context(), conn.Text, []byte("Hello")); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ws, client := socketServer(t)
			require.NoError(t, client.SetLinger(0))
			require.NoError(t, client.Close())
			err := use(ws)
			var closed *conn.CloseError
			require.ErrorAs(t, err, &closed)
			require.Equal(t, frame.StatusAbnormalClosure, closed.Code)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, name, op.Op)
			require.Equal(t, ws.RemoteAddr(), op.Addr)
			require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%v", err)
		})
	}
}

// What a full socket took only in part stays in order, and leaves while a read
// waits, as soon as the peer reads.
func TestFullSocket(t *testing.T) {
	ws, client := socketServer(t)
	m, err := conn.Prepare(conn.Binary, make([]byte, 10_000))
	require.NoError(t, err)
	sent := 0
	for {
		ok, whole, err := ws.TryWrite(m)
		require.NoError(t, err)
		if ok {
			sent++
		}
		if !whole {
			break
		}
	}
	require.NoError(t, ws.BufferMessage(conn.Text, []byte("last")))
	got := make(chan error, 1)
	go func() {
		_, _, err := ws.ReadMessage(t.Context())
		got <- err
	}()
	want := int64(sent*(4+10_000) + 2 + len("last"))
	n, err := io.CopyN(io.Discard, client, want-4)
	require.NoError(t, err)
	require.Equal(t, want-4, n)
	end := make([]byte, 4)
	_, err = io.ReadFull(client, end)
	require.NoError(t, err)
	require.Equal(t, "last", string(end))
	_, err = client.Write(unhex(t, "81 81 00 00 00 00 78"))
	require.NoError(t, err)
	require.NoError(t, <-got)
}

// An echo over a socket costs no allocation: neither the RawConn nor what it
// calls back leaves the stack.
func TestSocketNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops buffers at random under the race detector")
	}
	for network, addr := range map[string]string{"tcp": "127.0.0.1:0", "unix": t.TempDir() + "/socket"} {
		t.Run(network, func(t *testing.T) {
			ln, err := net.Listen(network, addr)
			require.NoError(t, err)
			defer ln.Close()
			client, err := net.Dial(network, ln.Addr().String())
			require.NoError(t, err)
			defer client.Close()
			nc, err := ln.Accept()
			require.NoError(t, err)
			ws := conn.New(nc, conn.Server, handshake.Result{}, nil)
			defer ws.CloseNow()
			ctx, dst := t.Context(), make([]byte, 0, 5)
			hello, answer := unhex(t, "81 85 00 00 00 00 48 65 6c 6c 6f"), make([]byte, 7)
			require.Zero(t, testing.AllocsPerRun(100, func() {
				client.Write(hello)
				typ, data, err := ws.AppendMessage(ctx, dst)
				if err == nil {
					err = ws.WriteMessage(ctx, typ, data)
				}
				require.NoError(t, err)
				io.ReadFull(client, answer)
			}))
		})
	}
}
