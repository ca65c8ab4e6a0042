package conn

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"syscall"
)

// A client has at most one opening handshake under way with an IP address,
// and further ones wait until it has succeeded or failed; this keeps a program
// from flooding a server with half-open connections (RFC 6455, section 4.1).
// Behind a proxy, which resolves the name itself, each host counts as an
// address of its own, and all of them together are bounded.
var (
	addresses gate
	proxied   places
)

// maxProxied is how many opening handshakes through proxies run at once.
const maxProxied = 16

// gate is a set of locks by name. A name that nobody holds takes no memory.
type gate struct {
	mu    sync.Mutex
	names map[string]*gateLock
}

type gateLock struct {
	lock  lock
	users int // who holds it or waits for it
}

func (g *gate) enter(ctx context.Context, name string) error {
	g.mu.Lock()
	if g.names == nil {
		g.names = make(map[string]*gateLock)
	}
	l := g.names[name]
	if l == nil {
		l = new(gateLock)
		g.names[name] = l
	}
	l.users++
	g.mu.Unlock()
	err := l.lock.lock(ctx)
	if err != nil {
		g.drop(name, l)
	}
	return err
}

func (g *gate) leave(name string) {
	g.mu.Lock()
	l := g.names[name]
	g.mu.Unlock()
	l.lock.unlock()
	g.drop(name, l)
}

func (g *gate) drop(name string, l *gateLock) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(g.names, name)
	}
}

// places lets maxProxied in at a time. Those who wait sleep on channels of their
// own, so that fake time sees them, and are served in order.
type places struct {
	mu      sync.Mutex // guards the rest; never held while waiting
	taken   int
	waiters []chan struct{}
}

func (p *places) enter(ctx context.Context) error {
	p.mu.Lock()
	if p.taken < maxProxied {
		p.taken++
		p.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	p.waiters = append(p.waiters, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	at := slices.Index(p.waiters, turn)
	if at >= 0 {
		p.waiters = slices.Delete(p.waiters, at, at+1)
	}
	p.mu.Unlock()
	if at < 0 {
		p.leave() // the turn came while we gave up: pass it on
	}
	return context.Cause(ctx)
}

func (p *places) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiters) == 0 {
		p.taken--
		return
	}
	close(p.waiters[0])
	p.waiters = p.waiters[1:]
}

// pass is what one Dial holds of the gate: one name at most at any time, so
// that two Dials never wait for each other. The zero pass holds nothing.
type pass struct {
	mu   sync.Mutex // net.Dialer tries addresses of both families side by side
	held string
	slot bool // of proxied
}

// enter gives up the name that the pass holds and waits for another.
func (p *pass) enter(ctx context.Context, name string) error {
	p.mu.Lock()
	if p.held == name {
		p.mu.Unlock()
		return nil
	}
	p.drop()
	p.mu.Unlock()
	if err := addresses.enter(ctx, name); err != nil {
		return fmt.Errorf("websocket: wait for another opening handshake with %s, which Config.ParallelHandshakes would not do: %w", name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop() // what came in meanwhile for the other family
	p.held = name
	return nil
}

// drop is called with mu held.
func (p *pass) drop() {
	if p.held != "" {
		addresses.leave(p.held)
		p.held = ""
	}
}

// enterProxied waits for the host's turn, and then for one of the places of
// handshakes through proxies. What the pass held before it gives up first.
func (p *pass) enterProxied(ctx context.Context, u *url.URL) error {
	p.leave()
	if err := p.enter(ctx, "host "+u.Host); err != nil {
		return err
	}
	if err := proxied.enter(ctx); err != nil {
		return fmt.Errorf("websocket: wait for one of %d opening handshakes through proxies, which Config.ParallelHandshakes would not do: %w", maxProxied, err)
	}
	p.slot = true
	return nil
}

// leave lets the next one in.
func (p *pass) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop()
	if p.slot {
		proxied.leave()
		p.slot = false
	}
}

// dial is how a client with no DialContext of its own connects. net.Dialer
// calls control before each attempt, with an address that is resolved.
func (p *pass) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{ControlContext: p.control}
	return d.DialContext(ctx, network, address)
}

func (p *pass) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	return p.enter(ctx, host)
}

// connected makes sure of the address that the connection is with in the end.
// Of a connection that is not TCP nothing is known.
func (p *pass) connected(ctx context.Context, nc net.Conn) error {
	addr, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	return p.enter(ctx, (&net.IPAddr{IP: addr.IP, Zone: addr.Zone}).String())
}
