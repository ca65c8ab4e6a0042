package reconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/frame"
)

// Item is a message on its way to the server.
type Item struct {
	Type conn.MessageType
	// Data belongs to the Client from SendItem on: it is not copied, and must not
	// be changed.
	Data []byte
	// ID is what Config.Ack calls the message by. It has to be set when there
	// is a Config.Ack, differ from that of every other message in the outbox,
	// and stand in Data in a form that the server understands; the Client does
	// not put it there.
	ID string
	// Key names a value of which only the latest matters: a message with a
	// Key takes the place of one with the same Key that has not been sent on
	// the present connection. Empty means that every message counts.
	Key string
}

// posted is an Item in the outbox, with its message checked and ready.
type posted struct {
	Item
	message *conn.PreparedMessage
}

var (
	errNoID       = errors.New("reconnect: Item.ID is empty, but Config.Ack needs it to tell which message was acknowledged")
	errSendClosed = fmt.Errorf("reconnect: send after Close: %w", net.ErrClosed)
)

// outbox is what the application has sent and the server does not have yet, in
// order, as far as the Client can know. It takes over the policies of
// sendqueue, and is no sendqueue.Queue, which lives with one Conn and is done
// with a message once that is written: an outbox outlives connections, and
// keeps what was written until it is acknowledged.
//
//	0 <= next <= len(queue)
//
// queue[:next] was sent and waits for its acknowledgement, and is empty when
// there are none; queue[next:] was not sent on the present connection.
type outbox struct {
	maxBytes    int
	maxMessages int
	policy      sendqueue.Policy
	acked       bool // messages stay until acknowledged
	dropped     func(Item)

	mu      sync.Mutex // never held while waiting
	queue   []posted
	next    int
	bytes   int
	writing int           // taken and not yet written, with no acknowledgement to wait for
	room    chan struct{} // closed when there may be room; nil when nobody waits
	work    chan struct{} // holds a token when there may be something to take
	empty   chan struct{} // holds a token when the outbox has become empty
	closed  error         // what add returns from Close on
}

func newOutbox(cfg *Config) *outbox {
	return &outbox{
		maxBytes:    cfg.OutboxBytes,
		maxMessages: cfg.OutboxMessages,
		policy:      cfg.Policy,
		acked:       cfg.Ack != nil,
		work:        make(chan struct{}, 1),
		empty:       make(chan struct{}, 1),
	}
}

// prepare says what is wrong with a message, so that the goroutine that writes
// it later finds nothing.
func (o *outbox) prepare(m Item) (posted, error) {
	switch {
	case o.acked && m.ID == "":
		return posted{}, errNoID
	case len(m.Data) > o.maxBytes:
		return posted{}, fmt.Errorf("reconnect: a message of %d bytes will never fit; Config.OutboxBytes is %d: %w", len(m.Data), o.maxBytes, sendqueue.ErrTooLarge)
	}
	message, err := conn.PrepareOwned(m.Type, m.Data)
	return posted{m, message}, err
}

// add puts a message into the outbox, or makes room as the policy says.
func (o *outbox) add(ctx context.Context, m Item) (sendqueue.Result, error) {
	p, err := o.prepare(m)
	if err != nil {
		return sendqueue.Dropped, err
	}
	for {
		r, given, room, err := o.tryAdd(p)
		for _, d := range given {
			o.dropped(d)
		}
		if room == nil {
			return r, err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return sendqueue.Dropped, fmt.Errorf("reconnect: send: the outbox is full: %w", context.Cause(ctx))
		}
	}
}

// tryAdd adds m, or returns the channel to wait on. given was dropped for it.
func (o *outbox) tryAdd(m posted) (r sendqueue.Result, given []Item, room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		return r, nil, nil, o.closed
	}
	i, old := o.find(m.Key), 0
	if i >= 0 {
		old = len(o.queue[i].Data)
	}
	for o.bytes-old+len(m.Data) > o.maxBytes || i < 0 && len(o.queue) >= o.maxMessages {
		switch o.policy {
		case sendqueue.Block:
			if o.room == nil {
				o.room = make(chan struct{})
			}
			return r, nil, o.room, nil
		case sendqueue.DropNewest:
			return r, []Item{m.Item}, nil, nil
		}
		oldest := 0
		if i == 0 {
			oldest = 1 // the one that m replaces stays until then
		}
		given = append(given, o.queue[oldest].Item)
		o.remove(oldest)
		i = max(i-1+oldest, -1)
	}
	if i >= 0 {
		o.queue[i] = m
	} else {
		o.queue = append(o.queue, m)
	}
	o.bytes += len(m.Data) - old
	signal(o.work)
	return sendqueue.Queued, given, nil, nil
}

