package sendqueue

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// waiter is a Send that waits for room.
type waiter struct {
	e       entry
	ageless bool          // e is as old as its place in the queue
	done    chan struct{} // closed with err set and the waiter out of its list
	err     error         // nil when e was accepted
}

// othersWait reports whether one who would block with a message of priority p
// has to let others go first.
func (q *Queue) othersWait(p Priority) bool {
	return len(q.waiters[High]) > 0 || p == Low && len(q.waiters[Low]) > 0
}

// await waits for the place of w. When what is queued can expire, that makes
// room as well, though nobody reads.
func (q *Queue) await(ctx context.Context, w *waiter, p Priority) (Result, error) {
	for {
		timer, stop := q.nextExpiry()
		select {
		case <-w.done:
		case <-ctx.Done():
			if q.giveUp(w, p) {
				stop()
				return Dropped, fmt.Errorf("sendqueue: wait for room: %w", context.Cause(ctx))
			}
		case <-timer:
			q.mu.Lock()
			q.expire()
			q.admitWaiters()
			q.changed()
			q.mu.Unlock()
			continue
		}
		stop()
		<-w.done
		if w.err != nil {
			return Dropped, w.err
		}
		return Queued, nil
	}
}

// nextExpiry returns a channel for the moment when the oldest message expires.
func (q *Queue) nextExpiry() (<-chan time.Time, func() bool) {
	none := func() bool { return true }
	if q.cfg.MaxAge <= 0 {
		return nil, none
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	first := q.now()
	for i := range q.lanes {
		if l := &q.lanes[i]; l.len() > 0 {
			first = min(first, l.slot(l.head).at)
		}
	}
	t := time.NewTimer(max(first+q.cfg.MaxAge-q.now(), time.Millisecond))
	return t.C, t.Stop
}

// giveUp takes w out of its list; false says that its answer is there.
func (q *Queue) giveUp(w *waiter, p Priority) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, v := range q.waiters[p] {
		if v == w {
			q.waiters[p] = slices.Delete(q.waiters[p], i, i+1)
			q.admitWaiters() // those behind w may need less room
			q.changed()
			return true
		}
	}
	return false
}

// admitWaiters gives room to those who wait, in their order and High first, and
// sees that what is queued gets written, with the lock held.
func (q *Queue) admitWaiters() {
	defer q.startDrain()
	for p := range q.waiters {
		for len(q.waiters[p]) > 0 {
			w := q.waiters[p][0]
			if w.ageless {
				w.e.at = q.now()
			}
			if q.admit(w.e, Priority(p), Block) != accepted {
				return
			}
			q.waiters[p] = q.waiters[p][1:]
			close(w.done)
		}
		q.waiters[p] = nil
	}
}
