package conn

import (
	"context"
	"sync"
	"sync/atomic"
)

// lock is a mutex whose waiters can give up when a context ends. Waiters sleep
// on channels, so that fake time (testing/synctest) sees them, and are served
// in order. The free case is one compare-and-swap.
type lock struct {
	state   atomic.Int32 // one of lockFree, lockHeld, lockWanted
	mu      sync.Mutex   // guards waiters; never held while waiting
	waiters []chan struct{}
}

const (
	lockFree   = 0
	lockHeld   = 1
	lockWanted = 2 // held, and waiters may exist
)

func (l *lock) tryLock() bool { return l.state.CompareAndSwap(lockFree, lockHeld) }

// lock takes the lock, or returns the cause of the end of ctx.
func (l *lock) lock(ctx context.Context) error {
	if l.tryLock() {
		return nil
	}
	l.mu.Lock()
	if l.state.Swap(lockWanted) == lockFree {
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiters = append(l.waiters, turn)
	l.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	for i, w := range l.waiters {
		if w == turn {
			l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
			l.mu.Unlock()
			return context.Cause(ctx)
		}
	}
	l.mu.Unlock()
	l.unlock() // the turn came while we gave up: pass it on
	return context.Cause(ctx)
}

func (l *lock) unlock() {
	if !l.state.CompareAndSwap(lockHeld, lockFree) {
		l.pass()
	}
}

// pass gives the lock to who has waited longest.
func (l *lock) pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiters) == 0 {
		l.state.Store(lockFree)
		return
	}
	next := l.waiters[0]
	l.waiters = l.waiters[1:]
	close(next)
}
