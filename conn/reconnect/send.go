package reconnect

import (
	"context"
	"slices"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// Send puts a copy of p into the outbox, as SendItem does. It is for a Client
// without Config.Ack, whose messages need no ID.
func (c *Client) Send(ctx context.Context, typ conn.MessageType, p []byte) (sendqueue.Result, error) {
	return c.SendItem(ctx, Item{Type: typ, Data: slices.Clone(p)})
}

// SendItem puts a message into the outbox, from where it leaves in order, at
// once when a connection is open. Queued means that it was taken in, and not
// that the server has it: the package comment says what is guaranteed.
//
// When the outbox is full, Config.Policy decides: SendItem waits for room until
// ctx ends, or the result is Dropped, or older messages are dropped, which
// Trace.Dropped sees. The error is nil when the policy dropped the message. It
// is net.ErrClosed after Close, sendqueue.ErrTooLarge for a message that could
// never fit, the cause of ctx, or why the Client has closed by itself; with an
// error the result is Dropped.
func (c *Client) SendItem(ctx context.Context, m Item) (sendqueue.Result, error) {
	return c.out.add(ctx, m)
}
