package conn

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// longAgo is a deadline that has passed: setting it ends a blocked call.
var longAgo = time.Unix(1, 0)

// interrupter ends a blocked read (or write) when a context ends, by moving
// the deadline of that direction into the past. It stays registered with the
// context between calls, so that a context costs nothing while the same one
// is passed again, and lets go of it when the connection ends, so that a
// context that lives longer doesn't keep the Conn.
//
// The holder of the direction's lock sets watch; who ends the connection reads
// it at the same time.
type interrupter struct {
	watch atomic.Pointer[watch] // nil when no context is registered
}

// watch is a context that is registered.
type watch struct {
	c     *Conn
	write bool // the direction
	done  <-chan struct{}
	stop  func() bool

	mu    sync.Mutex // guards what follows; never held while waiting
	over  bool       // the end of the context means nothing any more
	fired bool       // the deadline is in the past
}

// arm registers ctx, unless it is registered already. The caller holds the
// lock of the direction of c whose interrupter this is.
func (i *interrupter) arm(ctx context.Context, c *Conn) error {
	done := c.doneOf(ctx)
	if done != nil && ctx.Err() != nil { // Cause takes a lock
		return context.Cause(ctx)
	}
	if w := i.watch.Load(); w != nil {
		if w.done == done {
			return nil
		}
		i.watch.Store(nil)
		w.end()
	}
	if done != nil {
		i.register(ctx, c, done)
	}
	return nil
}

func (i *interrupter) register(ctx context.Context, c *Conn, done <-chan struct{}) {
	w := &watch{c: c, write: i == &c.wr.intr, done: done}
	w.stop = context.AfterFunc(ctx, w.fire)
	i.watch.Store(w)
	if c.over.Load() { // and who ended it may have looked before
		w.stop()
	}
}

// letGo is called at the end of the connection. The deadline doesn't matter
// then.
func (i *interrupter) letGo() {
	if w := i.watch.Load(); w != nil {
		w.stop()
	}
}

// fire is called when the context has ended.
func (w *watch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.fired = true
		w.setDeadline(longAgo)
	}
}

// end lets go of the context and of a deadline that it set.
func (w *watch) end() {
	w.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.fired {
		w.setDeadline(time.Time{})
	}
}

func (w *watch) setDeadline(t time.Time) {
	if w.write {
		w.c.nc.SetWriteDeadline(t)
	} else {
		w.c.nc.SetReadDeadline(t)
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
