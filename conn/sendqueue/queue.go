package sendqueue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
)

// Queue is a bounded queue before one Conn. Its methods may be called from any
// goroutine at any time.
type Queue struct {
	ws   *conn.Conn
	cfg  *Config // resolved
	base time.Time

	ctx    context.Context // of the writes; ended by Close
	cancel context.CancelFunc

	drainer func() // drain, bound once, so that to start it allocates nothing

	mu          sync.Mutex // guards the rest; never held while waiting
	lanes       [2]lane    // by Priority
	waiters     [2][]*waiter
	flight      int // messages that are being written
	flightBytes int
	flightAt    time.Duration
	draining    bool          // the goroutine of drain runs
	idle        chan struct{} // closed when it ends; nil while nobody waits for that
	congested   bool
	drained     chan struct{} // closed at low water; nil while nobody waits for that
	err         error         // why nothing is accepted any more
	cut         bool          // Close has ended a write after which nothing waits
	stats       Stats
}

// Result says what became of a message.
type Result int

const (
	// Dropped: the message is not in the queue and will not be sent.
	Dropped Result = iota
	// Queued: the message waits for its turn. What becomes of it later is
	// counted in Stats.
	Queued
	// Sent: the message was handed to the transport, under Config.Direct.
	Sent
)

func (r Result) String() string {
	return [...]string{"dropped", "queued", "sent"}[r]
}

// Item is a message for SendItem.
type Item struct {
	// Message is from conn.Prepare, from conn.PrepareOwned, which doesn't copy,
	// or shared by many queues.
	Message *conn.PreparedMessage
	// Key, unless empty, makes the message take the place of the one that
	// waits under the same Key and Priority, whatever the policy is. The order
	// of the others stays.
	Key string
	// Priority is High when zero.
	Priority Priority
	// Time is since when the message waits, for Config.MaxAge and
	// Stats.OldestAge; zero means since it is in the queue. Close returns it,
	// so that a message that goes into another queue gets no younger. Who sends
	// one message to many queues reads the clock once.
	Time time.Time
}

// check returns an error that says what is wrong with the item itself.
func (it *Item) check() error {
	switch {
	case it.Message == nil:
		return errors.New("sendqueue: Item.Message is nil; make it with conn.Prepare or conn.PrepareOwned")
	case it.Priority != High && it.Priority != Low:
		return fmt.Errorf("sendqueue: Item.Priority is %d; use High or Low", it.Priority)
	}
	return nil
}

var (
	// ErrClosed is the error of a Send after Close.
	ErrClosed = fmt.Errorf("sendqueue: Send after Close: %w", net.ErrClosed)
	// ErrTooSlow is the error of a Send that found the queue full under
	// ClosePeer, and of every Send after it.
	ErrTooSlow = errors.New("sendqueue: the peer reads too slowly and was closed, as Config.Policy ClosePeer asks for")
	// ErrTooLarge is the error for a message that could never be queued.
	ErrTooLarge = errors.New("sendqueue: the message is larger than Config.MaxBytes")
	// ErrFull is the error of TrySend where Send would wait.
	ErrFull = errors.New("sendqueue: no room, and Config.Policy Block means to wait for it")
)

// New returns a queue before ws. The error says which setting is impossible.
func New(ws *conn.Conn, cfg *Config) (*Queue, error) {
	c, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	if ws == nil {
		return nil, errors.New("sendqueue: New needs a Conn, not nil")
	}
	q := &Queue{ws: ws, cfg: c, base: time.Now()}
	q.drainer = q.drain
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q, nil
}

// Conn returns the connection behind the queue.
func (q *Queue) Conn() *conn.Conn { return q.ws }

