package reconnect

import (
	"context"
	"slices"

	"github.com/seed24abed78/rfc6455/conn"
)

// Send puts a copy of p into the outbox, as Post does. It is for a Client
// without Config.Ack, whose messages need no ID.
func (c *Client) Send(ctx context.Context, typ conn.MessageType, p []byte) error {
	return c.Post(ctx, Outgoing{Type: typ, Data: slices.Clone(p)})
}

// Post puts a message into the outbox, from where it leaves in order, at once
// when a connection is open. Nil means that it was taken in, and not that the
// server has it: the package comment says what is guaranteed.
//
// When the outbox is full, Config.Policy decides: Post waits for room until
// ctx ends, or returns ErrDropped, or others are dropped, which Trace.Dropped
// sees. After Close, and when the Client has closed by itself, the error is
// net.ErrClosed, or why it closed.
func (c *Client) Post(ctx context.Context, m Outgoing) error {
	return c.out.add(ctx, m)
}
