package conn

import (
	"errors"
	"net"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
)

// Trace is a set of hooks into what happens to connections, in the manner of
// net/http/httptrace. Any of them may be nil, and costs nothing then. They are
// called on the goroutine that does the work, so they must return soon, must
// not keep a payload, and must not call methods of the Conn that read, write
// or close. One Trace may serve many connections at the same time. The examples
// have one for log/slog and one for expvar.
type Trace struct {
	// Handshake is called when an opening handshake is over, with the end
	// that we are and the time it took. On success ws is the new Conn, and
	// err is nil; else ws is nil.
	Handshake func(ws *Conn, role Role, took time.Duration, err error)

	// MessageReceived is called when a message was read to its end, and
	// MessageSent when one was handed to the write buffer or the transport;
	// one that a context then takes back has been told of. size is in bytes
	// of payload, uncompressed.
	MessageReceived, MessageSent func(ws *Conn, typ MessageType, size int64)

	// ControlReceived and ControlSent see every Close, Ping and Pong frame
	// with its payload, unmasked (RFC 6455, section 5.5).
	ControlReceived, ControlSent func(ws *Conn, op frame.Opcode, payload []byte)

	// Buffered is called after BufferMessage, with the bytes that wait in
	// the write buffer now: the depth of the queue within the Conn.
	Buffered func(ws *Conn, bytes int)

	// Closed is called once, when the connection has ended: with the close
	// code, its reason and who began, or with the error that ended it in
	// how.Err: a *KeepaliveError, a *frame.Error that has the close code which
	// this side has sent, or what the network says.
	Closed func(ws *Conn, how *CloseError)
}

// handshakeOver calls the hook, if there is one; begun is zero if there isn't.
func (cfg *Config) handshakeOver(ws *Conn, role Role, begun time.Time, err error) {
	if t := cfg.Trace; t != nil && t.Handshake != nil {
		t.Handshake(ws, role, time.Since(begun), err)
	}
}

// traceBegin is when something that is traced began.
func (cfg *Config) traceBegin() (begun time.Time) {
	if t := cfg.Trace; t != nil && t.Handshake != nil {
		begun = time.Now()
	}
	return begun
}

// countSent counts a message that has been handed over.
func (c *Conn) countSent(typ MessageType, size int64) {
	c.stats.messagesSent.Add(1)
	c.stats.payloadSent.Add(size)
	if t := c.cfg.Trace; t != nil {
		t.sent(c, typ, size)
	}
}

func (t *Trace) sent(c *Conn, typ MessageType, size int64) {
	if t.MessageSent != nil {
		t.MessageSent(c, typ, size)
	}
}

// countReceived counts a message that was read to its end.
func (c *Conn) countReceived(typ MessageType, size int64) {
	c.stats.messagesReceived.Add(1)
	if t := c.cfg.Trace; t != nil {
		t.received(c, typ, size)
	}
}

func (t *Trace) received(c *Conn, typ MessageType, size int64) {
	if t.MessageReceived != nil {
		t.MessageReceived(c, typ, size)
	}
}

func (c *Conn) traceControl(received bool, op frame.Opcode, payload []byte) {
	t := c.cfg.Trace
	switch {
	case t == nil:
	case received && t.ControlReceived != nil:
		t.ControlReceived(c, op, payload)
	case !received && t.ControlSent != nil:
		t.ControlSent(c, op, payload)
	}
}

func (c *Conn) traceBuffered() {
	if t := c.cfg.Trace; t != nil && t.Buffered != nil {
		t.Buffered(c, len(c.wr.buf))
	}
}

// afterEnd calls who wants to know that the connection is over.
func (c *Conn) afterEnd(cause error) {
	if t := c.cfg.Trace; t != nil && t.Closed != nil {
		t.Closed(c, howClosed(cause))
	}
	if c.cfg.OnClose != nil {
		c.cfg.OnClose(c, cause)
	}
	c.cfg.Group.remove(c)
}

// howClosed gives every end the form of a CloseError.
func howClosed(cause error) *CloseError {
	var ce *CloseError
	if errors.As(cause, &ce) {
		return ce
	}
	return &CloseError{Code: frame.StatusAbnormalClosure, Local: errors.Is(cause, net.ErrClosed), Err: cause}
}