// find returns the place of the unsent message with the key, or -1.
func (o *outbox) find(key string) int {
	if key == "" {
		return -1
	}
	i := slices.IndexFunc(o.queue[o.next:], func(m posted) bool { return m.Key == key })
	if i < 0 {
		return -1
	}
	return o.next + i
}

func (o *outbox) remove(i int) {
	if i == 0 {
		o.removeFront(1)
		return
	}
	o.bytes -= len(o.queue[i].Data)
	o.queue = slices.Delete(o.queue, i, i+1)
	if i < o.next {
		o.next--
	}
	o.removed()
}

func (o *outbox) removeFront(n int) {
	for i := range o.queue[:n] {
		o.bytes -= len(o.queue[i].Data)
		o.queue[i] = posted{}
	}
	o.queue = o.queue[n:]
	o.next = max(0, o.next-n)
	o.removed()
}

// removed wakes who waits for room, or for the end.
func (o *outbox) removed() {
	o.wakeSenders()
	o.settle()
}

func (o *outbox) wakeSenders() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

func (o *outbox) settle() {
	if len(o.queue) == 0 && o.writing == 0 {
		o.queue = nil
		signal(o.empty)
	}
}

// maxBatch bounds what is written at once, in bytes with the frames' headers:
// that is the Conn's write buffer, and one system call.
const maxBatch = 16 << 10

// take waits for messages to write, and appends to batch those that leave in
// one system call: one at least, and no more than maxBatch bytes of several.
// Without acknowledgements they leave the outbox here, before the attempt to
// write them: at most once. So nothing is taken for a connection that is known
// to be lost; the result is empty then, and when ctx has ended.
func (o *outbox) take(ctx context.Context, lost <-chan struct{}, batch []posted) []posted {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-lost:
			return nil
		default:
		}
		if batch = o.tryTake(batch); len(batch) > 0 {
			return batch
		}
		select {
		case <-o.work:
		case <-ctx.Done():
		case <-lost:
		}
	}
}

func (o *outbox) tryTake(batch []posted) []posted {
	const header = frame.MaxHeaderSize
	o.mu.Lock()
	defer o.mu.Unlock()
	size := 0
	for _, m := range o.queue[o.next:] {
		if size += header + len(m.Data); len(batch) > 0 && size > maxBatch {
			break
		}
		batch = append(batch, m)
	}
	if o.acked {
		o.next += len(batch)
	} else if len(batch) > 0 {
		o.writing = len(batch)
		o.removeFront(len(batch))
	}
	return batch
}

// written ends what take began. Without acknowledgements, what was not begun
// goes back to the front. That may be over the bounds, by maxBatch at most.
func (o *outbox) written(notBegun []posted) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing = 0
	if !o.acked && len(notBegun) > 0 {
		o.queue = slices.Concat(notBegun, o.queue)
		for _, m := range notBegun {
			o.bytes += len(m.Data)
		}
	}
	o.settle()
}

// rewind begins a new connection: what was sent and not acknowledged is to be
// sent again, before everything else. It returns how many messages that are.
func (o *outbox) rewind() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.next
	o.next = 0
	signal(o.work)
	return n
}

// unacknowledged returns how many messages rewind would have sent again.
func (o *outbox) unacknowledged() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next
}

// acknowledge removes the sent message with the id and, when upTo is set,
// everything before it. A message that was not sent on this connection can be
// acknowledged too: the server had it from the connection before.
func (o *outbox) acknowledge(id string, upTo bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.queue, func(m posted) bool { return m.ID == id })
	switch {
	case i < 0: // twice, or dropped meanwhile
	case upTo:
		o.removeFront(i + 1)
	default:
		o.remove(i)
	}
}

// close makes add fail with err, and reports whether nothing is left to send.
func (o *outbox) close(err error) (empty bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == nil {
		o.closed = err
		o.wakeSenders()
	}
	return len(o.queue) == 0 && o.writing == 0
}

// rest takes out what is left.
func (o *outbox) rest() []Item {
	o.mu.Lock()
	defer o.mu.Unlock()
	var rest []Item
	for _, m := range o.queue {
		rest = append(rest, m.Item)
	}
	o.queue, o.next, o.bytes = nil, 0, 0
	return rest
}

// buffered returns what is in the outbox.
func (o *outbox) buffered() (messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue), o.bytes
}

// signal leaves a token, unless there is one.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
