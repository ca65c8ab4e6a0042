package reconnect_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// feed is what of the server survives its restarts: the log of the numbers
// published, and what each client has posted.
type feed struct {
	log     hub.Log
	history hub.Limits

	mu     sync.Mutex
	topic  *hub.Topic // of the server that runs, or ran last
	last   uint64     // number published
	posted []int      // by client: the last post taken in order
	broken error      // a post that came out of order
}

// restart begins a topic on the log that the last one has left.
func (f *feed) restart(t *testing.T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topic != nil {
		f.topic.Close()
	}
	topic, err := hub.NewTopic(&hub.Config{Log: f.log, History: f.history, Encode: hub.Numbered})
	require.NoError(t, err)
	f.topic = topic
}

func (f *feed) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	seq, err := f.topic.Publish(conn.Text, strconv.AppendUint(nil, f.last+1, 10))
	if f.last++; err != nil || seq != f.last {
		f.broken = fmt.Errorf("number %d was published as %d: %w", f.last, seq, err)
	}
}

// publishUntil publishes some hundred numbers a second until ctx ends.
func (f *feed) publishUntil(ctx context.Context) {
	next := time.NewTicker(5 * time.Millisecond)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			f.publish()
		case <-ctx.Done():
			return
		}
	}
}

func (f *feed) serve(ctx context.Context, ws *conn.Conn) error {
	f.mu.Lock()
	topic := f.topic
	f.mu.Unlock()
	return reconnect.ServeTopic(ctx, ws, topic, nil, func(q *sendqueue.Queue, m conn.Message) error {
		var client, n int
		if _, err := fmt.Sscanf(string(m.Data), "post %d %d", &client, &n); err != nil {
			return err
		}
		f.take(client, n)
		_, err := q.Send(ctx, conn.Text, fmt.Appendf(nil, "ack %d", n))
		return err
	})
}

// take notes a post; one that came before is a repetition, one that comes too
// early a loss.
func (f *feed) take(client, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch last := f.posted[client]; {
	case n == last+1:
		f.posted[client] = n
	case n > last:
		f.broken = fmt.Errorf("client %d: post %d came after %d", client, n, last)
	}
}

// ackOfPost recognizes the feed's "ack N".
func ackOfPost(m conn.Message) (reconnect.Ack, bool) {
	id, ok := strings.CutPrefix(string(m.Data), "ack ")
	return reconnect.Ack{ID: id, UpTo: true}, ok
}

// listener is one client of the feed.
type listener struct {
	client *reconnect.Client
	got    atomic.Uint64 // the last number, all before it received or declared lost
	missed atomic.Uint64
	losses atomic.Int64 // of history, declared
	err    atomic.Pointer[string]
}

func listenTo(t *testing.T, url string) *listener {
	l := &listener{}
	client, err := reconnect.New(t.Context(), url, &reconnect.Config{
		Backoff:     reconnect.Backoff{Base: 50 * time.Millisecond, Cap: 500 * time.Millisecond},
		StableAfter: 100 * time.Millisecond,
		// So short that the longest partitions end connections and attempts.
		Conn: &conn.Config{
			HandshakeTimeout:  2 * time.Second,
			KeepaliveInterval: time.Second,
			KeepaliveTimeout:  time.Second,
			CloseTimeout:      time.Second,
		},
		Identify:  reconnect.TopicID,
		OnConnect: reconnect.TopicSince,
		Ack:       ackOfPost,
	})
	require.NoError(t, err)
	l.client = client
	return l
}

// run checks that the numbers come once and in order, but for declared losses.
func (l *listener) run(ctx context.Context) {
	for msg, err := range l.client.Messages(ctx) {
		var gap *reconnect.GapError
		switch n := l.got.Load(); {
		case errors.As(err, &gap) && gap.HistoryLost && gap.Next.Seq > n:
			l.losses.Add(1)
			l.missed.Add(gap.Next.Seq - 1 - n)
			l.got.Store(gap.Next.Seq - 1)
		case err != nil:
			if ctx.Err() == nil {
				l.fail("after %d: %v", n, err)
			}
			return
		case n == 0: // it asked for what history there is
			l.missed.Add(msg.ID.Seq - 1)
			l.got.Store(msg.ID.Seq)
		case msg.ID.Seq != n+1 || string(msg.Data) != fmt.Sprintf("%d %[1]d", n+1):
			l.fail("%q came after %d", msg.Data, n)
			return
		default:
			l.got.Store(msg.ID.Seq)
		}
	}
}

func (l *listener) fail(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	l.err.Store(&s)
}

// duration is how long the chaos goes on: 3 seconds, 1 with -short, or what
// RECONNECT_CHAOS says, such as 1m.
func duration(t *testing.T) time.Duration {
	if s := os.Getenv("RECONNECT_CHAOS"); s != "" {
		d, err := time.ParseDuration(s)
		require.NoError(t, err)
		return d
	}
	if testing.Short() {
		return time.Second
	}
	return 3 * time.Second
}

