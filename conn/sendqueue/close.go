package sendqueue

import (
	"context"
	"fmt"
)

// fail refuses everything from now on, with the lock held. Only the first
// call counts.
func (q *Queue) fail(err error) {
	if q.err != nil {
		return
	}
	q.err = err
	for p := range q.waiters {
		for _, w := range q.waiters[p] {
			w.err = err
			close(w.done)
		}
		q.waiters[p] = nil
	}
	q.changed()
}

// Close refuses further messages, and waits until what is queued has left, the
// connection has failed, or ctx ends. It returns the messages that were not
// sent, High before Low, each in its order; the error then says why. Call it
// once; a second call has nothing to return. With a context that has ended
// Close doesn't wait.
//
// Close leaves the connection open and usable, unless ctx ended while a
// message of more than 18 KiB was being written. A smaller one of which a part
// had left counts as sent: the rest is in the Conn's buffer, for its next write
// or Flush, and the error is not nil even if no message is returned.
func (q *Queue) Close(ctx context.Context) ([]Item, error) {
	q.mu.Lock()
	q.fail(ErrClosed)
	idle := q.idleLocked()
	q.mu.Unlock()
	var cause error
	select {
	case <-idle:
	default:
		select {
		case <-idle:
		case <-ctx.Done():
			cause = fmt.Errorf("sendqueue: close: %w", context.Cause(ctx))
		}
	}
	q.cancel()
	<-idle
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.takeAll()
	switch {
	case len(items) == 0 && !q.cut:
		return nil, nil
	case cause == nil:
		cause = q.err
	}
	return items, cause
}

// takeAll empties the queue, with the lock held and nothing being written.
func (q *Queue) takeAll() []Item {
	var items []Item
	for p := range q.lanes {
		l := &q.lanes[p]
		for l.len() > 0 {
			e := l.popFront()
			items = append(items, Item{Message: e.msg, Key: e.key, Priority: Priority(p), Time: q.base.Add(e.at)})
		}
		l.release()
	}
	q.stats.Returned += int64(len(items))
	return items
}
