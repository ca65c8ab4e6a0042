package sendqueue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// ledger is what is known of each message by its text, beside the queue's own
// counts.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]bool
	refused  int64
	received map[string]bool
}

// produce sends count messages with all that a sender can choose.
func (l *ledger) produce(ctx context.Context, t *testing.T, q *sendqueue.Queue, who, count int, rnd *rand.Rand) {
	for i := range count {
		text := fmt.Sprintf("%d/%d/%0*d", who, i, 1+rnd.IntN(60), 0)
		it := item(t, text)
		if rnd.IntN(3) == 0 {
			it.Key = fmt.Sprint(rnd.IntN(5))
		}
		if rnd.IntN(3) == 0 {
			it.Priority = sendqueue.Low
		}
		var r sendqueue.Result
		var err error
		switch rnd.IntN(3) {
		case 0:
			r, err = q.TrySend(it)
		case 1:
			brief, cancel := context.WithTimeout(ctx, time.Duration(rnd.IntN(20))*time.Millisecond)
			r, err = q.SendWait(brief, it)
			cancel()
		default:
			brief, cancel := context.WithTimeout(ctx, time.Second)
			r, err = q.SendItem(brief, it)
			cancel()
		}
		l.mu.Lock()
		switch {
		case r != sendqueue.Dropped:
			l.accepted[text] = true
		case err == nil:
			l.refused++
		}
		l.mu.Unlock()
		time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
	}
}

// Whatever the policy, whatever breaks and whenever the queue is closed: each
// message that was accepted is received, or counted, or returned; none is both,
// none is there twice, and nothing else is. The figures add up exactly.
func TestAccounting(t *testing.T) {
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { account(t, rand.New(rand.NewPCG(seed, 6455))) })
		})
	}
}

func account(t *testing.T, rnd *rand.Rand) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, b := conntest.Pipe(conntest.Link{Buffer: 256})
	action := conntest.Action(rnd.IntN(4)) // none, error, reset, stall
	fault := conntest.Fault{
		MaxWrite:   rnd.IntN(100),
		WriteDelay: time.Duration(rnd.IntN(3)) * time.Millisecond,
		Write:      conntest.Trigger{Byte: int64(rnd.IntN(5000)), Do: action},
	}
	ws := conn.New(fault.Wrap(a), conn.Server, handshake.Result{}, &conn.Config{KeepaliveInterval: -1})
	peer := conn.New(b, conn.Client, handshake.Result{}, &conn.Config{KeepaliveInterval: -1})
	cfg := &sendqueue.Config{
		Policy:      sendqueue.Policy(rnd.IntN(4)),
		MaxMessages: 1 + rnd.IntN(30), MaxBytes: 80 + rnd.IntN(1000),
		MaxAge: time.Duration(rnd.IntN(2)*(1+rnd.IntN(30))) * time.Millisecond,
	}
	q, err := sendqueue.New(ws, cfg)
	require.NoError(t, err)

	l := &ledger{accepted: map[string]bool{}, received: map[string]bool{}}
	reader := make(chan struct{})
	pause := time.Duration(rnd.IntN(4)) * time.Millisecond
	go func() {
		defer close(reader)
		for msg, err := range peer.Messages(ctx) {
			if err != nil {
				return
			}
			if l.received[string(msg.Data)] {
				t.Errorf("%q came twice", msg.Data)
			}
			l.received[string(msg.Data)] = true
			time.Sleep(pause)
		}
	}()
	var producers sync.WaitGroup
	for who := range 4 {
		own := rand.New(rand.NewPCG(rnd.Uint64(), 0))
		producers.Go(func() { l.produce(ctx, t, q, who, 40, own) })
	}
	time.Sleep(time.Duration(rnd.IntN(200)) * time.Millisecond)
	balanced(t, q.Stats())
	closing, stop := context.WithTimeout(ctx, time.Duration(rnd.IntN(100))*time.Millisecond)
	defer stop()
	rest, err := q.Close(closing)
	if len(rest) > 0 {
		require.Error(t, err)
	}
	producers.Wait()
	ws.CloseNow()
	<-reader
	peer.CloseNow()

	s := q.Stats()
	balanced(t, s)
	require.Zero(t, s.Messages)
	require.Zero(t, s.Bytes)
	require.EqualValues(t, len(l.accepted), s.Accepted)
	if cfg.Policy != sendqueue.ClosePeer { // whose refusal can be an error as well
		require.Equal(t, l.refused, s.Refused)
	}
	for text := range l.received {
		require.True(t, l.accepted[text], "%q was received, not accepted", text)
	}
	require.EqualValues(t, len(rest), s.Returned)
	for _, it := range rest {
		text := string(it.Message.Payload())
		require.True(t, l.accepted[text], "%q was returned, not accepted", text)
		require.False(t, l.received[text], "%q was returned and received", text)
		delete(l.accepted, text) // so that none is returned twice
	}
	lost := s.Sent - int64(len(l.received))
	switch {
	case action == conntest.Reset: // takes what was on the way along
		require.GreaterOrEqual(t, lost, int64(0))
	case err == nil:
		require.Zero(t, lost)
	default: // the rest of one may be in the Conn's buffer, from where CloseNow takes it
		require.Contains(t, []int64{0, 1}, lost)
	}
}
