package conn

import (
	"context"
	"net"
	"sync"
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

	socket bool // nc itself is a TCP or Unix socket

	gone bool          // err is set and nc is closed; guarded by mu, as are err and done
	over atomic.Bool   // gone is set, or about to be; cheaper to ask
	mu   sync.Mutex    // never held while waiting
	err  error         // why the connection ended; set once
	done chan struct{} // closed when gone is set; nil until somebody asks

	rd    reader
	wr    writer
	pings atomic.Pointer[pings] // nil before the first ping

	compression *compression // nil when none was agreed

	stats counters
	alive keepalive
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
	return newConn(nc, role, hs, cfg, compression)
}

func newConn(nc net.Conn, role Role, hs handshake.Result, cfg *Config, z *compression) *Conn {
	c := &Conn{
		nc:          nc,
		role:        role,
		cfg:         cfg,
		subprotocol: hs.Subprotocol,
		socket:      isSocket(nc),
	}
	c.rd.rules.Role = role
	if z != nil {
		c.compression = z
		c.rd.rules.RSV = frame.RSV1
	}
	c.rd.start(hs.Buffered)
	c.startKeepalive()
	cfg.Group.add(c)
	return c
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

// Done is closed when the connection has ended, in whatever way.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.done != nil:
	case c.gone:
		return closed
	default:
		c.done = make(chan struct{})
	}
	return c.done
}

// closed is the channel of those who ask when it is over.
var closed = func() chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}()

// ended returns why the connection ended, or nil while it has not.
func (c *Conn) ended() error {
	if !c.over.Load() {
		return nil
	}
	return c.cause()
}

// cause waits for the end under way, and returns why.
func (c *Conn) cause() error {
	<-c.Done() // over is true a moment before the transport is closed
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// settle records why the connection ends, while the transport is still open.
// Only the first cause counts; the one that counts is returned.
func (c *Conn) settle(cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = cause
	}
	return c.err
}

// end settles the cause and closes the transport.
func (c *Conn) end(cause error) error {
	cause = c.settle(cause)
	if c.over.CompareAndSwap(false, true) {
		c.stopKeepalive()
		c.nc.Close()
		c.rd.intr.letGo()
		c.wr.intr.letGo()
		c.leave()
		c.afterEnd(cause)
	}
	return cause
}

// leave says that the connection has ended.
func (c *Conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	if c.done != nil {
		close(c.done)
	}
}

// timeout returns a context that ends after d, whatever the caller's does.
func timeout(d time.Duration, cause error) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), d, cause)
}
