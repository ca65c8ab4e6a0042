package hub

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// The default Config.History.
const (
	DefaultHistoryMessages = 1024
	DefaultHistoryBytes    = 4 << 20
)

// Config configures a Topic. A nil *Config and the zero Config are useful:
// they mean the defaults.
type Config struct {
	// Log keeps the history. Nil means a Ring of the topic's own.
	Log Log

	// History bounds what the log keeps. Zero Messages and Bytes mean
	// DefaultHistoryMessages and DefaultHistoryBytes, negative ones no bound;
	// zero Age means no bound. What is too old is forgotten at the next
	// Publish or Subscribe.
	History Limits

	// Encode appends to dst what subscribers get for data, with number seq.
	// It is called once a message, in the order of the numbers, and must not
	// call the topic. Numbered is one. Nil means the data as it is, without a
	// number.
	Encode func(dst []byte, seq uint64, typ conn.MessageType, data []byte) []byte
}

// Topic hands each message that is published to all who are subscribed. Its
// methods may be called from any goroutine at any time.
type Topic struct {
	log     Log
	history Limits
	encode  func(dst []byte, seq uint64, typ conn.MessageType, data []byte) []byte

	mu      sync.Mutex // guards the rest, and is held while a message is handed out
	last    uint64     // the latest number
	subs    []*Subscription
	closed  bool
	scratch []byte // for encode
}

// keepScratch is the largest buffer that a Topic keeps between messages.
const keepScratch = 64 << 10

// ErrClosed is the error of a Topic or Subscription that was closed.
var ErrClosed = fmt.Errorf("hub: closed: %w", net.ErrClosed)

// NewTopic returns a topic without subscribers. It goes on with the numbers of
// the log. The error is the log's.
func NewTopic(cfg *Config) (*Topic, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	t := &Topic{log: cfg.Log, history: cfg.History, encode: cfg.Encode}
	if t.log == nil {
		t.log = NewRing(0)
	}
	if t.history.Messages == 0 {
		t.history.Messages = DefaultHistoryMessages
	}
	if t.history.Bytes == 0 {
		t.history.Bytes = DefaultHistoryBytes
	}
	var err error
	if _, t.last, err = t.log.Bounds(); err != nil {
		return nil, fmt.Errorf("hub: new topic: %w", err)
	}
	return t, nil
}

// Message is what PublishMessage publishes.
type Message struct {
	Type     conn.MessageType
	Data     []byte             // is copied
	Key      string             // see sendqueue.Item
	Priority sendqueue.Priority // of the topic's order, High overtakes Low in a queue
}

// Publish gives the message the next number, stores it, and hands it to every
// subscriber's queue. It waits for no subscriber. The error says that the
// topic is closed, that the message isn't valid, or that the log failed; then
// nobody gets it, seq is zero, and the number isn't used. When the log could
// only not be trimmed, everybody gets the message and seq is its number.
func (t *Topic) Publish(typ conn.MessageType, data []byte) (seq uint64, err error) {
	return t.PublishMessage(Message{Type: typ, Data: data})
}

// PublishMessage is Publish with a key and a priority.
func (t *Topic) PublishMessage(m Message) (seq uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, ErrClosed
	}
	e, err := t.entry(m)
	if err != nil {
		return 0, err
	}
	if err := t.log.Append(e); err != nil {
		return 0, fmt.Errorf("hub: publish: %w", err)
	}
	t.last = e.Seq
	for i := len(t.subs) - 1; i >= 0; i-- { // downwards, because removing moves the last
		t.subs[i].deliver(e)
	}
	if err := t.log.Trim(t.history, e.Time); err != nil {
		return e.Seq, fmt.Errorf("hub: message %d is published, but the log can't be trimmed: %w", e.Seq, err)
	}
	return e.Seq, nil
}

// entry frames m under the next number.
func (t *Topic) entry(m Message) (Entry, error) {
	if m.Priority != sendqueue.High && m.Priority != sendqueue.Low {
		return Entry{}, fmt.Errorf("hub: Message.Priority is %d; use sendqueue.High or sendqueue.Low", m.Priority)
	}
	e := Entry{Seq: t.last + 1, Time: time.Now(), Key: m.Key, Priority: m.Priority}
	data := m.Data
	if t.encode != nil {
		data = t.encode(t.scratch[:0], e.Seq, m.Type, m.Data)
		if t.scratch = data[:0]; cap(data) > keepScratch {
			t.scratch = nil
		}
	}
	var err error
	e.Message, err = conn.Prepare(m.Type, data)
	return e, err
}

// Live is the since of a subscriber who wants no history.
const Live = math.MaxUint64

// Subscribe hands to q all messages after number since, in order: first those
// in the log, then every new one. Zero is for one who has seen nothing, and
// wants what history there is; Live is for none. The replay fills q only as q
// makes room, whatever its policy is.
//
// When messages after since are no longer in the log, or since was never given
// here, the error is a [*HistoryLostError] and nobody is subscribed.
//
// The caller closes the Subscription when the connection ends. A message that
// the queue could never hold (sendqueue.ErrTooLarge) ends it, as there would be
// a gap.
func (t *Topic) Subscribe(q *sendqueue.Queue, since uint64) (*Subscription, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	next, err := t.after(since)
	if err != nil {
		return nil, err
	}
	s := &Subscription{topic: t, q: q, next: next, index: len(t.subs)}
	s.live = next > t.last
	var entries []Entry
	if !s.live { // now, because the next Publish may trim them
		if entries, err = s.read(nil); err != nil {
			return nil, fmt.Errorf("hub: subscribe: %w", err)
		}
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	t.subs = append(t.subs, s)
	if !s.live {
		s.fallBehind(entries)
	}
	return s, nil
}

// after returns the number that follows since for a subscriber.
func (t *Topic) after(since uint64) (uint64, error) {
	if since == Live {
		return t.last + 1, nil
	}
	if err := t.log.Trim(t.history, time.Now()); err != nil {
		return 0, fmt.Errorf("hub: subscribe: %w", err)
	}
	first, last, err := t.log.Bounds()
	switch {
	case err != nil:
		return 0, fmt.Errorf("hub: subscribe: %w", err)
	case since == 0:
		return first, nil
	case since > last || since+1 < first:
		return 0, &HistoryLostError{Since: since, First: first, Last: last}
	}
	return since + 1, nil
}

// Subscribers returns how many are subscribed.
func (t *Topic) Subscribers() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.subs)
}

