package conn

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Role says which end of the connection this is. It decides who masks
// (RFC 6455, section 5.1) and who closes TCP first (section 7.1.1).
type Role = frame.Role

// The two roles.
const (
	Client = frame.Client
	Server = frame.Server
)

// MessageType says how the payload of a message is meant.
type MessageType = frame.Opcode

// The two types of message (RFC 6455, section 5.6).
const (
	Text   = frame.Text   // UTF-8, checked in both directions
	Binary = frame.Binary // any bytes
)

// Conn is one end of a WebSocket connection. Make one with [Accept], [Dial],
// [Handler], [Upgrade] or [New], and end it with one of the Close methods: until
// then it has a socket, and the keepalive knows it.
type Conn struct {
	nc          net.Conn
	cfg         *Config
	subprotocol string
	role        Role

	socket bool                   // nc itself is a TCP or Unix socket
	over   atomic.Bool            // the connection has ended, or is about to; cheaper to ask than ending
	ending atomic.Pointer[ending] // nil until it ends, or somebody wants to know when

	rd    reader
	wr    writer
	pings atomic.Pointer[pings] // nil before the first ping

	compression *compression // nil when none was agreed

	stats counters
	alive keepalive
}

// made returns what p points to, and makes it when it is nil. A Conn has much
// that most connections never need.
func made[T any](p *atomic.Pointer[T]) *T {
	if p.Load() == nil {
		p.CompareAndSwap(nil, new(T))
	}
	return p.Load()
}

// New returns a Conn on nc after an opening handshake that somebody else has
// done, with the outcome hs. Bytes that the peer sent behind its handshake
// stand in hs.Buffered. From then on nc belongs to the Conn.
//
// When hs.Extensions has permessage-deflate, that is what is spoken, with the
// level and the rest of cfg.Compression if it is set.
//
// A cfg with an impossible value panics, and so do extensions that this package
// doesn't have; Dial, Accept and Upgrade return an error instead.
func New(nc net.Conn, role Role, hs handshake.Result, cfg *Config) *Conn {
	cfg, err := cfg.check()
	if err != nil {
		panic(err)
	}
	compression, err := newCompression(role, hs.Extensions, cfg.Compression, false)
	if err != nil {
		panic(err)
	}
	c := new(Conn)
	c.start(nc, role, hs, cfg, compression)
	return c
}

// start makes a Conn of a zero one.
func (c *Conn) start(nc net.Conn, role Role, hs handshake.Result, cfg *Config, z *compression) {
	c.nc, c.role, c.cfg = nc, role, cfg
	c.subprotocol = hs.Subprotocol
	c.socket = isSocket(nc)
	c.rd.rules.Role = role
	if z != nil {
		c.compression = z
		c.rd.rules.RSV = frame.RSV1
	}
	c.rd.start(hs.Buffered)
	c.startKeepalive()
	cfg.Group.add(c)
}

// isSocket tells whether nc itself is a socket. The Read and Write of a wrapper
// around one have to be called, and net.Buffers would reach it in pieces.
func isSocket(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// Subprotocol returns the subprotocol agreed in the handshake, or "".
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Role returns the end that this Conn is.
func (c *Conn) Role() Role { return c.role }

// LocalAddr and RemoteAddr return the addresses of the underlying net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the address of the peer, or of the proxy before it.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// timeout returns a context that ends after d, whatever the caller's does.
func timeout(d time.Duration, cause error) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), d, cause)
}
