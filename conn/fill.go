package conn

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/seed24abed78/rfc6455/frame"
)

func (r *reader) borrow() { r.buf = readBuffers.Get().(*[readSize]byte)[:] }

// borrowForTry borrows a buffer for an attempt to read from a socket: a long one,
// if that takes a message like the last whole, in one call and without a copy.
// Who has read little gives it back with shrink.
func (r *reader) borrowForTry() {
	if r.long {
		r.buf = longReads.Get().(*[longReadSize]byte)[:]
	} else {
		r.borrow()
	}
}

func (r *reader) giveBack() {
	keepReadBuffer(r.buf)
	r.buf = nil
	r.pos, r.end = 0, 0
}

// keepReadBuffer gives a buffer back to its pool, if it is of one.
func keepReadBuffer(buf []byte) {
	switch len(buf) {
	case readSize:
		readBuffers.Put((*[readSize]byte)(buf))
	case longReadSize:
		longReads.Put((*[longReadSize]byte)(buf))
	}
}

// shrink gives a long buffer back, if what is unread fits the usual one, so that
// a peer who sends little makes us hold little.
func (r *reader) shrink() {
	if len(r.buf) <= readSize || r.end-r.pos > readSize {
		return
	}
	long, unread := r.buf, r.buf[r.pos:r.end]
	r.borrow()
	r.pos, r.end = 0, copy(r.buf, unread)
	keepReadBuffer(long)
}

// reclaim makes the buffer ours again when a turn of Messages has a slice of
// it: what is unread moves to another buffer, and the lent one is left to the
// garbage collector.
func (r *reader) reclaim() {
	if r.lent {
		r.leave()
	}
}

// leave is the rest of reclaim.
func (r *reader) leave() {
	r.lent = false
	unread := r.buf[r.pos:r.end]
	switch {
	case len(unread) <= readSize:
		r.borrow()
	case len(unread) <= longReadSize:
		r.buf = longReads.Get().(*[longReadSize]byte)[:]
	default:
		r.buf = make([]byte, len(unread))
	}
	r.pos, r.end = 0, copy(r.buf, unread)
}

// fill waits for more bytes from the peer. What this side has buffered leaves
// first: the peer may be waiting for it.
func (c *Conn) fill(ctx context.Context) error {
	if err := c.flushBuffered(ctx); err != nil {
		return err
	}
	return c.receive(ctx)
}

// receive is the second half of fill.
func (c *Conn) receive(ctx context.Context) error {
	r := &c.rd
	r.shrink()
	switch {
	case r.pos < r.end && r.end == len(r.buf):
		r.end = copy(r.buf, r.buf[r.pos:r.end])
		r.pos = 0
	case r.pos == r.end && r.buf != nil:
		r.giveBack()
	}
	c.giveBackShort()
	if err := c.armRead(ctx); err != nil {
		return err
	}
	var n int
	var err error
	c.alive.waitBegin() // here, where the stack is shallow
	if c.rawIO() {
		n, err = c.readSocket()
	} else {
		n, err = c.readPlain()
	}
	c.alive.waitEnd(n > 0)
	if n > 0 {
		r.end += n
		r.shrink()
		c.stats.bytesReceived.Add(int64(n))
		return nil // an error that came along comes again
	}
	if r.buf != nil && r.pos == r.end {
		r.giveBack()
	}
	if err == nil {
		return nil // an empty write on the other end of a net.Pipe
	}
	return c.readFailed(ctx, err)
}

// readPlain reads from a transport that is no socket into the free end of the
// read buffer.
func (c *Conn) readPlain() (int, error) {
	r := &c.rd
	if r.buf == nil {
		r.borrow()
	}
	return c.nc.Read(r.buf[r.end:])
}

// armRead registers the context of a read that is about to wait.
func (c *Conn) armRead(ctx context.Context) error {
	if err := c.ended(); err != nil {
		return err
	}
	if err := c.rd.intr.arm(ctx, c); err != nil {
		return fmt.Errorf("websocket: read: %w", err)
	}
	return nil
}

// readFailed says what a failed read of the transport means: the caller's
// context ended and the connection lives on, or the transport is lost.
func (c *Conn) readFailed(ctx context.Context, err error) error {
	if cause := cutBy(ctx, err); cause != nil {
		return fmt.Errorf("websocket: read: %w", cause)
	}
	// A transport that is lost without a Close frame fails the connection
	// (RFC 6455, section 7.2.1): code 1006, which is never on the wire.
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return c.end(&CloseError{Code: frame.StatusAbnormalClosure, Local: c.wr.closeSent.Load(), Err: err})
}
