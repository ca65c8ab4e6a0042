package conn

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
)

// control acts on a control frame (RFC 6455, section 5.5). It is called by
// whoever reads.
func (c *Conn) control(op frame.Opcode, payload []byte) error {
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

// pings are the round trips that callers of Ping wait for.
type pings struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan struct{}
}

func (p *pings) answered(payload []byte) {
	if len(payload) != 8 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := binary.BigEndian.Uint64(payload)
	if ch, ok := p.waiting[id]; ok {
		delete(p.waiting, id)
		close(ch)
	}
}

// Ping sends a ping and waits for its pong; it returns the time between the
// two. Somebody must be reading from the Conn meanwhile, because the pong
// arrives in the order of everything else.
func (c *Conn) Ping(ctx context.Context) (rtt time.Duration, err error) {
	p := &c.pings
	answered := make(chan struct{})
	p.mu.Lock()
	p.last++
	id := p.last
	if p.waiting == nil {
		p.waiting = make(map[uint64]chan struct{})
	}
	p.waiting[id] = answered
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, id)
		p.mu.Unlock()
	}()

	begun := time.Now()
	if err := c.sendPing(ctx, binary.BigEndian.AppendUint64(nil, id)); err != nil {
		return 0, err
	}
	select {
	case <-answered:
		return time.Since(begun), nil
	case <-c.done:
		return 0, c.ended()
	case <-ctx.Done():
		return 0, fmt.Errorf("websocket: ping: %w", context.Cause(ctx))
	}
}

func (c *Conn) sendPing(ctx context.Context, payload []byte) error {
	if err := c.wr.lock.lock(ctx); err != nil {
		return fmt.Errorf("websocket: ping: %w", err)
	}
	defer c.unlockWriter()
	if err := c.writable(); err != nil {
		return err
	}
	return c.writeControl(ctx, frame.Ping, payload)
}
