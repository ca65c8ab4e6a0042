package conn

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
)

// control acts on a control frame (RFC 6455, section 5.5). It is called by
// whoever reads.
func (c *Conn) control(ctx context.Context, op frame.Opcode, payload []byte) error {
	c.traceControl(true, op, payload)
	switch op {
	case frame.Ping:
		if c.cfg.OnPing != nil {
			c.cfg.OnPing(c, payload)
		}
		c.answerPing(ctx, payload)
		return nil
	case frame.Pong:
		if c.cfg.OnPong != nil {
			c.cfg.OnPong(c, payload)
		}
		c.pings.Load().answered(payload)
		return nil
	default:
		return c.receiveClose(payload)
	}
}

// pending are the control frames that wait for the holder of the writer's lock,
// who sends them between two frames of a message, or has them sent when he lets
// the lock go.
type pending struct {
	todo atomic.Pointer[todo] // nil when nothing waits
}

// todo is one pong, one ping of the keepalive, and one ping for each caller of
// Ping, so it is bounded. What waits never changes: another takes its place.
type todo struct {
	pong   []byte // the payload of the latest ping
	pings  []*roundTrip
	ponged bool // a pong is to be sent
	asking bool // the keepalive has a question
}

// some reports whether something waits.
func (p *pending) some() bool { return p.todo.Load() != nil }

// add changes what waits.
func (p *pending) add(change func(*todo)) {
	for {
		old, next := p.todo.Load(), new(todo)
		if old != nil {
			*next = *old
		}
		change(next)
		if p.todo.CompareAndSwap(old, next) {
			return
		}
	}
}

// answer leaves a pong. Only the latest ping is answered when several came
// before the first pong could leave (RFC 6455, section 5.5.3), so a flood of
// pings costs nothing.
func (p *pending) answer(payload []byte) {
	pong := slices.Clone(payload)
	p.add(func(t *todo) { t.pong, t.ponged = pong, true })
}

func (p *pending) ask() { p.add(func(t *todo) { t.asking = true }) }

func (p *pending) ping(r *roundTrip) {
	p.add(func(t *todo) { t.pings = append(slices.Clip(t.pings), r) })
}

// forget is for a caller of Ping who gives up before the ping has left.
func (p *pending) forget(r *roundTrip) {
	for old := p.todo.Load(); old != nil; old = p.todo.Load() {
		next := *old
		next.pings = slices.DeleteFunc(slices.Clone(old.pings), func(o *roundTrip) bool { return o == r })
		if p.todo.CompareAndSwap(old, &next) {
			return
		}
	}
}

// take empties p.
func (p *pending) take() (t todo) {
	if old := p.todo.Swap(nil); old != nil {
		t = *old
	}
	return t
}

// putBack is take undone for what a context kept from leaving.
func (p *pending) putBack(old todo) {
	p.add(func(t *todo) {
		if old.ponged && !t.ponged {
			t.pong, t.ponged = old.pong, true
		}
		t.asking = t.asking || old.asking
		t.pings = slices.Concat(old.pings, t.pings)
	})
}

// answerPing answers at once, unless somebody else writes now and will do it.
// A peer that doesn't take the pong delays the reader by ControlTimeout at
// most; the pong then leaves when the peer takes it.
func (c *Conn) answerPing(ctx context.Context, payload []byte) {
	w := &c.wr
	if !w.lock.tryLock() {
		w.pending.answer(payload)
		c.servePending() // the lock was let go meanwhile
		return
	}
	if !c.answerNow(payload) {
		c.awaitAnswer(ctx)
		return
	}
	c.unlockWriter()
}

// answerNow sends a pong behind what is buffered, and reports whether a socket
// took all of it without waiting. Otherwise it is left to the holder of the
// writer's lock, who the caller is.
func (c *Conn) answerNow(payload []byte) bool {
	w := &c.wr
	if !c.rawIO() || w.pending.some() || c.writable() != nil || len(w.buf)+frame.MaxHeaderSize+len(payload) > writeSize {
		w.pending.answer(payload)
		return false
	}
	c.appendFrame(context.Background(), wholeMessage(frame.Pong), payload) // it fits
	c.traceControl(false, frame.Pong, payload)
	n, _ := c.writeSocket(w.buf, false) // an error comes again
	if n == len(w.buf) {
		c.dropBuffer()
		return true
	}
	c.keepRest(w.buf[n:])
	w.hasFlush.Store(true)
	return false
}

