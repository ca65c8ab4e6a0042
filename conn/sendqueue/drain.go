package sendqueue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// What one WriteBatch gets, so that it is one system call, and so that what
// can no longer give way stays little.
const (
	batchMessages = 128
	batchBytes    = 16 << 10
	headerBytes   = 8                   // of a frame of up to 64 KiB, masked
	lastHeader    = frame.MaxHeaderSize // what Conn keeps free for the next one
)

// batch is the messages that are being written.
type batch struct {
	msgs    [batchMessages]*conn.PreparedMessage
	entries [batchMessages]entry
	n       int
	high    int // the first so many are High
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// startDrain starts the goroutine that writes, unless it runs. It ends when
// the queue is empty, when the connection fails, and when Close ends its
// context.
func (q *Queue) startDrain() {
	if n, _ := q.waiting(); n > 0 && !q.draining && q.mayDrain() {
		q.draining = true
		go q.drainer()
	}
}

func (q *Queue) drain() {
	b := batches.Get().(*batch)
	if q.cfg.Direct { // what a direct write has left over
		_, err := q.ws.WriteBatch(q.ctx, nil)
		q.settle(b, 0, err)
	}
	for q.take(b) {
		n, err := q.ws.WriteBatch(q.ctx, b.msgs[:b.n])
		q.settle(b, n, err)
	}
	batches.Put(b)
}

// take fills b with what leaves next. When there is nothing, or nothing may be
// sent any more, it reports false and the goroutine has ended.
func (q *Queue) take(b *batch) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mayDrain() {
		q.takeLane(b, High)
		b.high = b.n
		if q.lanes[High].len() == 0 {
			q.takeLane(b, Low)
		}
	}
	q.flight = b.n
	q.draining = b.n > 0
	q.admitWaiters()
	q.changed()
	if !q.draining && q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
	return b.n > 0
}

// takeLane moves messages of priority p into b, while it has room.
func (q *Queue) takeLane(b *batch, p Priority) {
	l := &q.lanes[p]
	for l.len() > 0 && b.n < batchMessages {
		e := l.slot(l.head)
		if q.expired(e) {
			l.popFront()
			q.stats.Expired++
			continue
		}
		if b.n > 0 && q.flightBytes+b.n*headerBytes+lastHeader+e.size() > batchBytes {
			return
		}
		q.flightBytes += e.size()
		if b.n == 0 || e.at < q.flightAt {
			q.flightAt = e.at
		}
		b.entries[b.n] = l.popFront()
		b.msgs[b.n] = b.entries[b.n].msg
		b.n++
	}
	if l.len() == 0 {
		l.release()
	}
}

// mayDrain reports whether what is queued may still be sent: it may after
// Close, until that gives up.
func (q *Queue) mayDrain() bool {
	return (q.err == nil || q.err == ErrClosed) && q.ctx.Err() == nil
}

// settle counts the first n messages of b as sent, and puts the others back.
func (q *Queue) settle(b *batch, n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Batches++
	q.stats.Sent += int64(n)
	for i := range n {
		q.stats.SentBytes += int64(b.entries[i].size())
	}
	all := n == b.n // with an error: cut in the last one, or in what Direct left over
	for i := b.n - 1; i >= n; i-- {
		p := Low
		if i < b.high {
			p = High
		}
		q.lanes[p].pushFront(b.entries[i])
	}
	clear(b.entries[:b.n])
	clear(b.msgs[:b.n])
	b.n, b.high = 0, 0
	q.flight, q.flightBytes = 0, 0
	switch {
	case err == nil:
	case q.ctx.Err() != nil:
		q.cut = all
	default:
		err = fmt.Errorf("sendqueue: %w", err)
		q.fail(err)
		if q.err == ErrClosed {
			q.err = err // Close is waiting, and returns it
		}
	}
	q.changed()
}

// waiting returns what waits, beside what is being written.
func (q *Queue) waiting() (messages, bytes int) {
	high, low := &q.lanes[High], &q.lanes[Low]
	return high.len() + low.len(), high.bytes + low.bytes
}

// Flush waits until the queue is empty and nothing is being written, the
// connection has failed, or ctx ends.
func (q *Queue) Flush(ctx context.Context) error {
	q.mu.Lock()
	idle := q.idleLocked()
	q.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		return fmt.Errorf("sendqueue: flush: %w", context.Cause(ctx))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if n, _ := q.waiting(); n > 0 {
		return q.err
	}
	return nil
}

// idleLocked returns a channel that is closed when nothing is being written.
func (q *Queue) idleLocked() <-chan struct{} {
	if !q.draining {
		return closedChan
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle
}

// now is the time since New.
func (q *Queue) now() time.Duration { return time.Since(q.base) }
