package conn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Group is the connections of a server in one place, so that it can stop
// without cutting people off. A Conn whose Config names the Group belongs to
// it until it ends. The zero Group is ready; it must not be copied, and its
// methods may be called from any goroutine.
//
// It has no broadcast: package hub has, with backpressure.
type Group struct {
	mu       sync.Mutex
	conns    map[*Conn]struct{}
	opening  int // opening handshakes that were let in and are not over
	handlers int
	closing  chan struct{} // closed when Shutdown begins; nil until somebody asks
	closed   bool          // Shutdown has begun
	idle     chan struct{} // closed when nothing is left; nil while nobody waits
	stats    GroupStats
}

// GroupStats counts for metrics.
type GroupStats struct {
	Conns    int   // open now
	Handlers int   // of Handler, running now
	Opened   int64 // connections that joined, ever
	Refused  int64 // requests refused because of Shutdown
	Cut      int64 // connections that Shutdown had to cut
}

// ErrShutdown is the cause of a refusal, with status 503, after Shutdown.
var ErrShutdown = errors.New("websocket: the server is shutting down")

// Stats returns the counts of this moment.
func (g *Group) Stats() GroupStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stats
	s.Conns, s.Handlers = len(g.conns), g.handlers
	return s
}

// Handler is [Handler] for connections of this Group. Shutdown waits for serve
// to return.
func (g *Group) Handler(serve func(ctx context.Context, ws *Conn) error, cfg ...*Config) http.Handler {
	var c Config
	if len(cfg) > 0 && cfg[0] != nil {
		c = *cfg[0]
	}
	c.Group = g
	return Handler(serve, &c)
}

// ShuttingDown is closed when Shutdown begins. Handlers that work for long
// without reading can watch it.
func (g *Group) ShuttingDown() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing == nil {
		g.closing = make(chan struct{})
		if g.closed {
			close(g.closing)
		}
	}
	return g.closing
}

// Shutdown stops accepting: whoever asks from now on is answered with status
// 503. It sends Close with code 1001 to every peer, behind the message that is
// being written (RFC 6455, section 7.4.1), and waits for the closing handshakes
// and the handlers. A handler's reads go on until the
// peer has answered, so a message on its way still arrives; its writes fail
// with net.ErrClosed. A peer that doesn't answer within Config.CloseTimeout is
// given up. When ctx ends, what is left is cut, and the error, which wraps the
// cause of ctx, says how much that was; handlers may then still be running.
//
// http.Server.Shutdown neither knows nor waits for WebSockets: call it beside
// this, or give it this with RegisterOnShutdown and wait for both.
func (g *Group) Shutdown(ctx context.Context) error {
	idle, conns := g.beginShutdown()
	for _, c := range conns {
		go c.goAway(ctx) // ends with the Conn, which is cut below at the latest
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	left := make([]*Conn, 0, len(g.conns))
	for c := range g.conns {
		left = append(left, c)
	}
	handlers := g.handlers
	g.stats.Cut += int64(len(left))
	over := len(left) == 0 && handlers == 0 && g.opening == 0
	g.mu.Unlock()
	if over {
		return nil // the last ended together with ctx
	}
	var cut sync.WaitGroup
	for _, c := range left { // side by side: TLS may take its time to say goodbye
		cut.Go(func() { c.end(&CloseError{Code: frame.StatusAbnormalClosure, Local: true, Err: ErrShutdown}) })
	}
	cut.Wait()
	return fmt.Errorf("websocket: shutdown: %d connections cut, %d handlers left running: %w", len(left), handlers, context.Cause(ctx))
}

// beginShutdown returns what to wait for, and the connections of this moment.
func (g *Group) beginShutdown() (idle <-chan struct{}, conns []*Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		if g.closing != nil {
			close(g.closing)
		}
	}
	if g.idle == nil {
		g.idle = make(chan struct{})
	}
	idle = g.idle
	g.checkIdle()
	for c := range g.conns {
		conns = append(conns, c)
	}
	return idle, conns
}

// checkIdle wakes those who wait for nothing to be left, with the lock held.
func (g *Group) checkIdle() {
	if g.idle != nil && len(g.conns) == 0 && g.handlers == 0 && g.opening == 0 {
		close(g.idle)
		g.idle = nil
	}
}

// goAway sends Close behind the message being streamed, and waits for the end.
func (c *Conn) goAway(ctx context.Context) {
	if c.lockForMessage(ctx) == nil {
		bound, cancel := timeout(c.cfg.closeTimeout(), errCloseTimeout)
		defer cancel()
		payload, _ := frame.AppendClose(nil, frame.StatusGoingAway, "")
		err := c.writeControl(bound, frame.Close, payload)
		c.wr.closeSent.Store(true)
		c.unlockWriter()
		if err != nil {
			c.end(err)
			return
		}
	}
	if ctx.Err() == nil || c.ended() != nil {
		c.CloseWith(frame.StatusGoingAway, "") // has been sent; this waits for the answer
	}
}

// add is called for every new Conn.
func (g *Group) add(c *Conn) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conns == nil {
		g.conns = make(map[*Conn]struct{})
	}
	g.conns[c] = struct{}{}
	g.stats.Opened++
	if g.closed { // its handshake had begun before
		go c.CloseWith(frame.StatusGoingAway, "")
	}
}

// remove is called at the end of every Conn.
func (g *Group) remove(c *Conn) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	g.checkIdle()
}

// enter lets an opening handshake in, whose end leave has to be told, or
// returns the answer to a request after Shutdown.
func (g *Group) enter() error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.opening++
		return nil
	}
	g.stats.Refused++
	return &handshake.Error{Status: http.StatusServiceUnavailable, Reason: "the server is shutting down", Err: ErrShutdown}
}

// leave says that an opening handshake is over: its Conn has joined, or there
// is none.
func (g *Group) leave() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opening--
	g.checkIdle()
}

// serving counts a handler that begins (1) or ends (-1).
func (g *Group) serving(n int) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.handlers += n
	g.checkIdle()
}
