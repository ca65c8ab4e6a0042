package hub_test

import (
	"context"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// A soak's readers, of which most are fast.
const (
	soakReaders = 1000
	soakSlow    = 50
	soakStuck   = 10
	soakRate    = 1000 // messages a second
	soakHistory = 4096
)

// soakReader is one subscriber, both ends.
type soakReader struct {
	queue *sendqueue.Queue
	sub   *hub.Subscription
	ws    *conn.Conn    // the client
	seen  atomic.Uint64 // the number of the latest message that the client has read
}

// A thousand subscribers over loopback, some slow, some stuck: the fast ones
// lose and reorder nothing, and memory stays flat. Three seconds by default;
// RFC6455_SOAK sets another time, such as 1m.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("a soak")
	}
	length := 3 * time.Second
	if s := os.Getenv("RFC6455_SOAK"); s != "" {
		var err error
		length, err = time.ParseDuration(s)
		require.NoError(t, err, "RFC6455_SOAK")
	}
	topic := topic(t, hub.Config{Encode: hub.Numbered, History: hub.Limits{Messages: soakHistory}})
	readers := subscribeSoak(t, topic)
	slow, fast := readers[soakStuck:soakStuck+soakSlow], readers[soakStuck+soakSlow:]

	var group sync.WaitGroup
	for _, r := range fast {
		group.Go(func() { r.read(t, 1, 0) })
	}
	for i, r := range slow {
		step := uint64(1) // under Block, no gap for as long as the subscription lasts
		if i%2 == 1 {
			step = 0 // under DropOldest, gaps
		}
		group.Go(func() { r.read(t, step, 10*time.Millisecond) })
	}

	begun := time.Now()
	early := uint64(0)
	for n := 0; time.Since(begun) < length; n++ {
		if due := begun.Add(time.Duration(n) * time.Second / soakRate); n%10 == 0 {
			time.Sleep(time.Until(due))
			waitForReaders(fast, topic.Last(), soakHistory/2)
		}
		_, err := topic.Publish(conn.Binary, make([]byte, 100))
		require.NoError(t, err)
		if early == 0 && time.Since(begun) > length/3 {
			early = liveMemory()
		}
	}
	published := topic.Last()
	waitForReaders(fast, published, 0)
	late := liveMemory()
	t.Logf("%d messages to %d readers in %v; %d KiB live after a third, %d KiB at the end",
		published, soakReaders, time.Since(begun).Round(time.Millisecond), early>>10, late>>10)
	require.Less(t, late, early+8<<20)

	for _, r := range readers[:soakStuck+soakSlow] {
		require.LessOrEqual(t, r.queue.Stats().MaxBytes, 64<<10+16<<10)
		if err := r.sub.Err(); err != nil {
			require.ErrorIs(t, err, hub.ErrHistoryLost)
		}
	}
	for _, r := range fast {
		require.NoError(t, r.sub.Err())
		require.Equal(t, published, r.seen.Load())
	}
	for _, r := range readers {
		r.ws.CloseNow()
		r.queue.Conn().CloseNow()
		r.sub.Close()
	}
	group.Wait()
}

// subscribeSoak connects and subscribes every reader: first the stuck ones,
// then the slow ones. Every second queue drops, the others fall behind.
func subscribeSoak(t *testing.T, topic *hub.Topic) []*soakReader {
	accepted := make(chan *conn.Conn)
	patient := &conn.Config{KeepaliveInterval: -1} // or the stuck ones would be found out after 45 seconds
	s := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		accepted <- ws
		for _, err := range ws.Messages(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	}, patient))
	t.Cleanup(s.Close)
	cfg := &conn.Config{KeepaliveInterval: -1, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			nc.(*net.TCPConn).SetReadBuffer(16 << 10) // so that queues fill and not the kernel
		}
		return nc, err
	}}
	readers := make([]*soakReader, soakReaders)
	for i := range readers {
		ws, err := conn.Dial(t.Context(), strings.Replace(s.URL, "http", "ws", 1), cfg)
		require.NoError(t, err)
		r := &soakReader{ws: ws}
		policy := sendqueue.Block
		if i%2 == 1 && i < soakStuck+soakSlow {
			policy = sendqueue.DropOldest
		}
		r.queue, err = sendqueue.New(<-accepted, &sendqueue.Config{Policy: policy, MaxBytes: 64 << 10})
		require.NoError(t, err)
		r.sub, err = topic.Subscribe(r.queue, hub.Live)
		require.NoError(t, err)
		readers[i] = r
	}
	return readers
}

// read checks that numbers follow one another: each the next one with step 1,
// each a later one with step 0.
func (r *soakReader) read(t *testing.T, step uint64, pause time.Duration) {
	for msg, err := range r.ws.Messages(t.Context()) {
		if err != nil {
			return
		}
		seq, _, err := hub.ParseSequence(msg.Type, msg.Data)
		seen := r.seen.Load()
		if err != nil || seq <= seen || step == 1 && seq != seen+1 {
			t.Errorf("%d after %d: %v", seq, seen, err)
			return
		}
		r.seen.Store(seq)
		time.Sleep(pause)
	}
}

// waitForReaders waits until nobody is more than so many messages behind: a
// machine that is too slow for the rate gets a lower one, instead of readers
// that are fast no longer.
func waitForReaders(readers []*soakReader, last, behind uint64) {
	for _, r := range readers {
		for r.seen.Load()+behind < last {
			select {
			case <-r.sub.Done(): // the check at the end says why
				return
			case <-r.ws.Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
}
