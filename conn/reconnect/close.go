package reconnect

import (
	"context"
	"fmt"
	"net"
)

var (
	// errClosed is the cause of an end that Close asked for, with everything
	// sent.
	errClosed = fmt.Errorf("reconnect: the Client was closed: %w", net.ErrClosed)

	// errLate is the same when the time for sending was over.
	errLate = fmt.Errorf("reconnect: the Client was closed before everything was sent: %w", net.ErrClosed)
)

// UnsentError has what was in the outbox when the Client closed, in order:
// what was never sent, and, with Config.Ack, what was sent and not
// acknowledged, which may have arrived.
type UnsentError struct {
	Messages []Item
	// Err is why the Client closed, or the cause of the end of the context
	// that was given to Close.
	Err error
}

func (e *UnsentError) Error() string {
	return fmt.Sprintf("reconnect: closed with %d messages not sent or not acknowledged: %v", len(e.Messages), e.Err)
}

func (e *UnsentError) Unwrap() error { return e.Err }

// Close takes nothing more to send, waits until the outbox is empty (with
// Config.Ack: until everything is acknowledged), performs the closing
// handshake with code 1000, and waits until nothing of the Client is left
// running. An outage does not stop it from flushing: attempts go on until ctx
// ends. An empty outbox makes Close return at once while offline.
//
// When ctx ends first, the connection is cut, and what is left comes back in
// an [*UnsentError]. So it does when the Client closes by itself, before or
// meanwhile; without anything left, that is no error of Close. A second call
// waits for the same end, cuts the connection when its own ctx ends before
// that, and returns nil.
//
// Close returns late only where Config.Dial or OnConnect doesn't heed its
// context.
//
// Messages goes on to deliver what is received until the end. From the moment
// of Close on nobody waits for the inbox: a message that finds it full is
// dropped, with all messages after it, so that acknowledgements behind them get
// through. Their IDs come after that of the last message yielded.
func (c *Client) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.cut(context.Cause(ctx)) })
	defer stop()
	first := false
	c.begin.Do(func() {
		first = true
		close(c.closing)
	})
	if !first {
		<-c.done
		return nil
	}
	err := c.flush()
	if err == nil {
		c.cancel(errClosed)
	} else {
		c.cancel(errLate)
	}
	<-c.done
	if rest := c.out.rest(); len(rest) > 0 {
		if err == nil {
			err = c.err
		}
		return &UnsentError{Messages: rest, Err: err}
	}
	return nil
}

// flush waits until the outbox is empty or the Client has closed by itself.
func (c *Client) flush() error {
	for !c.out.close(errSendClosed) {
		select {
		case <-c.out.empty:
		case <-c.done:
			return nil
		case <-c.over.Done():
			return context.Cause(c.over)
		}
	}
	return nil
}
