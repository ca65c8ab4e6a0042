package reconnect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
)

// frames of the test's protocol, in JSON: the client asks for what comes after
// Since, the server says from where it goes on and whether that is a loss, and
// then numbers are published by the server, and posted by the client.
type packet struct {
	Client int    `json:"client,omitempty"`
	Since  uint64 `json:"since,omitempty"`
	From   uint64 `json:"from,omitempty"`
	Lost   bool   `json:"lost,omitempty"`
	Number uint64 `json:"number,omitempty"`
	Post   string `json:"post,omitempty"`
	Ack    string `json:"ack,omitempty"`
}

// feed is the part of the server that survives its restarts: the numbers
// published, of which it keeps the last, and what each client has posted.
type feed struct {
	keep uint64 // how many numbers; 0 means all

	mu     sync.Mutex
	last   uint64
	more   chan struct{} // closed and made anew with each number
	posted []int         // by client: the last number taken in order
	broken error         // a post that came out of order
}

func (f *feed) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	close(f.more)
	f.more = make(chan struct{})
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

// from returns where to go on from when a client asks for what is after since.
func (f *feed) from(since uint64) (from uint64, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if oldest := f.last - min(f.last, f.keep); f.keep > 0 && since < oldest {
		return oldest, true
	}
	return since, false
}

func (f *feed) serve(ctx context.Context, ws *conn.Conn) error {
	var hello packet
	if err := ws.ReadJSON(ctx, &hello); err != nil {
		return err
	}
	from, lost := f.from(hello.Since)
	if err := ws.WriteJSON(ctx, packet{From: from, Lost: lost}); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { f.send(ctx, ws, from) })
	for {
		var p packet
		if err := ws.ReadJSON(ctx, &p); err != nil {
			return err
		}
		f.take(hello.Client, p.Post)
		if err := ws.WriteJSON(ctx, packet{Ack: p.Post}); err != nil {
			return err
		}
	}
}

func (f *feed) send(ctx context.Context, ws *conn.Conn, from uint64) {
	for {
		f.mu.Lock()
		last, more := f.last, f.more
		f.mu.Unlock()
		for ; from < last; from++ {
			if ws.WriteJSON(ctx, packet{Number: from + 1}) != nil {
				ws.CloseNow()
				return
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// take notes a post; one that came before is a repetition, one that comes too
// early a loss.
func (f *feed) take(client int, post string) {
	n, _ := strconv.Atoi(post)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch last := f.posted[client]; {
	case n == last+1:
		f.posted[client] = n
	case n > last:
		f.broken = fmt.Errorf("client %d: post %d came after %d", client, n, last)
	}
}

// listener is one client of the feed.
type listener struct {
	client *reconnect.Client
	got    atomic.Uint64 // the last number, all before it received or declared lost
	missed atomic.Uint64
	losses atomic.Int64 // of history, declared
	err    atomic.Pointer[string]
}

func listenTo(t *testing.T, url string, number int) *listener {
	l := &listener{}
	client, err := reconnect.New(t.Context(), url, &reconnect.Config{
		Backoff:     reconnect.Backoff{Base: 50 * time.Millisecond, Cap: 500 * time.Millisecond},
		StableAfter: 100 * time.Millisecond,
		Conn:        &conn.Config{HandshakeTimeout: time.Second},
		Identify: func(m conn.Message) reconnect.ID {
			var p packet
			json.Unmarshal(m.Data, &p)
			return reconnect.ID{Seq: p.Number}
		},
		Ack: func(m conn.Message) (reconnect.Ack, bool) {
			var p packet
			json.Unmarshal(m.Data, &p)
			return reconnect.Ack{ID: p.Ack, UpTo: true}, p.Ack != ""
		},
		OnConnect: func(ctx context.Context, ws *conn.Conn, r *reconnect.Resume) error {
			if err := ws.WriteJSON(ctx, packet{Client: number, Since: r.Last("").Seq}); err != nil {
				return err
			}
			var answer packet
			if err := ws.ReadJSON(ctx, &answer); err != nil {
				return err
			}
			if answer.Lost {
				r.HistoryLost(reconnect.ID{Seq: answer.From})
			} else {
				r.StartAt(reconnect.ID{Seq: answer.From})
			}
			return nil
		},
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
		case msg.ID.Seq != n+1:
			l.fail("%d came after %d", msg.ID.Seq, n)
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

// While a server publishes numbers it is killed, restarted, partitioned and
// slowed, and every connection is cut at a random byte. Each of 100 clients
// ends with every number once and in order, and the server with everything
// that a client posted.
func TestNoLoss(t *testing.T) {
	t.Run("a history that reaches back", func(t *testing.T) {
		losses := chaos(t, 100, &feed{})
		require.Zero(t, losses)
	})
	t.Run("a short history", func(t *testing.T) {
		losses := chaos(t, 20, &feed{keep: 10})
		require.GreaterOrEqual(t, losses, int64(20), "the last outage is longer than the history")
	})
}

// chaos returns how often history was declared lost, over all clients.
func chaos(t *testing.T, clients int, f *feed) (losses int64) {
	random := rand.New(rand.NewPCG(seed(t), 0))
	f.more = make(chan struct{})
	f.posted = make([]int, clients)
	h := &host{handler: conn.Handler(f.serve)}
	h.start(t)
	defer h.kill()
	p := newChaosProxy(t, rand.New(rand.NewPCG(random.Uint64(), 0)), h.address)

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	listeners := make([]*listener, clients)
	for i := range listeners {
		l := listenTo(t, "ws://"+p.l.Addr().String(), i)
		listeners[i] = l
		wg.Go(func() { l.run(ctx) })
	}

	published := make(chan struct{})
	chaosCtx, end := context.WithTimeout(ctx, duration(t))
	defer end()
	go func() {
		defer close(published)
		f.publishUntil(chaosCtx)
	}()
	posts := 0
	next := time.NewTicker(100 * time.Millisecond)
	defer next.Stop()
	for chaosCtx.Err() == nil {
		posts++
		post(t, listeners, posts)
		upset(t, random, h, p)
		select {
		case <-next.C:
		case <-chaosCtx.Done():
		}
	}
	<-published
	h.kill()
	for range 20 { // that nobody hears
		f.publish()
	}
	h.start(t)
	p.calm()
	settle(t, f, listeners, posts)
	connections := 0
	var missed uint64
	for _, l := range listeners {
		require.NoError(t, l.client.Close(t.Context()))
		st := l.client.Stats()
		connections += st.Connections
		losses += l.losses.Load()
		missed += l.missed.Load()
	}
	t.Logf("%d clients, %d numbers, %d connections, %d cut inside; history lost %d times, with %d numbers",
		clients, f.last, connections, p.cuts, losses, missed)
	require.Greater(t, connections, clients)
	return losses
}

// post sends one numbered message from every client.
func post(t *testing.T, listeners []*listener, n int) {
	id := strconv.Itoa(n)
	data, err := json.Marshal(packet{Post: id})
	require.NoError(t, err)
	for _, l := range listeners {
		mustQueue(t)(l.client.SendItem(t.Context(), reconnect.Item{Type: conn.Text, Data: data, ID: id}))
	}
}

// upset does the next bad thing, or ends one.
func upset(t *testing.T, random *rand.Rand, h *host, p *chaosProxy) {
	if h.address() == "" {
		h.start(t)
		return
	}
	p.heal()
	switch random.IntN(5) {
	case 0:
		h.kill()
	case 1:
		h.kill()
		h.start(t)
	case 2:
		p.partition()
	case 3:
		p.slowDown()
	case 4:
		p.resetAll()
	}
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
