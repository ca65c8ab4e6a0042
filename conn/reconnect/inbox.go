package reconnect

import (
	"context"
	"iter"
	"sync"

	"github.com/seed24abed78/rfc6455/conn"
)

// Message is a received message. It belongs to whoever got it from Messages.
type Message struct {
	Type conn.MessageType
	Data []byte
	// ID is what Config.Identify said of it. An application that wants to go
	// on from here after its own restart stores it once it is done with the
	// message, and gives it back as Config.Resume.
	ID ID
}

// Messages ranges over the messages as they come, over all connections. Each
// message goes to one loop only. A loop that is left early leaves what it has
// not taken to the next.
//
// A [*GapError] stands where messages are missing; a loop that goes on gets
// what comes behind. Every other error is the last turn: the cause of ctx when
// that ended, or [Client.Err] when the Client has closed and everything that
// it had received was taken.
func (c *Client) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			it, err := c.in.pop(ctx)
			if err != nil {
				yield(Message{}, err)
				return
			}
			if it.gap != nil {
				if !yield(Message{}, it.gap) {
					return
				}
			} else if !yield(it.msg, nil) {
				return
			}
		}
	}
}

// entry is a message or a gap.
type entry struct {
	msg Message
	gap *GapError
}

// inbox is what was received and not yet taken by a loop over Messages.
type inbox struct {
	maxBytes    int
	maxMessages int

	mu    sync.Mutex // never held while waiting
	queue []entry
	bytes int
	ready chan struct{} // holds a token when there may be something to pop
	room  chan struct{} // holds a token when there may be room
	end   error         // why nothing follows; set once
	ended chan struct{} // closed after end is set
}

func newInbox(cfg *Config) *inbox {
	return &inbox{
		maxBytes:    cfg.InboxBytes,
		maxMessages: cfg.InboxMessages,
		ready:       make(chan struct{}, 1),
		room:        make(chan struct{}, 1),
		ended:       make(chan struct{}),
	}
}

// push waits for room. When ctx ends or lost is closed meanwhile, the item goes
// in all the same, over the bound by this one, because nothing further can come
// from that connection; when closing is closed, it is dropped.
func (b *inbox) push(ctx context.Context, it entry, lost, closing <-chan struct{}) {
	force := false
	for !b.tryPush(it, force) {
		select {
		case <-b.room:
		case <-ctx.Done():
			force = true
		case <-lost:
			force = true
		case <-closing:
			return
		}
	}
}

func (b *inbox) tryPush(it entry, force bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(it.msg.Data)
	fits := len(b.queue) < b.maxMessages && b.bytes+n <= b.maxBytes
	if !fits && len(b.queue) > 0 && !force { // an empty inbox takes a message of any size
		return false
	}
	b.queue = append(b.queue, it)
	b.bytes += n
	signal(b.ready)
	return true
}

// pop takes the oldest item, or waits for one.
func (b *inbox) pop(ctx context.Context) (entry, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return entry{}, err
		}
		ended := b.over()
		if it, ok := b.tryPop(); ok {
			return it, nil
		}
		if ended {
			return entry{}, b.end
		}
		select {
		case <-b.ready:
		case <-b.ended:
		case <-ctx.Done():
		}
	}
}

func (b *inbox) tryPop() (it entry, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return entry{}, false
	}
	it = b.queue[0]
	b.queue[0] = entry{}
	b.queue = b.queue[1:]
	b.bytes -= len(it.msg.Data)
	if len(b.queue) == 0 {
		b.queue = nil
	} else {
		signal(b.ready) // for another loop
	}
	signal(b.room)
	return it, true
}

// over reports that nothing more will be pushed.
func (b *inbox) over() bool {
	select {
	case <-b.ended:
		return true
	default:
		return false
	}
}

// finish says that nothing follows.
func (b *inbox) finish(err error) {
	b.end = err
	close(b.ended)
}
