package conn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// batch is messages whose payloads tell them apart, of the given size.
func batch(t *testing.T, count, size int) []*conn.PreparedMessage {
	ms := make([]*conn.PreparedMessage, count)
	for i := range ms {
		p := append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte("."), size)...)
		m, err := conn.PrepareOwned(conn.Text, p[:max(size, 4)])
		require.NoError(t, err)
		ms[i] = m
	}
	return ms
}

func opposite(role conn.Role) conn.Role {
	if role == conn.Client {
		return conn.Server
	}
	return conn.Client
}

func TestBatch(t *testing.T) {
	for _, role := range []conn.Role{conn.Server, conn.Client} {
		for _, tt := range []struct{ count, size, writes int }{
			{0, 0, 1}, {1, 10, 1}, {128, 100, 1}, {300, 4, 3}, {3, 20 << 10, 0}, {1, 1 << 20, 0},
		} {
			t.Run(fmt.Sprint(role, tt), func(t *testing.T) {
				a, b := net.Pipe()
				counted := &counting{Conn: a}
				ws := conn.New(counted, role, handshake.Result{}, nil)
				peer := conn.New(b, opposite(role), handshake.Result{}, &conn.Config{MaxMessageSize: -1})
				defer ws.CloseNow()
				defer peer.CloseNow()
				ms := batch(t, tt.count, tt.size)
				require.NoError(t, ws.BufferMessage(conn.Text, []byte("first")))
				errs := make(chan error, 1)
				go func() {
					n, err := ws.WriteBatch(t.Context(), ms)
					if n != len(ms) {
						err = errors.Join(err, fmt.Errorf("sent %d", n))
					}
					errs <- errors.Join(err, ws.Flush(t.Context()))
				}()
				_, p, err := peer.ReadMessage(t.Context())
				require.NoError(t, err)
				require.Equal(t, "first", string(p))
				for _, m := range ms {
					_, p, err := peer.ReadMessage(t.Context())
					require.NoError(t, err)
					require.Equal(t, m.Payload(), p)
				}
				require.NoError(t, <-errs)
				if tt.writes > 0 {
					require.EqualValues(t, tt.writes, counted.writes.Load())
				}
			})
		}
	}
}

// A context that ends after any byte takes back the messages that have not
// begun to leave, and nothing is lost or sent twice.
func TestBatchCancelled(t *testing.T) {
	for _, role := range []conn.Role{conn.Server, conn.Client} {
		total := 2 + 5 + 4*(2+4)
		if role == conn.Client {
			total += 5 * 4
		}
		for cut := range total {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(role, nil)
				ms := batch(t, 4, 4)
				require.NoError(t, ws.BufferMessage(conn.Text, []byte("first")))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				read := make(chan []byte, 1)
				go func() {
					head := make([]byte, cut)
					io.ReadFull(peer, head)
					time.Sleep(time.Hour)
					rest, _ := io.ReadAll(peer)
					read <- append(head, rest...)
				}()
				n, err := ws.WriteBatch(ctx, ms)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.EqualValues(t, 1+n, ws.Stats().MessagesSent)
				k, err := ws.WriteBatch(t.Context(), ms[n:])
				require.NoError(t, err)
				require.Equal(t, 4, n+k)
				ws.CloseNow()
				wire := <-read
				require.Len(t, wire, total, "cut at %d", cut)
				a, b := net.Pipe()
				go func() { a.Write(wire); a.Close() }()
				replay := conn.New(b, opposite(role), handshake.Result{}, nil)
				for _, want := range []string{"first", "0 ..", "1 ..", "2 ..", "3 .."} {
					_, p, err := replay.ReadMessage(t.Context())
					require.NoError(t, err)
					require.Equal(t, want, string(p))
				}
			})
		}
	}
}

// When the transport fails, the count is of the messages that it took whole.
func TestBatchFailed(t *testing.T) {
	for cut := range 4 * (2 + 4) {
		ws, peer := raw(conn.Server, nil)
		go func() {
			io.ReadFull(peer, make([]byte, cut))
			peer.Close()
		}()
		n, err := ws.WriteBatch(t.Context(), batch(t, 4, 4))
		var ce *conn.CloseError
		require.ErrorAs(t, err, &ce)
		require.Equal(t, cut/6, n, "cut at %d", cut)
		n, err = ws.WriteBatch(t.Context(), batch(t, 4, 4))
		require.Zero(t, n)
		require.ErrorAs(t, err, &ce)
	}
}

func TestSyscallConn(t *testing.T) {
	ws, _ := raw(conn.Server, nil)
	_, err := ws.SyscallConn()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	over, err := conn.Dial(t.Context(), echoServer(t), nil)
	require.NoError(t, err)
	defer over.CloseNow()
	rc, err := over.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(fd uintptr) { require.NotZero(t, fd) }))
}
