package conn

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// longAgo is a deadline that has passed: setting it ends a blocked call.
var longAgo = time.Unix(1, 0)

// interrupter ends a blocked read (or write) when a context ends, by moving
// the deadline of that direction into the past. It stays registered with the
// context between calls, so that a context costs nothing while the same one
// is passed again, and lets go of it when the connection ends, so that a
// context that lives longer doesn't keep the Conn.
type interrupter struct {
	c     *Conn
	write bool // the direction

	done <-chan struct{} // of the registered context; nil when none is. The holder of the direction's lock has it alone

	mu    sync.Mutex // guards what follows; never held while waiting
	stop  func() bool
	turn  uint64 // a callback of an earlier turn does nothing
	fired bool   // the deadline is in the past
	over  bool   // the connection has ended
}

// arm registers ctx, unless it is registered already. The caller holds the
// lock of the direction.
func (i *interrupter) arm(ctx context.Context) error {
	var done <-chan struct{}
	if !i.c.isOf(ctx) {
		done = ctx.Done()
	}
	if done == i.done {
		if done == nil || ctx.Err() == nil { // Cause takes a lock
			return nil
		}
		return context.Cause(ctx)
	}
	if done != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.disarm()
	if done == nil || i.over {
		return nil
	}
	i.done = done
	turn := i.turn
	i.stop = context.AfterFunc(ctx, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.turn == turn {
			i.fired = true
			i.setDeadline(longAgo)
		}
	})
	return nil
}

// disarm lets go of the registered context and of a deadline that it set.
func (i *interrupter) disarm() {
	if i.stop == nil {
		return
	}
	i.stop()
	i.turn++
	if i.fired {
		i.setDeadline(time.Time{})
		i.fired = false
	}
	i.done, i.stop = nil, nil
}

// end lets go of the registered context for good.
func (i *interrupter) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
	if i.stop != nil {
		i.stop()
	}
}

func (i *interrupter) setDeadline(t time.Time) {
	if i.write {
		i.c.nc.SetWriteDeadline(t)
	} else {
		i.c.nc.SetReadDeadline(t)
	}
}

// cutBy returns the cause of ctx's end when err is the deadline that an ended
// context set, and nil when err is something else.
func cutBy(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return context.Cause(ctx)
	}
	return nil
}
