package reconnect_test

import (
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chaosProxy stands between clients and a server on loopback, and does to
// their bytes what bad networks do.
type chaosProxy struct {
	l      net.Listener
	target func() string // the server's address, or "" while it is down

	mu     sync.Mutex
	random *rand.Rand
	links  map[*link]bool
	mend   chan struct{} // closed when a partition ends; nil while there is none
	slow   bool
	tame   bool // nothing is cut any more
	cuts   int
	wg     sync.WaitGroup
}

// link is one connection through the proxy.
type link struct {
	near, far *net.TCPConn
	cut       chan struct{}
	once      sync.Once
}

// reset ends both sides so that TCP says RST and drops what is unsent.
func (k *link) reset() {
	k.once.Do(func() {
		close(k.cut)
		for _, nc := range []*net.TCPConn{k.near, k.far} {
			nc.SetLinger(0)
			nc.Close()
		}
	})
}

func newChaosProxy(t *testing.T, random *rand.Rand, target func() string) *chaosProxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &chaosProxy{l: l, target: target, random: random, links: make(map[*link]bool)}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.heal()
		p.resetAll()
		p.wg.Wait()
	})
	return p
}

func (p *chaosProxy) accept() {
	for {
		nc, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.connect(nc.(*net.TCPConn)) })
	}
}

func (p *chaosProxy) connect(near *net.TCPConn) {
	far, err := net.Dial("tcp", p.target())
	if err != nil {
		near.Close()
		return
	}
	k := &link{near: near, far: far.(*net.TCPConn), cut: make(chan struct{})}
	p.mu.Lock()
	p.links[k] = true
	up, down := p.budget(2000), p.budget(40000)
	p.mu.Unlock()
	p.wg.Go(func() { p.pump(k, k.near, k.far, up) })
	p.pump(k, k.far, k.near, down)
	p.mu.Lock()
	delete(p.links, k)
	p.mu.Unlock()
}

// budget draws after how many bytes a direction is cut; -1 means never.
func (p *chaosProxy) budget(most int) int {
	if p.tame || p.random.IntN(4) == 0 {
		return -1
	}
	return p.random.IntN(most)
}

// pump copies one direction until it fails or is cut.
func (p *chaosProxy) pump(k *link, from, to *net.TCPConn, budget int) {
	defer k.reset()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil || !p.hold(k) {
			return
		}
		if budget >= 0 && n >= budget {
			to.Write(buf[:budget])
			p.mu.Lock()
			p.cuts++
			p.mu.Unlock()
			return
		}
		budget -= min(n, max(budget, 0))
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// hold holds the bytes up as the network's state wants, and reports whether
// they may go on.
func (p *chaosProxy) hold(k *link) bool {
	p.mu.Lock()
	mend, slow := p.mend, p.slow
	p.mu.Unlock()
	if slow {
		mend = nil
	}
	switch {
	case slow:
		late := time.NewTimer(20 * time.Millisecond) // the fault itself
		defer late.Stop()
		select {
		case <-late.C:
		case <-k.cut:
			return false
		}
	case mend != nil:
		select {
		case <-mend:
		case <-k.cut:
			return false
		}
	}
	return true
}

// partition holds everything until heal.
func (p *chaosProxy) partition() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mend == nil {
		p.mend = make(chan struct{})
	}
}

func (p *chaosProxy) slowDown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = true
}

// heal ends partition and slowness.
func (p *chaosProxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = false
	if p.mend != nil {
		close(p.mend)
		p.mend = nil
	}
}

// calm heals for good: no new link is cut, and the present ones, which may
// have a budget, are.
func (p *chaosProxy) calm() {
	p.mu.Lock()
	p.tame = true
	p.mu.Unlock()
	p.heal()
	p.resetAll()
}

func (p *chaosProxy) resetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.links {
		k.reset()
	}
}

// host runs a net/http server that can be killed and started again, at
// another port each time.
type host struct {
	handler http.Handler

	mu     sync.Mutex
	server *http.Server
	addr   string
	conns  map[net.Conn]bool
}

func (h *host) address() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.addr
}

func (h *host) start(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = make(map[net.Conn]bool)
	h.addr = l.Addr().String()
	h.server = &http.Server{Handler: h.handler, ConnState: func(nc net.Conn, s http.ConnState) {
		if s == http.StateNew {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.conns[nc] = true
		}
	}}
	go h.server.Serve(l)
}

// kill resets every connection, as the end of a process does.
func (h *host) kill() {
	h.mu.Lock()
	server, conns := h.server, h.conns
	h.addr, h.conns = "", nil
	h.conns = make(map[net.Conn]bool)
	h.mu.Unlock()
	if server == nil {
		return
	}
	server.Close()
	for nc := range conns {
		nc.(*net.TCPConn).SetLinger(0)
		nc.Close()
	}
}
