package reconnect

import (
	"context"
	"errors"
	"slices"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// serve reads and writes on an open connection until it ends, and returns why.
func (c *Client) serve(ws *conn.Conn) error {
	if n := c.out.rewind(); n > 0 {
		c.counts.resent.Add(int64(n))
		if c.cfg.Trace.Resent != nil {
			c.cfg.Trace.Resent(n)
		}
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	written := make(chan struct{})
	go func() {
		defer close(written)
		if c.write(ctx, ws); ctx.Err() == nil {
			ws.CloseNow() // ends the reader, if the write has not
		}
	}()
	err := c.read(ctx, ws)
	cancel(err)
	c.leave(ws)
	<-written
	return err
}

// leave performs the closing handshake, unless the connection has ended or
// Close has no time for it.
func (c *Client) leave(ws *conn.Conn) {
	code := frame.StatusGoingAway
	if errors.Is(context.Cause(c.ctx), errClosed) {
		code = frame.StatusNormalClosure
	}
	stop := context.AfterFunc(c.over, func() { ws.CloseNow() })
	defer stop()
	ws.CloseWith(code, "")
}

// read takes in messages until the connection ends.
func (c *Client) read(ctx context.Context, ws *conn.Conn) error {
	c.in.wait(ctx, ws.Done(), c.closing)
	for msg, err := range ws.Messages(ctx) {
		if err == nil {
			err = c.receive(msg)
		}
		if err != nil {
			return err
		}
		c.in.wait(ctx, ws.Done(), c.closing)
	}
	return nil
}

// receive deals with one message.
func (c *Client) receive(msg conn.Message) error {
	c.counts.received.Add(1)
	if c.cfg.Ack != nil {
		if ack, ok := c.cfg.Ack(msg); ok {
			c.out.acknowledge(ack.ID, ack.UpTo)
			if !ack.Deliver {
				return nil
			}
		}
	}
	id := c.cfg.Identify(msg)
	if id.HistoryLost {
		gap, err := c.tracker.lose(id)
		if err != nil {
			return err
		}
		c.tell(gap)
		return nil
	}
	v, before, err := c.tracker.see(id)
	switch {
	case err != nil:
		return err
	case v == duplicate:
		c.counts.duplicates.Add(1)
		if c.cfg.Trace.Duplicate != nil {
			c.cfg.Trace.Duplicate(id)
		}
		return nil
	case v == afterGap:
		c.tell(&GapError{Stream: id.Stream, After: before, Next: id})
	}
	m := Message{Type: msg.Type, Data: slices.Clone(msg.Data), ID: id}
	c.in.push(entry{msg: m}, isClosed(c.closing))
	return nil
}

// tell puts a gap in its place among the messages.
func (c *Client) tell(gap *GapError) {
	c.counts.gaps.Add(1)
	if c.cfg.Trace.Gap != nil {
		c.cfg.Trace.Gap(gap)
	}
	c.in.push(entry{gap: gap}, isClosed(c.closing))
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// write sends what is in the outbox until ctx ends or a write fails. The Conn
// keeps the reason for its reader.
func (c *Client) write(ctx context.Context, ws *conn.Conn) {
	if ws.Flush(ctx) != nil { // what OnConnect has left in the buffer
		return
	}
	var batch []posted
	var messages []*conn.PreparedMessage
	for {
		batch = c.out.take(ctx, ws.Done(), batch[:0])
		if len(batch) == 0 {
			return
		}
		messages = messages[:0]
		for _, m := range batch {
			messages = append(messages, m.message)
		}
		n, err := ws.WriteBatch(ctx, messages)
		c.counts.sent.Add(int64(n))
		rest := batch[n:]
		if len(rest) > 0 && c.cfg.Ack == nil && isClosed(ws.Done()) {
			c.failed(rest[0].Item) // of which a part may have left
			rest = rest[1:]
		}
		c.out.written(rest)
		if err != nil {
			return
		}
		clear(batch)
		clear(messages)
	}
}

func (c *Client) failed(m Item) {
	c.counts.failed.Add(1)
	if c.cfg.Trace.Failed != nil {
		c.cfg.Trace.Failed(m)
	}
}

func (c *Client) dropped(m Item) {
	c.counts.dropped.Add(1)
	if c.cfg.Trace.Dropped != nil {
		c.cfg.Trace.Dropped(m)
	}
}
