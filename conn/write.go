package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// writer is the sending half of a Conn. Everything in it belongs to the holder
// of lock, but for what is left to him.
type writer struct {
	lock lock
	intr interrupter

	buf       []byte         // frames that have not left; nil when there are none
	queued    atomic.Bool    // somebody has to see to it that buf leaves: a reader that waits does
	closeSent atomic.Bool    // nothing but the end of TCP follows
	stream    *messageWriter // the message that NextWriter has begun

	short atomic.Pointer[[shortSize]byte] // of writeAlone; nil while nobody writes
	keys  *mask.Keys                      // a client's; nil before the first frame

	// What others leave to the holder of lock, who has it done when he lets
	// the lock go. None of them waits for it.
	pending  pending
	hasFlush atomic.Bool // a read waits that should have flushed the buffer
}

var (
	errWriteCut   = errors.New("websocket: a message was cut after a part of it had left, so the connection had to be failed")
	errTLSCut     = errors.New("websocket: a write was cut, which no TLS connection outlives")
	errNotMessage = errors.New("websocket: the message type must be Text or Binary")
	errTextUTF8   = errors.New("websocket: a Text message must be valid UTF-8; send other bytes as Binary")
)

// WriteMessage sends one message and what BufferMessage has left, in one
// system call where the transport allows it. p is not changed and not kept; it
// must stay as it is until WriteMessage returns.
//
// When ctx ends before any byte of it has left, the message is taken back and
// the Conn stays usable. When it ends after that, the connection fails; over
// TLS, where nobody can tell, it fails whenever ctx ends a write under way.
func (c *Conn) WriteMessage(ctx context.Context, typ MessageType, p []byte) error {
	return c.writeMessage(ctx, typ, p, false)
}

// writeMessage is WriteMessage; plain says that p is not to be compressed.
func (c *Conn) writeMessage(ctx context.Context, typ MessageType, p []byte, plain bool) error {
	if err := checkMessage(typ, p); err != nil {
		return err
	}
	if err := c.lockForMessage(ctx); err != nil {
		return err
	}
	defer c.unlockWriter()
	var err error
	if c.mayWriteAlone(p) && (plain || !c.compression.wants(len(p))) {
		err = c.writeAlone(ctx, typ, p)
	} else {
		err = c.writeBehind(ctx, typ, p, plain)
	}
	if err == nil {
		c.countSent(typ, int64(len(p)))
	}
	return err
}

// BufferMessage adds a message to the write buffer. What is buffered leaves
// with Flush, with the next WriteMessage, when the buffer is full, and when a
// read of this Conn is about to wait. It waits only while a full buffer leaves.
//
// It is meant for the goroutine that reads and answers. When others buffer,
// the reader has to wait for what they left before it reads on; with a peer
// that does the same, both can end up waiting. Others use WriteMessage or
// WriteBatch.
func (c *Conn) BufferMessage(typ MessageType, p []byte) error {
	return c.bufferMessage(typ, p, false)
}

func (c *Conn) bufferMessage(typ MessageType, p []byte, plain bool) error {
	if err := checkMessage(typ, p); err != nil {
		return err
	}
	ctx := context.Background()
	if err := c.lockForMessage(ctx); err != nil {
		return err
	}
	defer c.unlockWriter()
	start := c.streamEnd()
	if err := c.appendMessage(ctx, typ, p, plain); err != nil {
		c.compression.forget()
		return c.takeBack(start, err)
	}
	c.wr.queued.Store(c.wr.buf != nil)
	c.countSent(typ, int64(len(p)))
	c.traceBuffered()
	return nil
}

// Flush sends what BufferMessage has left.
func (c *Conn) Flush(ctx context.Context) error {
	if err := c.lockWriter(ctx); err != nil {
		return err
	}
	defer c.unlockWriter()
	if err := c.ended(); err != nil {
		return err
	}
	return c.flush(ctx)
}

func checkMessage(typ MessageType, p []byte) error {
	switch {
	case typ == Binary:
		return nil
	case typ != Text:
		return errNotMessage
	case !frame.ValidUTF8(p):
		return errTextUTF8
	}
	return nil
}

// lockWriter takes the writer's lock.
func (c *Conn) lockWriter(ctx context.Context) error {
	if c.wr.lock.tryLock() {
		return nil
	}
	return c.waitWriter(ctx)
}

func (c *Conn) waitWriter(ctx context.Context) error {
	if err := c.wr.lock.lock(ctx); err != nil {
		c.servePending() // the lock may have been ours for a moment
		return fmt.Errorf("websocket: write: %w", err)
	}
	return nil
}

// lockForMessage takes the writer's lock at a moment when no streamed message
// is under way, because fragments of two messages never mix (RFC 6455,
// section 5.4), and while data may still be sent (section 5.5.1).
func (c *Conn) lockForMessage(ctx context.Context) error {
	if c.wr.lock.tryLock() {
		if c.wr.stream == nil && c.writable() == nil {
			return nil
		}
		c.unlockWriter()
	}
	return c.waitForMessage(ctx)
}

// waitForMessage is the rest of lockForMessage.
func (c *Conn) waitForMessage(ctx context.Context) error {
	for {
		if err := c.lockWriter(ctx); err != nil {
			return err
		}
		err := c.writable()
		if err == nil {
			err = c.endAbandoned()
		}
		if err != nil {
			c.unlockWriter()
			return err
		}
		m := c.wr.stream
		if m == nil {
			return nil
		}
		c.unlockWriter()
		select {
		case <-m.over:
		case <-m.ctx.Done():
		case <-c.Done():
		case <-ctx.Done():
			return fmt.Errorf("websocket: write: %w", context.Cause(ctx))
		}
	}
}

// writable returns the error of a write after Close or after the end.
func (c *Conn) writable() error {
	switch {
	case c.over.Load():
		return c.cause()
	case c.wr.closeSent.Load():
		return errClosing
	}
	return nil
}

var errClosing = fmt.Errorf("websocket: write after Close: %w", net.ErrClosed)
