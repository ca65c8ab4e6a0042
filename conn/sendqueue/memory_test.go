package sendqueue_test

import (
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
