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

// inbox is what was received and not yet taken by a loop over Messages. The
// Client waits for room before it reads, so that no message is in hand for
// which there is none: when the connection is lost meanwhile, nothing is, and
// the next one can be opened.
type inbox struct {
	maxBytes    int
	maxMessages int

	mu    sync.Mutex // never held while waiting
	queue []entry
	bytes int
	cut   bool          // an entry was dropped, and so is everything behind it
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

// wait waits for room, or until there is another reason to read: ctx has
// ended, the connection is lost, or Close has begun.
func (b *inbox) wait(ctx context.Context, lost, closing <-chan struct{}) {
	for b.isFull() {
		select {
		case <-b.room:
		case <-ctx.Done():
			return
		case <-lost:
			return
		case <-closing:
			return
		}
	}
}

func (b *inbox) isFull() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.full()
}

func (b *inbox) full() bool {
	return len(b.queue) >= b.maxMessages || b.bytes >= b.maxBytes
}

// push adds what was read when there was room, and is over the bounds by that
// at most. When closing is set nobody waits for room: what finds none is
// dropped, with everything behind it, because a loop that misses a message in
// the middle would take it for received.
func (b *inbox) push(it entry, closing bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut = b.cut || closing && b.full()
	if b.cut || it.gap != nil && b.merge(it.gap) {
		return
	}
	b.queue = append(b.queue, it)
	b.bytes += len(it.msg.Data)
	signal(b.ready)
}

// merge makes one gap of two in a stream with no message between. Otherwise a
// server that loses its history at every connection would fill the inbox of a
// Client whose messages nobody takes.
func (b *inbox) merge(gap *GapError) bool {
	for i := len(b.queue) - 1; i >= 0 && b.queue[i].gap != nil; i-- {
		if last := b.queue[i].gap; last.Stream == gap.Stream {
			both := *gap
			both.After = last.After
			both.HistoryLost = last.HistoryLost || gap.HistoryLost
			b.queue[i].gap = &both
			return true
		}
	}
	return false
}

// pop takes the oldest item, or waits for one.
func (b *inbox) pop(ctx context.Context) (entry, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return entry{}, err
		}
		ended := isClosed(b.ended)
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

// buffered returns what is in the inbox.
func (b *inbox) buffered() (entries, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue), b.bytes
}

// finish says that nothing follows.
func (b *inbox) finish(err error) {
	b.end = err
	close(b.ended)
}