// seed is random, or what RECONNECT_SEED says. It decides what happens; when
// it does, the machine has a say in.
func seed(t *testing.T) uint64 {
	s := rand.Uint64()
	if env := os.Getenv("RECONNECT_SEED"); env != "" {
		var err error
		s, err = strconv.ParseUint(env, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("RECONNECT_SEED=%d", s)
	return s
}

// While a server publishes numbers on a hub.Topic it is killed, restarted,
// partitioned and slowed at random times, and connections are cut at random
// bytes. Each of 100 clients ends with every number once and in order, or with
// GapErrors that say where one is missing, and the server with everything that
// a client posted. The whole minute:
//
//	RECONNECT_CHAOS=1m go test -race -v -run TestNoLoss ./conn/reconnect
func TestNoLoss(t *testing.T) {
	t.Run("a history that reaches back", func(t *testing.T) {
		losses, missed := chaos(t, 100, hub.Limits{Messages: -1, Bytes: -1})
		require.Zero(t, losses)
		require.Zero(t, missed)
	})
	t.Run("a short history", func(t *testing.T) {
		_, missed := chaos(t, 20, hub.Limits{Messages: 10})
		require.GreaterOrEqual(t, missed, uint64(20*10), "the last outage has 20 numbers, and the history 10")
	})
}

// chaos returns how often history was declared lost, and how many numbers were
// not received, over all clients.
func chaos(t *testing.T, clients int, history hub.Limits) (losses int64, missed uint64) {
	random := rand.New(rand.NewPCG(seed(t), 0))
	f := &feed{log: hub.NewRing(1), history: history, posted: make([]int, clients)}
	f.restart(t)
	h := &host{handler: conn.Handler(f.serve)}
	h.start(t)
	defer h.kill()
	p := newChaosProxy(t, rand.New(rand.NewPCG(random.Uint64(), 0)), h.address)

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	w := &weather{random: random, feed: f, host: h, proxy: p, events: make(map[string]int)}
	listeners := make([]*listener, clients)
	for i := range listeners {
		l := listenTo(t, "ws://"+p.l.Addr().String())
		listeners[i] = l
		wg.Go(func() { l.run(ctx) })
	}

	published := make(chan struct{})
	long := duration(t)
	chaosCtx, end := context.WithTimeout(ctx, long)
	defer end()
	go func() {
		defer close(published)
		f.publishUntil(chaosCtx)
	}()
	posts := 0
	toPost := time.NewTicker(100 * time.Millisecond)
	defer toPost.Stop()
	change := time.NewTimer(0)
	defer change.Stop()
	for chaosCtx.Err() == nil {
		select {
		case <-toPost.C:
			posts++
			post(t, listeners, posts)
		case <-change.C:
			change.Reset(w.change(t, long))
		case <-chaosCtx.Done():
		}
	}
	<-published
	h.kill()
	for range 20 { // that nobody hears
		f.publish()
	}
	f.restart(t)
	h.start(t)
	p.calm()
	settle(t, f, listeners, posts)
	connections := 0
	for _, l := range listeners {
		require.NoError(t, l.client.Close(t.Context()))
		st := l.client.Stats()
		connections += st.Connections
		losses += l.losses.Load()
		missed += l.missed.Load()
	}
	t.Logf("%d clients, %d numbers, %d posts from each, %d connections, %d of them cut at a random byte, %v; history lost %d times, with %d numbers",
		clients, f.last, posts, connections, p.cuts, w.events, losses, missed)
	require.Greater(t, connections, clients)
	return losses, missed
}

// post sends one numbered message from every client.
func post(t *testing.T, listeners []*listener, n int) {
	for i, l := range listeners {
		data := fmt.Appendf(nil, "post %d %d", i, n)
		mustQueue(t)(l.client.SendItem(t.Context(), reconnect.Item{Type: conn.Text, Data: data, ID: strconv.Itoa(n)}))
	}
}

// weather is what goes wrong.
type weather struct {
	random *rand.Rand
	feed   *feed
	host   *host
	proxy  *chaosProxy
	events map[string]int
}

// change ends what went wrong last, does the next bad thing, and says how long
// that lasts: 100 ms on average, but for one in ten, which lasts up to 5
// seconds, or half of the whole.
func (w *weather) change(t *testing.T, whole time.Duration) time.Duration {
	w.proxy.heal()
	if w.host.address() == "" {
		w.feed.restart(t)
		w.host.start(t)
	}
	event := []string{"fair", "kill", "restart", "partition", "slow", "reset"}[w.random.IntN(6)]
	switch event {
	case "kill":
		w.host.kill()
	case "restart":
		w.host.kill()
		w.feed.restart(t)
		w.host.start(t)
	case "partition":
		w.proxy.partition()
	case "slow":
		w.proxy.slowDown()
	case "reset":
		w.proxy.resetAll()
	}
	lasts := time.Duration(w.random.Int64N(int64(200 * time.Millisecond)))
	if w.random.IntN(10) == 0 {
		event = "long " + event
		lasts = time.Duration(w.random.Int64N(int64(min(5*time.Second, whole/2))))
	}
	w.events[event]++
	return lasts
}

// settle waits until every client has everything, and says who has not when
// the test's time is up.
func settle(t *testing.T, f *feed, listeners []*listener, posts int) {
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		waiting := ""
		f.mu.Lock()
		require.NoError(t, f.broken)
		for i, l := range listeners {
			if err := l.err.Load(); err != nil {
				require.FailNow(t, "client failed", "client %d: %s", i, *err)
			}
			if got := l.got.Load(); got != f.last || f.posted[i] != posts || l.client.Stats().OutboxMessages > 0 {
				waiting = fmt.Sprintf("client %d has %d of %d numbers and %d of %d posts are there: %+v", i, got, f.last, f.posted[i], posts, l.client.State())
			}
		}
		f.mu.Unlock()
		if waiting == "" {
			return
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			require.FailNow(t, "not settled", waiting)
		}
	}
}
