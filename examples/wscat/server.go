package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// serve is the program with -listen. What is typed goes to every peer, one
// after the other, from the moment that there is one.
func serve(ctx context.Context, e *env, o *options, p *printer) error {
	l, err := open(e, o, p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &crowd{ctx: ctx, cancel: cancel, o: o, p: p, peers: make(map[int]single), first: make(chan struct{})}
	server := &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	p.note("listening on %s", l.Addr())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }() // ends with server.Close
	go c.typed(e.stdin)                       // ends with the input, or before it began with ctx
	if o.ping > 0 {
		go pingEvery(ctx, o.ping, p, c)
	}
	select {
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-failed:
	}
	c.end()
	server.Close()
	if errors.Is(err, errDone) {
		return c.result
	}
	return err
}

// errDone ends a server that has done what it was to do.
var errDone = errors.New("done")

// open listens, with TLS and a recorder as the flags say.
func open(e *env, o *options, p *printer) (net.Listener, error) {
	listen := e.listen
	if listen == nil {
		listen = net.Listen
	}
	l, err := listen("tcp", o.listen)
	if err != nil {
		return nil, err
	}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			l.Close()
			return nil, localError{fmt.Errorf("-cert and -key: %w", err)}
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
	}
	if o.trace {
		l = tracing{l, p}
	}
	return l, nil
}

// tracing is a listener whose connections are recorded.
type tracing struct {
	net.Listener
	p *printer
}

func (l tracing) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.p.recorder().Wrap(nc, conn.Server), nil
}

func (o *options) serverConfig() *conn.Config {
	return &conn.Config{
		Subprotocols:   o.subprotocols,
		Header:         o.header,
		OriginPatterns: o.origins,
		Secure:         o.cert != "",
		MaxMessageSize: o.max,
		Compression:    o.compression(),
	}
}

// crowd is every peer of a server, and a target for what is typed.
type crowd struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	o      *options
	p      *printer

	mu     sync.Mutex
	last   int // number of the last peer
	peers  map[int]single
	first  chan struct{} // closed when there is a peer
	over   bool          // nobody comes in any more
	result error         // how the connection ended that -once or -n waited for
	open   sync.WaitGroup
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !c.reserve() {
		http.Error(w, "no more connections are taken", http.StatusServiceUnavailable)
		return
	}
	defer c.open.Done()
	ws, err := conn.Accept(w, r, c.o.serverConfig())
	if err != nil {
		c.p.note("%s: %s", r.RemoteAddr, describe(err))
		return
	}
	defer ws.CloseNow()
	n := c.join(single{ws, c.p}, r)
	s := &session{o: c.o, p: c.p, peer: single{ws, c.p}, who: fmt.Sprintf("#%d ", n)}
	err = s.receive(c.ctx)
	c.leave(n, err)
}

// reserve takes a place for a connection, if there is one left.
func (c *crowd) reserve() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.o.once && c.last > 0 {
		return false
	}
	c.open.Add(1)
	return true
}

func (c *crowd) join(peer single, r *http.Request) int {
	c.mu.Lock()
	c.last++
	n := c.last
	c.peers[n] = peer
	if n == 1 {
		close(c.first)
	}
	c.mu.Unlock()
	c.p.note("#%d connected from %s: %s%s", n, r.RemoteAddr, r.URL.Redacted(), agreed(peer.ws))
	return n
}

func (c *crowd) leave(n int, err error) {
	c.mu.Lock()
	delete(c.peers, n)
	c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.p.note("#%d %s", n, describe(err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() == nil && (c.o.once || c.p.full()) {
		c.result = err
		c.cancel(errDone)
	}
}

// end says goodbye to everybody, and waits for it.
func (c *crowd) end() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.open.Wait() // the sessions' context has ended, so they close
}

func (c *crowd) typed(input io.Reader) {
	select {
	case <-c.first:
	case <-c.ctx.Done():
		return
	}
	t := newTypist(c.o, c.p, c)
	err := t.read(c.ctx, input)
	switch {
	case c.ctx.Err() != nil:
	case err != nil:
		c.cancel(localError{err})
	case c.o.once:
		t.ended(c.ctx)
	}
}

// everybody is the peers of this moment, in the order in which they came.
func (c *crowd) everybody() []single {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []single
	for n := 1; n <= c.last; n++ {
		if p, ok := c.peers[n]; ok {
			all = append(all, p)
		}
	}
	return all
}

// send waits for each peer in turn: nothing that is typed gets lost. A peer
// that is gone is no error; its own session tells of it.
func (c *crowd) send(ctx context.Context, typ conn.MessageType, p []byte) error {
	for _, peer := range c.everybody() {
		if err := peer.send(ctx, typ, p); err != nil && ctx.Err() != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) ping(ctx context.Context) error {
	var errs []error
	for _, peer := range c.everybody() {
		errs = append(errs, peer.ping(ctx))
	}
	return errors.Join(errs...)
}

func (c *crowd) finish(ctx context.Context, code frame.CloseCode, reason string) error {
	var errs []error
	for _, peer := range c.everybody() {
		errs = append(errs, peer.finish(ctx, code, reason))
	}
	return errors.Join(errs...)
}
