package conn

import (
	"context"

	"github.com/seed24abed78/rfc6455/frame"
)

// CloseRead is for connections that only write. It starts a goroutine that
// reads, so that pings are answered, pongs arrive and the keepalive works. A
// message from the peer closes the connection with code 1008 (RFC 6455, section
// 7.4.1).
//
// The returned context ends with the connection, and its cause says why. When
// ctx ends, reading stops, and the connection stays. The goroutine ends with
// either. Other reads of the Conn wait until then.
func (c *Conn) CloseRead(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() { cancel(c.refuseMessages(ctx)) }()
	return ctx
}

// refuseMessages reads until the connection or ctx ends, or a message begins.
func (c *Conn) refuseMessages(ctx context.Context) error {
	if err := c.lockReader(ctx); err != nil {
		return err
	}
	err := c.begin(ctx)
	c.rd.lock.unlock()
	if err != nil {
		return err
	}
	c.CloseWith(frame.StatusPolicyViolation, "no messages are expected here")
	return c.ended()
}
