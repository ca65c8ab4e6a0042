package main

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// throttle slows the connections of one person down, as a bad network would.
type throttle struct {
	name string // nobody when empty
	rate int    // bytes a second
}

// wrap returns w, or, for the person, one whose connection is slow once it is
// hijacked.
func (t throttle) wrap(w http.ResponseWriter, name string) http.ResponseWriter {
	if t.name == "" || t.name != name {
		return w
	}
	return slowWriter{w, t.rate}
}

type slowWriter struct {
	http.ResponseWriter
	rate int
}

// Hijack implements http.Hijacker.
func (w slowWriter) Hijack() (nc net.Conn, rw *bufio.ReadWriter, err error) {
	nc, rw, err = http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		nc = &slowConn{Conn: nc, rate: w.rate, closed: make(chan struct{})}
	}
	return nc, rw, err
}

// slowConn is a net.Conn that takes rate bytes a second after its first write,
// which is the response of the handshake.
type slowConn struct {
	net.Conn
	rate   int
	open   bool // the first write is over
	once   sync.Once
	closed chan struct{}
}

// Write sends p in pieces, a tenth of a second apart. Deadlines hold, because
// each piece is a write of the connection below.
func (c *slowConn) Write(p []byte) (n int, err error) {
	const apart = time.Second / 10
	if !c.open {
		c.open = true
		return c.Conn.Write(p)
	}
	piece := max(1, c.rate/10)
	for n < len(p) {
		m, err := c.Conn.Write(p[n:min(n+piece, len(p))])
		n += m
		if err != nil {
			return n, err
		}
		timer := time.NewTimer(apart)
		select {
		case <-timer.C:
		case <-c.closed:
			timer.Stop()
			return n, net.ErrClosed
		}
	}
	return n, nil
}

// Close ends a Write that is under way.
func (c *slowConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
