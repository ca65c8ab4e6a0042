package conn

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// lock is a mutex whose waiters can give up when a context ends. Waiters sleep
// on channels, so that fake time (testing/synctest) sees them, and are served
// in order. The free case is one compare-and-swap.
type lock struct {
	queue atomic.Pointer[queue] // nil before somebody has to wait
	state atomic.Int32          // one of lockFree, lockHeld, lockWanted
}

const (
	lockFree   = 0
	lockHeld   = 1
	lockWanted = 2 // held, and waiters may exist
)

// queue is who waits for a lock.
type queue struct {
	mu      sync.Mutex // never held while waiting
	waiters []chan struct{}
}

func (l *lock) tryLock() bool { return l.state.CompareAndSwap(lockFree, lockHeld) }

// lock takes the lock, or returns the cause of the end of ctx.
func (l *lock) lock(ctx context.Context) error {
	if l.tryLock() {
		return nil
	}
	q := made(&l.queue)
	q.mu.Lock()
	if l.state.Swap(lockWanted) == lockFree {
		q.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	q.waiters = append(q.waiters, turn)
	q.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	if !q.leave(turn) {
		l.unlock() // the turn came while we gave up: pass it on
	}
	return context.Cause(ctx)
}

// leave reports whether turn was still waited for.
func (q *queue) leave(turn chan struct{}) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiters, turn)
	if at < 0 {
		return false
	}
	q.waiters = slices.Delete(q.waiters, at, at+1)
	return true
}

func (l *lock) unlock() {
	if !l.state.CompareAndSwap(lockHeld, lockFree) {
		l.pass()
	}
}

// pass gives the lock, which is wanted, to who has waited longest.
func (l *lock) pass() {
	q := l.queue.Load()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiters) == 0 {
		l.state.Store(lockFree)
		return
	}
	next := q.waiters[0]
	q.waiters = q.waiters[1:]
	close(next)
}