// Last returns the number of the latest message: what a subscriber names as
// since whose state was loaded before the call.
func (t *Topic) Last() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// Close ends all subscriptions with ErrClosed, and refuses everything else.
// The log and the queues stay as they are.
func (t *Topic) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for len(t.subs) > 0 {
		t.subs[len(t.subs)-1].end(ErrClosed)
	}
	t.subs = nil
}

// Subscription is the way from one Topic to one queue.
type Subscription struct {
	topic  *Topic
	q      *sendqueue.Queue
	ctx    context.Context // ends when the subscription does
	cancel context.CancelCauseFunc

	// Guarded by topic.mu, but for next while a goroutine catches up, to
	// which it belongs then.
	index   int           // in topic.subs
	live    bool          // gets messages from Publish
	next    uint64        // the number to queue next, while not live
	catchup chan struct{} // closed when the latest goroutine has ended; nil before the first
	err     error         // why it ended
}

// deliver hands one new message on, with the topic's lock held.
func (s *Subscription) deliver(e Entry) {
	if !s.live {
		return
	}
	it := item(e)
	it.Time = e.Time
	_, err := s.q.TrySend(it)
	switch {
	case err == nil:
	case errors.Is(err, sendqueue.ErrFull):
		s.next = e.Seq
		s.fallBehind([]Entry{e})
	default:
		s.end(err)
	}
}

func item(e Entry) sendqueue.Item {
	return sendqueue.Item{Message: e.Message, Key: e.Key, Priority: e.Priority}
}

// fallBehind leaves the messages from number next on to a goroutine, with the
// topic's lock held. The first of them are entries. The goroutine ends when the
// subscriber has caught up, and with the subscription.
func (s *Subscription) fallBehind(entries []Entry) {
	s.live = false
	s.catchup = make(chan struct{})
	go s.catchUp(entries, s.catchup)
}

// What a subscriber that catches up reads from the log at a time. A stuck one
// holds so much.
const (
	replayMessages = 32
	replayBytes    = 64 << 10
)

// read reads what comes next from the log.
func (s *Subscription) read(entries []Entry) ([]Entry, error) {
	entries, err := s.topic.log.Since(entries, s.next-1, replayMessages, replayBytes)
	if err == nil && (len(entries) == 0 || entries[0].Seq != s.next) {
		err = ErrHistoryLost
	}
	return entries, err
}

func (s *Subscription) catchUp(entries []Entry, done chan struct{}) {
	defer close(done)
	if err := s.replay(entries); err != nil {
		s.topic.mu.Lock()
		defer s.topic.mu.Unlock()
		s.end(err)
	}
}

// replay queues entries and what the log has behind them, until the subscriber
// is live.
func (s *Subscription) replay(entries []Entry) error {
	for {
		for _, e := range entries {
			if _, err := s.q.SendWait(s.ctx, item(e)); err != nil {
				return err
			}
			s.next++
		}
		clear(entries)
		if s.goLive() {
			return nil
		}
		var err error
		if entries, err = s.read(entries[:0]); err != nil {
			return err
		}
	}
}

// goLive reports whether nothing more has to be caught up. From then on
// Publish delivers: both happen under one lock, so that no message falls
// between and none comes twice.
func (s *Subscription) goLive() bool {
	s.topic.mu.Lock()
	defer s.topic.mu.Unlock()
	if s.err != nil {
		return true
	}
	s.live = s.next > s.topic.last
	return s.live
}

// end takes the subscription out of its topic, with the lock held. Only the
// first call counts.
func (s *Subscription) end(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	s.live = false
	subs := s.topic.subs
	subs[s.index] = subs[len(subs)-1]
	subs[s.index].index = s.index
	s.topic.subs = slices.Delete(subs, len(subs)-1, len(subs))
	s.cancel(err)
}

// Done is closed when the subscription has ended.
func (s *Subscription) Done() <-chan struct{} { return s.ctx.Done() }

// Err returns why the subscription ended, or nil while it has not: ErrClosed;
// ErrHistoryLost when the subscriber was so far behind that the log has
// forgotten what came next; or the error of its queue.
func (s *Subscription) Err() error {
	s.topic.mu.Lock()
	defer s.topic.mu.Unlock()
	return s.err
}

// Close ends the subscription. When it returns, nothing more is put into the
// queue; what is there stays.
func (s *Subscription) Close() {
	s.topic.mu.Lock()
	s.end(ErrClosed)
	catchup := s.catchup
	s.topic.mu.Unlock()
	if catchup != nil {
		<-catchup
	}
}

// closeIfIdle closes a topic without subscribers and history.
func (t *Topic) closeIfIdle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.subs) > 0 || t.log.Trim(t.history, time.Now()) != nil {
		return false
	}
	first, last, err := t.log.Bounds()
	t.closed = err == nil && first > last
	return t.closed
}
