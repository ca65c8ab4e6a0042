package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
)

// CloseError says how the connection ended (RFC 6455, sections 7.1.4 to 7.1.7).
type CloseError struct {
	// Code is the code of the peer's Close frame; 1005 when that had none,
	// 1006 when the connection was lost or failed without one.
	Code frame.CloseCode
	// Reason is the reason of the peer's Close frame. It is written for
	// people who debug, and not to be shown to end users (section 5.5.1).
	Reason string
	// Local says that this side sent its Close frame first.
	Local bool
	// Err is the cause when the connection was lost or failed: an error of
	// the network, or the *frame.Error of the rule that the peer broke.
	Err error
}

func (e *CloseError) Error() string {
	var b strings.Builder
	if e.Err != nil {
		fmt.Fprintf(&b, "websocket: connection failed: %s", strings.TrimPrefix(e.Err.Error(), "websocket: "))
		return b.String()
	}
	who := "the peer closed the connection"
	if e.Local {
		who = "the connection was closed by this side, and the peer answered"
	}
	fmt.Fprintf(&b, "websocket: %s: code %d", who, uint16(e.Code))
	if e.Reason != "" {
		fmt.Fprintf(&b, ", reason %q", e.Reason)
	}
	return b.String()
}

func (e *CloseError) Unwrap() error { return e.Err }

// Is reports a connection that this side closed as net.ErrClosed.
func (e *CloseError) Is(target error) bool { return target == net.ErrClosed && e.Local }

var errCloseTimeout = errors.New("websocket: the peer did not finish the closing handshake within Config.CloseTimeout")

// Close performs the closing handshake with code 1000 (RFC 6455, section 7.1.2).
func (c *Conn) Close() error { return c.CloseWith(frame.StatusNormalClosure, "") }

// CloseWith sends a Close frame and waits, for CloseTimeout at most, until the
// peer has answered and TCP is closed. Messages that arrive meanwhile go to
// whoever is reading; when nobody is, they are read and dropped. Code 1005
// sends a Close frame without a code. The error is nil when the closing
// handshake was completed, also when the peer had begun it.
func (c *Conn) CloseWith(code frame.CloseCode, reason string) error {
	payload, err := frame.AppendClose(nil, code, reason)
	if err != nil {
		return err
	}
	if code == frame.StatusMandatoryExtension && c.role == Server {
		return errors.New("websocket: code 1010 is for clients; a server refuses the handshake instead")
	}
	ctx, cancel := timeout(c.cfg.closeTimeout(), errCloseTimeout)
	defer cancel()
	err = c.sendClose(ctx, payload)
	if err == nil {
		err = c.awaitClose(ctx)
	}
	return c.endClosing(ctx, err)
}

// awaitClose reads and drops messages until the connection has ended.
func (c *Conn) awaitClose(ctx context.Context) error {
	if err := c.lockReader(ctx); err != nil {
		return err
	}
	defer c.rd.lock.unlock()
	for {
		if err := c.begin(ctx); err != nil {
			return err
		}
		if err := c.discard(ctx); err != nil {
			return err
		}
	}
}

// endClosing ends the connection after err has ended the closing handshake,
// and turns how it ended into what Close returns.
func (c *Conn) endClosing(ctx context.Context, err error) error {
	if ctx.Err() != nil { // CloseTimeout
		err = &CloseError{Code: frame.StatusAbnormalClosure, Local: true, Err: context.Cause(ctx)}
	}
	err = c.end(err)
	var ce *CloseError
	if errors.As(err, &ce) && ce.Err == nil {
		return nil
	}
	return err
}

// CloseNow closes the transport at once, without a closing handshake. Calls
// that are under way return with net.ErrClosed.
func (c *Conn) CloseNow() error {
	c.end(errCloseNow)
	return nil
}

var errCloseNow = fmt.Errorf("websocket: CloseNow: %w", net.ErrClosed)

