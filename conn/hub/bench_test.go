package hub_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// sink is a transport that takes everything and costs nothing.
type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error)      { return len(p), nil }
func (sink) Close() error                     { return nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkPublish is one message to a thousand subscribers, until all of them
// have it: what the library costs beside the system calls.
func BenchmarkPublish(b *testing.B) {
	const subscribers = 1000
	for _, size := range []int{16, 125, 1024, 16384} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			topic, err := hub.NewTopic(&hub.Config{Encode: hub.Numbered})
			require.NoError(b, err)
			defer topic.Close()
			queues := make([]*sendqueue.Queue, subscribers)
			for i := range queues {
				ws := conn.New(sink{}, conn.Server, handshake.Result{}, nil)
				defer ws.CloseNow()
				queues[i], err = sendqueue.New(ws, nil)
				require.NoError(b, err)
				_, err = topic.Subscribe(queues[i], hub.Live)
				require.NoError(b, err)
			}
			data := make([]byte, size)
			b.SetBytes(int64(subscribers * size))
			b.ReportAllocs()
			for b.Loop() {
				for range 10 { // a little burst, as publishers have them
					topic.Publish(conn.Binary, data)
				}
				for _, q := range queues {
					q.Flush(context.Background())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10*subscribers), "ns/delivery")
		})
	}
}

// BenchmarkAppend is one message to a thousand subscribers whose peers don't
// read: what a publisher pays for a subscriber, which is an append to a ring,
// and the drop of what is oldest there.
func BenchmarkAppend(b *testing.B) {
	const subscribers = 1000
	topic, err := hub.NewTopic(nil)
	require.NoError(b, err)
	defer topic.Close()
	for range subscribers {
		nc, peer := net.Pipe()
		defer peer.Close()
		ws := conn.New(nc, conn.Server, handshake.Result{}, &conn.Config{KeepaliveInterval: -1})
		defer ws.CloseNow()
		q, err := sendqueue.New(ws, &sendqueue.Config{Policy: sendqueue.DropOldest, MaxMessages: 64})
		require.NoError(b, err)
		_, err = topic.Subscribe(q, hub.Live)
		require.NoError(b, err)
	}
	data := make([]byte, 125)
	for range 200 { // until all queues are full
		topic.Publish(conn.Binary, data)
	}
	b.ReportAllocs()
	for b.Loop() {
		topic.Publish(conn.Binary, data)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*subscribers), "ns/subscriber")
}