// awaitAnswer has the pong sent, with the writer's lock held.
func (c *Conn) awaitAnswer(ctx context.Context) {
	sent := make(chan struct{})
	go func() {
		c.sendPending()
		close(sent)
	}()
	enough := time.NewTimer(c.cfg.controlTimeout())
	defer enough.Stop()
	select {
	case <-sent:
	case <-enough.C:
	case <-c.doneOf(ctx):
	}
}

// sendPending is called with the writer's lock held. It does what was left to
// the holder, lets the lock go, and looks again. It waits for as long as the
// peer takes nothing, so only goroutines that nobody waits for call it; the end
// of the connection ends it.
func (c *Conn) sendPending() {
	w := &c.wr
	for {
		c.writePending(context.Background())
		if w.hasFlush.Swap(false) && !c.over.Load() {
			c.flush(context.Background())
		}
		w.lock.unlock()
		if !w.leftToHolder() || !w.lock.tryLock() {
			return
		}
	}
}

// unlockWriter lets the lock go. When something was left to its holder, a
// goroutine takes the lock over and does it, since the peer may be slow to take
// it and whoever has written has nothing more to wait for.
func (c *Conn) unlockWriter() {
	w := &c.wr
	if !w.leftToHolder() {
		w.lock.unlock()
		if !w.leftToHolder() || !w.lock.tryLock() {
			return
		}
	}
	c.passWriter()
}

// passWriter is the rest of unlockWriter.
func (c *Conn) passWriter() {
	w := &c.wr
	for {
		if w.hasFlush.Load() && !w.queued.Load() {
			w.hasFlush.Store(false)
		}
		if w.leftToHolder() {
			go c.sendPending()
			return
		}
		w.lock.unlock()
		if !w.leftToHolder() || !w.lock.tryLock() {
			return
		}
	}
}

func (w *writer) leftToHolder() bool { return w.pending.some() || w.hasFlush.Load() }

// servePending sees to what is pending, unless somebody holds the lock and so
// will do it.
func (c *Conn) servePending() {
	if c.wr.leftToHolder() && c.wr.lock.tryLock() {
		c.unlockWriter()
	}
}

// writePending writes the control frames that wait, with the lock held. When
// ctx ends first, what has not left waits on.
func (c *Conn) writePending(ctx context.Context) error {
	if !c.wr.pending.some() {
		return nil
	}
	t := c.wr.pending.take()
	err := c.writable()
	if err == nil {
		err = c.writeTodo(ctx, &t)
	}
	if isCut(err) {
		c.wr.pending.putBack(t)
		return err
	}
	for _, p := range t.pings {
		p.end(0, err)
	}
	if t.asking {
		c.alive.pingLeft(err)
	}
	return err
}

// writeTodo takes what has left out of t.
func (c *Conn) writeTodo(ctx context.Context, t *todo) error {
	if t.ponged {
		if err := c.writeControl(ctx, frame.Pong, t.pong); err != nil {
			return err
		}
		t.ponged = false
	}
	for ; len(t.pings) > 0; t.pings = t.pings[1:] {
		if err := c.writePing(ctx, t.pings[0]); err != nil {
			return err
		}
	}
	if t.asking {
		if err := c.writePing(ctx, new(roundTrip)); err != nil {
			return err
		}
		c.alive.pingLeft(nil)
		t.asking = false
	}
	return nil
}

// writePing writes a ping, with the lock held.
func (c *Conn) writePing(ctx context.Context, t *roundTrip) error {
	var payload [8]byte
	binary.BigEndian.PutUint64(payload[:], made(&c.pings).leaves(t)) // before it can be answered
	return c.writeControl(ctx, frame.Ping, payload[:])
}

// Ping sends a ping and waits for its pong; it returns the time between the
// two. Somebody must be reading from the Conn meanwhile, because the pong
// arrives in the order of everything else. A ping goes between the frames of a
// long message that is being written.
//
// A peer may answer the latest of several pings only (RFC 6455, section
// 5.5.3); that answers the earlier ones too, whose time then is an upper bound.
// When ctx ends the Conn stays usable, also when the ping could not leave yet.
func (c *Conn) Ping(ctx context.Context) (rtt time.Duration, err error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, pingCut(ctx)
	}
	t := &roundTrip{over: make(chan roundTripEnd, 1)}
	c.wr.pending.ping(t)
	c.servePending()
	select {
	case end := <-t.over:
		return end.rtt, end.err
	case <-c.Done():
		return 0, c.ended()
	case <-ctx.Done():
		c.wr.pending.forget(t)
		made(&c.pings).forget(t)
		return 0, pingCut(ctx)
	}
}

func pingCut(ctx context.Context) error {
	return fmt.Errorf("websocket: ping: %w", context.Cause(ctx))
}
