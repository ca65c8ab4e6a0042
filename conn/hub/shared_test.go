package hub_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// countingCompressor counts what the package's own compresses.
type countingCompressor struct {
	deflate.Compressor
	calls *atomic.Int64
}

func (z countingCompressor) Compress(dst, p []byte) ([]byte, error) {
	z.calls.Add(1)
	return z.Compressor.Compress(dst, p)
}

// A message is compressed once for all subscribers of one setting, not once
// for each; and each of them can inflate it.
func TestCompressedOnce(t *testing.T) {
	const each, messages = 50, 20
	var calls atomic.Int64
	var own deflate.Options
	options := &deflate.Options{Threshold: -1, NewCompressor: func(_, bits int) deflate.Compressor {
		return countingCompressor{own.Compressor(bits, false), &calls}
	}}
	topic := topic(t, hub.Config{Encode: hub.Numbered})
	var peers []*conn.Conn
	for _, params := range []string{"", "; server_max_window_bits=10", "; server_no_context_takeover"} {
		exts, err := handshake.ParseExtensions([]string{"permessage-deflate" + params})
		require.NoError(t, err)
		for range each {
			a, b := net.Pipe()
			agreed := handshake.Result{Extensions: exts}
			ws := conn.New(a, conn.Server, agreed, &conn.Config{Compression: options})
			peer := conn.New(b, conn.Client, agreed, &conn.Config{Compression: &deflate.Options{}})
			t.Cleanup(func() { ws.CloseNow(); peer.CloseNow() })
			q, err := sendqueue.New(ws, nil)
			require.NoError(t, err)
			_, err = topic.Subscribe(q, hub.Live)
			require.NoError(t, err)
			peers = append(peers, peer)
		}
	}
	for range messages {
		_, err := topic.Publish(conn.Text, []byte("a price, a price, a price, a price and a price"))
		require.NoError(t, err)
	}
	for _, peer := range peers {
		for want := range uint64(messages) {
			seq, err := next(t.Context(), peer)
			require.NoError(t, err)
			require.Equal(t, want+1, seq)
		}
	}
	require.EqualValues(t, 2*messages, calls.Load(), "two windows; takeover makes no difference to a message that stands alone")
	topic.Close()
}

// Thousands of topics with subscribers come and go: afterwards no goroutine and
// no memory is left of them.
func TestTopicsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which waits for every goroutine
		h := hub.New(func(string) *hub.Config { return &hub.Config{History: hub.Limits{Age: time.Minute}} })
		q, peer := pair(t, &sendqueue.Config{Policy: sendqueue.DropOldest, MaxMessages: 10})
		defer q.Close(t.Context())
		go func() {
			for range peer.Messages(t.Context()) {
			}
		}()
		go q.Conn().ReadMessage(t.Context()) // the pongs
		round := func() uint64 {
			for i := range 1000 {
				topic, err := h.Topic(fmt.Sprint(i))
				require.NoError(t, err)
				publish(t, topic, 5)
				sub, err := topic.Subscribe(q, 0)
				require.NoError(t, err)
				publish(t, topic, 5)
				if i%2 == 0 {
					sub.Close()
				} else {
					h.Delete(fmt.Sprint(i))
					<-sub.Done()
				}
			}
			synctest.Wait()
			time.Sleep(2 * time.Minute)
			require.Equal(t, 500, h.DeleteIdle())
			require.NoError(t, q.Flush(t.Context()))
			runtime.GC()
			return liveMemory()
		}
		round()
		before := round()
		for range 3 {
			require.Less(t, round(), before+64<<10)
		}
		q.Conn().CloseNow()
	})
}

// What an idle subscription costs beside its queue.
func TestSubscriptionMemory(t *testing.T) {
	const count = 1000
	topic := topic(t, hub.Config{})
	queues := make([]*sendqueue.Queue, count)
	for i := range queues {
		var err error
		queues[i], err = sendqueue.New(conn.New(sink{}, conn.Server, handshake.Result{}, nil), nil)
		require.NoError(t, err)
	}
	before := liveMemory()
	for _, q := range queues {
		_, err := topic.Subscribe(q, hub.Live)
		require.NoError(t, err)
	}
	each := (liveMemory() - before) / count
	t.Logf("%d bytes for an idle subscription", each)
	require.Less(t, each, uint64(1024))
	runtime.KeepAlive(topic)
}

// A message that can't be published ends nobody's subscription.
func TestPublishInvalid(t *testing.T) {
	topic := topic(t, hub.Config{})
	q, _ := pair(t, nil)
	sub, err := topic.Subscribe(q, hub.Live)
	require.NoError(t, err)
	for _, m := range []hub.Message{
		{Type: conn.Text, Data: []byte{0xff}}, {Type: 9}, {Type: conn.Text, Priority: 2},
	} {
		seq, err := topic.PublishMessage(m)
		require.Error(t, err)
		require.Zero(t, seq)
	}
	require.NoError(t, sub.Err())
	require.Zero(t, topic.Last())
	// One that its queue could never hold does, for there would be a gap.
	small, _ := pair(t, &sendqueue.Config{MaxBytes: 1})
	lost, err := topic.Subscribe(small, hub.Live)
	require.NoError(t, err)
	_, err = topic.Publish(conn.Text, []byte("xx"))
	require.NoError(t, err)
	require.ErrorIs(t, lost.Err(), sendqueue.ErrTooLarge)
	require.NoError(t, sub.Err())
	sub.Close()
	_, err = q.Close(func() context.Context { ctx, cancel := context.WithCancel(t.Context()); cancel(); return ctx }())
	require.ErrorIs(t, err, context.Canceled)
}