// Send queues a copy of p, of high priority and without a key. It waits only
// under Block, when there is no room, until ctx ends; the other policies don't
// look at ctx.
//
// The error is nil when the policy dropped the message. It is ErrClosed after
// Close, ErrTooSlow under ClosePeer, ErrTooLarge, the cause of ctx, an error
// of conn.Prepare, or, once the connection has failed, the error of the write
// that found out. With an error the result is Dropped.
func (q *Queue) Send(ctx context.Context, typ conn.MessageType, p []byte) (Result, error) {
	m, err := conn.Prepare(typ, p)
	if err != nil {
		return Dropped, err
	}
	return q.SendItem(ctx, Item{Message: m})
}

// SendItem is Send for a message that is prepared, without a copy.
func (q *Queue) SendItem(ctx context.Context, it Item) (Result, error) {
	return q.send(ctx, it, q.cfg.Policy)
}

// SendWait is SendItem under the policy Block, whatever the queue's own is: for
// one who has a store to send from, and wants its messages neither dropped nor
// to push others out.
func (q *Queue) SendWait(ctx context.Context, it Item) (Result, error) {
	return q.send(ctx, it, Block)
}

// TrySend is SendItem that never waits: where Send would, it returns ErrFull
// and counts nothing, because the caller still has the message.
func (q *Queue) TrySend(it Item) (Result, error) {
	_, r, err := q.offer(it, q.cfg.Policy, false)
	return r, err
}

func (q *Queue) send(ctx context.Context, it Item, policy Policy) (Result, error) {
	w, r, err := q.offer(it, policy, true)
	if w == nil {
		return r, err
	}
	return q.await(ctx, w, it.Priority)
}

// offer queues it, or returns a waiter, if wait allows it.
func (q *Queue) offer(it Item, policy Policy, wait bool) (*waiter, Result, error) {
	if err := it.check(); err != nil {
		return nil, Dropped, err
	}
	e := entry{msg: it.Message, key: it.Key}
	if e.size() > q.cfg.MaxBytes {
		return nil, Dropped, fmt.Errorf("%w: %d bytes, of %d", ErrTooLarge, e.size(), q.cfg.MaxBytes)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return nil, Dropped, q.err
	}
	if q.cfg.Direct {
		if sent, err := q.sendNow(it.Message); err != nil {
			return nil, Dropped, err
		} else if sent {
			return nil, Sent, nil
		}
	}
	if it.Time.IsZero() {
		e.at = q.now()
	} else {
		e.at = it.Time.Sub(q.base)
	}
	what := full
	if policy != Block || !q.othersWait(it.Priority) {
		what = q.admit(e, it.Priority, policy)
	}
	if what == accepted {
		q.admitWaiters() // more may have been dropped than e needs
		q.changed()
		return nil, Queued, nil
	}
	q.changed()
	q.congested = true
	switch what {
	case refused:
		q.stats.Refused++
		return nil, Dropped, nil
	case tooSlow:
		q.stats.Refused++
		q.fail(ErrTooSlow)
		go q.ws.CloseWith(q.cfg.CloseCode, q.cfg.CloseReason) // conn.Config.CloseTimeout ends it
		return nil, Dropped, ErrTooSlow
	}
	if !wait {
		return nil, Dropped, ErrFull
	}
	w := &waiter{e: e, ageless: it.Time.IsZero(), done: make(chan struct{})}
	q.waiters[it.Priority] = append(q.waiters[it.Priority], w)
	return w, Dropped, nil
}

// sendNow sends m without waiting, if nothing is before it, with the lock held.
func (q *Queue) sendNow(m *conn.PreparedMessage) (bool, error) {
	if n, _ := q.waiting(); n > 0 || q.draining || q.othersWait(Low) {
		return false, nil
	}
	ok, whole, err := q.ws.TryWrite(m)
	if err != nil {
		q.fail(fmt.Errorf("sendqueue: %w", err))
		return false, q.err
	}
	if !ok {
		return false, nil
	}
	q.stats.Accepted++
	q.stats.Sent++
	q.stats.SentBytes += int64(len(m.Payload()))
	if !whole {
		q.draining = true
		go q.drainer()
	}
	return true, nil
}
