package sendqueue_test

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// An empty queue owns a struct and a context, also after it was in use.
func TestIdleMemory(t *testing.T) {
	const count = 1000
	queues := make([]*sendqueue.Queue, count)
	conns := make([]*conn.Conn, count)
	for i := range conns {
		conns[i] = conn.New(sink{}, conn.Server, handshake.Result{}, nil)
		conns[i].WriteMessage(t.Context(), conn.Binary, nil)
	}
	before := heap()
	for i := range queues {
		var err error
		queues[i], err = sendqueue.New(conns[i], nil)
		require.NoError(t, err)
		for range 100 {
			queues[i].SendItem(t.Context(), item(t, "x key"))
		}
		require.NoError(t, queues[i].Flush(t.Context()))
	}
	each := (heap() - before) / count
	t.Logf("%d bytes for an empty queue", each)
	require.Less(t, each, int64(2048))
	runtime.KeepAlive(queues)
	runtime.KeepAlive(conns)
}

// A payload that the caller gives up is not copied, by a server of any size of
// message: neither when it is queued nor when it is written.
func TestOwnedIsNotCopied(t *testing.T) {
	const size, count = 1 << 20, 16
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer peer.Close()
	go io.Copy(io.Discard, peer)
	nc, err := l.Accept()
	require.NoError(t, err)
	ws := conn.New(nc, conn.Server, handshake.Result{}, nil)
	defer ws.CloseNow()
	q, err := sendqueue.New(ws, &sendqueue.Config{MaxBytes: size * count})
	require.NoError(t, err)
	payloads := make([][]byte, count)
	for i := range payloads {
		payloads[i] = make([]byte, size)
	}
	before := allocated()
	for _, p := range payloads {
		m, err := conn.PrepareOwned(conn.Binary, p)
		require.NoError(t, err)
		require.Same(t, &p[0], &m.Payload()[0])
		q.SendItem(t.Context(), sendqueue.Item{Message: m})
	}
	require.NoError(t, q.Flush(t.Context()))
	require.Less(t, allocated()-before, int64(size/2))
}

// allocated is the bytes that were ever allocated.
func allocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

// heap is the bytes of reachable objects.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the second empties what pools keep for a round
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// sink is a transport that takes everything.
type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error)        { return len(p), nil }
func (sink) Close() error                       { return nil }
func (sink) SetWriteDeadline(t time.Time) error { return nil }