// sendClose sends the one Close frame of this side; a second call sends nothing.
func (c *Conn) sendClose(ctx context.Context, payload []byte) error {
	if err := c.lockWriter(ctx); err != nil {
		return err
	}
	defer c.unlockWriter()
	if c.wr.closeSent.Load() {
		return nil
	}
	if err := c.ended(); err != nil {
		return err
	}
	err := c.writeControl(ctx, frame.Close, payload)
	c.wr.closeSent.Store(true)
	return err
}

// receiveClose answers the peer's Close frame, unless this side has sent its
// own, and ends the connection (RFC 6455, sections 5.5.1 and 7.1.1).
func (c *Conn) receiveClose(payload []byte) error {
	code, reason, err := frame.ParseClose(payload)
	if err != nil {
		return c.fail(err)
	}
	answer := append([]byte(nil), payload[:min(len(payload), 2)]...)
	ctx, cancel := timeout(c.cfg.closeTimeout(), errCloseTimeout)
	defer cancel()
	outcome := &CloseError{Code: code, Reason: reason}
	if c.answerClose(ctx, outcome, answer) == nil {
		c.endTransport(ctx)
	}
	return c.end(outcome)
}

// answerClose sends the answer, unless this side was first, which it notes in
// outcome. That is settled before: a peer that has gone without waiting for the
// answer has said how the connection ended all the same.
func (c *Conn) answerClose(ctx context.Context, outcome *CloseError, payload []byte) error {
	err := c.lockWriter(ctx)
	if err != nil {
		c.settle(outcome)
		return err
	}
	defer c.unlockWriter()
	outcome.Local = c.wr.closeSent.Load()
	c.settle(outcome)
	if outcome.Local {
		return nil
	}
	err = c.writeControl(ctx, frame.Close, payload)
	c.wr.closeSent.Store(true)
	return err
}

// endTransport ends TCP after both Close frames. The server goes first, so
// that it holds TIME_WAIT; the client waits for that (RFC 6455, section 7.1.1).
//
// The server says so at once and then drops what still arrives until the
// client has closed too: a socket that is closed with unread bytes makes TCP
// throw away what was sent, the Close frame included.
func (c *Conn) endTransport(ctx context.Context) {
	if c.role == Client || c.closeWrite() {
		c.drain(ctx)
	}
}

// closeWrite ends the sending half of the transport, if it has halves.
func (c *Conn) closeWrite() bool {
	half, ok := c.nc.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// drain drops what arrives until the peer has closed or ctx ends.
func (c *Conn) drain(ctx context.Context) {
	if c.rd.intr.arm(ctx, c) != nil {
		return
	}
	sink := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(sink)
	for {
		if _, err := c.nc.Read(sink[:]); err != nil {
			return
		}
	}
}

// lingerTime is what a peer has to read why the connection failed when the
// transport has no halves. One that waits for this side to close first, as a
// client should, would wait for all of CloseTimeout otherwise.
const lingerTime = time.Second

// linger waits until the peer has read what was sent and closes.
func (c *Conn) linger(ctx context.Context) {
	if !c.closeWrite() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lingerTime)
		defer cancel()
	}
	c.drain(ctx)
}

// fail fails the connection because the peer broke a rule (RFC 6455, section
// 7.1.7): what was promised leaves, a Close frame says why, and the transport
// is kept open until the peer has had its time to read it, since closing with
// unread bytes makes TCP throw away what was sent. Nothing that the peer
// sends from here on is looked at.
func (c *Conn) fail(cause error) error {
	var rule *frame.Error
	if !errors.As(cause, &rule) {
		return c.end(cause)
	}
	outcome := c.settle(&CloseError{Code: frame.StatusAbnormalClosure, Err: cause}) // also when the Close frame can't leave
	ctx, cancel := timeout(c.cfg.closeTimeout(), errCloseTimeout)
	defer cancel()
	payload, err := frame.AppendClose(nil, rule.Code, rule.Reason)
	if err != nil {
		payload, _ = frame.AppendClose(nil, rule.Code, "")
	}
	if c.sendClose(ctx, payload) == nil {
		c.linger(ctx)
	}
	return c.end(outcome)
}
