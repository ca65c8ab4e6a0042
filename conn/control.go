package conn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
)

// control acts on a control frame (RFC 6455, section 5.5). It is called by
// whoever reads.
func (c *Conn) control(op frame.Opcode, payload []byte) error {
	c.traceControl(true, op, payload)
	switch op {
	case frame.Ping:
		if c.cfg.OnPing != nil {
			c.cfg.OnPing(payload)
		}
		c.answerPing(payload)
		return nil
	case frame.Pong:
		if c.cfg.OnPong != nil {
			c.cfg.OnPong(payload)
		}
		c.pings.answered(payload)
		return nil
	default:
		return c.receiveClose(payload)
	}
}

// answerPing leaves the pong to whoever holds the writer's lock, or writes it
// here when nobody does. Only the latest ping is answered when several came
// before the first pong could leave (RFC 6455, section 5.5.3), so a flood of
// pings costs nothing.
func (c *Conn) answerPing(payload []byte) {
	w := &c.wr
	w.pongMu.Lock()
	w.pong = append(w.pong[:0], payload...)
	w.hasPong.Store(true)
	w.pongMu.Unlock()
	if w.lock.tryLock() {
		c.unlockWriter()
	}
}

// pings are the round trips under way, and how long they took.
type pings struct {
	mu      sync.Mutex
	last    uint64                // the number that the latest ping carries
	waiting map[uint64]*roundTrip // that callers of Ping wait for
	keep    roundTrip             // that the keepalive waits for

	rtt, smoothed time.Duration
}

type roundTrip struct {
	id       uint64
	sent     time.Time          // when the ping left
	answered chan time.Duration // holds one; nil for the keepalive's
}

// expect numbers a ping. answered is told how long it took; nil stands for the
// keepalive.
func (p *pings) expect(answered chan time.Duration) (id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	if answered == nil {
		p.keep = roundTrip{id: p.last}
		return p.last
	}
	if p.waiting == nil {
		p.waiting = make(map[uint64]*roundTrip)
	}
	p.waiting[p.last] = &roundTrip{id: p.last, answered: answered}
	return p.last
}

func (p *pings) forget(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
}

// find returns the round trip of a ping, or nil; the lock is held.
func (p *pings) find(id uint64) *roundTrip {
	if p.keep.id == id && id != 0 {
		return &p.keep
	}
	return p.waiting[id]
}

// leaves notes when a ping leaves.
func (p *pings) leaves(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.find(id); t != nil {
		t.sent = time.Now()
	}
}

// answered takes note of a pong. One that answers no ping of ours is ignored
// (RFC 6455, section 5.5.3).
func (p *pings) answered(payload []byte) {
	if len(payload) != 8 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.find(binary.BigEndian.Uint64(payload))
	if t == nil || t.sent.IsZero() {
		return
	}
	p.rtt = time.Since(t.sent)
	if p.smoothed == 0 {
		p.smoothed = p.rtt
	}
	p.smoothed += (p.rtt - p.smoothed) / 8
	if t.answered == nil {
		p.keep = roundTrip{}
		return
	}
	delete(p.waiting, t.id)
	t.answered <- p.rtt
}

// Ping sends a ping and waits for its pong; it returns the time between the
// two. Somebody must be reading from the Conn meanwhile, because the pong
// arrives in the order of everything else. A ping goes between the frames of a
// long message that is being written.
func (c *Conn) Ping(ctx context.Context) (rtt time.Duration, err error) {
	answered := make(chan time.Duration, 1)
	id := c.pings.expect(answered)
	defer c.pings.forget(id)
	if err := c.sendPing(ctx, id); err != nil {
		return 0, err
	}
	select {
	case rtt := <-answered:
		return rtt, nil
	case <-c.done:
		return 0, c.ended()
	case <-ctx.Done():
		c.unqueuePing(id)
		return 0, fmt.Errorf("websocket: ping: %w", context.Cause(ctx))
	}
}

// sendPing writes a ping, or leaves it to the writer who is at work now.
func (c *Conn) sendPing(ctx context.Context, id uint64) error {
	if !c.wr.lock.tryLock() {
		c.queuePing(id, false)
		return nil
	}
	defer c.unlockWriter()
	return c.writePing(ctx, id, false)
}

// queuedPing waits for the writer who is at work.
type queuedPing struct {
	id   uint64
	keep bool // of the keepalive
}

// queuePing leaves a ping to whoever holds the writer's lock. The queue is as
// long as there are callers of Ping.
func (c *Conn) queuePing(id uint64, keep bool) {
	w := &c.wr
	w.pongMu.Lock()
	w.pings = append(w.pings, queuedPing{id, keep})
	w.hasPing.Store(true)
	w.pongMu.Unlock()
	if w.lock.tryLock() { // it was let go meanwhile
		c.unlockWriter()
	}
}

// unqueuePing forgets a ping whose caller gave up.
func (c *Conn) unqueuePing(id uint64) {
	w := &c.wr
	w.pongMu.Lock()
	defer w.pongMu.Unlock()
	w.pings = slices.DeleteFunc(w.pings, func(q queuedPing) bool { return q.id == id })
	w.hasPing.Store(len(w.pings) > 0)
}

// controlPending says that control frames wait for the holder of the lock.
func (w *writer) controlPending() bool { return w.hasPong.Load() || w.hasPing.Load() }

// writePending writes the control frames that wait, with the lock held.
func (c *Conn) writePending() {
	w := &c.wr
	if w.hasPong.Load() {
		c.writePong()
	}
	if !w.hasPing.Load() {
		return
	}
	w.pongMu.Lock()
	queue := w.pings
	w.pings = nil
	w.hasPing.Store(false)
	w.pongMu.Unlock()
	ctx, cancel := timeout(c.cfg.ControlTimeout, errPingStuck)
	defer cancel()
	for _, q := range queue {
		if c.writable() != nil {
			return
		}
		if err := c.writePing(ctx, q.id, q.keep); err != nil {
			c.failWrite(err)
		}
	}
}

var errPingStuck = errors.New("websocket: a ping could not be written within Config.ControlTimeout")

// writePing writes a ping, with the lock held.
func (c *Conn) writePing(ctx context.Context, id uint64, keep bool) error {
	if err := c.writable(); err != nil {
		return err
	}
	c.pings.leaves(id) // before it can be answered
	var payload [8]byte
	binary.BigEndian.PutUint64(payload[:], id)
	err := c.writeControl(ctx, frame.Ping, payload[:])
	if err == nil && keep {
		silent, _ := c.alive.silence(c.alive.now())
		c.alive.left.Store(int64(silent))
	}
	return err
}
