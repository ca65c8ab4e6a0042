package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// flush sends the buffer. What has not left when ctx ends stays, and leaves
// later, unless the caller takes it back.
func (c *Conn) flush(ctx context.Context) error {
	if c.wr.buf == nil {
		return nil
	}
	n, err := c.writeOut(ctx, c.wr.buf)
	if err != nil {
		return c.notFlushed(n, err)
	}
	c.dropBuffer()
	return nil
}

// flushWith sends the buffer and, behind it, p, which doesn't stay.
func (c *Conn) flushWith(ctx context.Context, p []byte) error {
	n, err := c.writeBoth(ctx, c.wr.buf, p)
	if err != nil {
		return c.notFlushed(n, err)
	}
	c.dropBuffer()
	return nil
}

// notFlushed keeps what has not left of the buffer, n bytes of which have, if
// the transport goes on.
func (c *Conn) notFlushed(n int, err error) error {
	w := &c.wr
	if !isCut(err) {
		return c.failWrite(err)
	}
	if n >= len(w.buf) {
		c.dropBuffer()
	} else {
		c.keepRest(w.buf[n:])
	}
	return err
}

// keepRest leaves the rest of what was to leave, which fits the write buffer, to
// the next write.
func (c *Conn) keepRest(rest []byte) {
	w := &c.wr
	if w.buf == nil {
		w.borrow()
	}
	w.buf = w.buf[:copy(w.buf[:writeSize], rest)]
	w.queued.Store(true)
}

// sendLong sends the buffer, which holds the header h alone, and the payload p
// through a larger buffer: one call for every 56 KiB.
func (c *Conn) sendLong(ctx context.Context, h *frame.Header, p []byte) error {
	long := longBuffers.Get().(*[longSize]byte)
	defer longBuffers.Put(long)
	start, pos := copy(long[:], c.wr.buf), 0
	c.dropBuffer() // a peer that doesn't read costs one of the two
	for len(p) > 0 {
		n := min(len(p), longSize-start)
		if h.Masked {
			pos = mask.XOR(long[start:], p[:n], h.Key, pos)
		} else {
			copy(long[start:], p[:n])
		}
		if _, err := c.writeOut(ctx, long[:start+n]); err != nil {
			if !isCut(err) {
				err = c.failWrite(err)
			}
			return err
		}
		p, start = p[n:], 0
	}
	return nil
}

// streamEnd counts the bytes that have left or lie in the buffer: the place of
// the next frame in the stream. The caller holds the lock, so nobody else
// moves it.
func (c *Conn) streamEnd() int64 { return c.stats.bytesSent.Load() + int64(len(c.wr.buf)) }

// takeBack takes what stands behind start out of the buffer, after err has
// kept a message from being sent whole. When a part of it has left, the
// connection fails: what followed could not be told from the message.
func (c *Conn) takeBack(start int64, err error) error {
	w := &c.wr
	left := c.stats.bytesSent.Load()
	switch {
	case c.over.Load():
		return err
	case left > start:
		return c.failCut(err)
	case w.buf != nil:
		w.buf = w.buf[:start-left]
		if len(w.buf) == 0 {
			c.dropBuffer()
		}
	}
	return err
}

// writeOut is the system call, and n how many bytes of b have left. The error is
// a *cutError when ctx ended it and the transport goes on.
func (c *Conn) writeOut(ctx context.Context, b []byte) (n int, err error) {
	if err := c.wr.intr.arm(ctx, c); err != nil {
		return 0, &cutError{err}
	}
	if c.rawIO() {
		n, err = c.writeSocketAll(b)
	} else {
		n, err = c.nc.Write(b)
		c.stats.bytesSent.Add(int64(n))
	}
	if err != nil {
		err = c.cutWrite(ctx, err)
	}
	return n, err
}

// writeSocketAll gives b to the socket, and waits until it has taken all.
func (c *Conn) writeSocketAll(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var took int
		took, err = c.writeSocket(b[n:], true)
		n += took
	}
	return n, err
}

// pair is two slices that leave in one call. net.Buffers would allocate it for
// each.
type pair struct {
	parts [2][]byte
	rest  net.Buffers
}

var pairs = sync.Pool{New: func() any { return new(pair) }}

// writeBoth is writeOut of b and p for a transport that takes both at once.
func (c *Conn) writeBoth(ctx context.Context, b, p []byte) (int, error) {
	if err := c.wr.intr.arm(ctx, c); err != nil {
		return 0, &cutError{err}
	}
	both := pairs.Get().(*pair)
	both.parts = [2][]byte{b, p}
	both.rest = both.parts[:]
	n, err := both.rest.WriteTo(c.nc)
	*both = pair{}
	pairs.Put(both)
	c.stats.bytesSent.Add(n)
	if err != nil {
		err = c.cutWrite(ctx, err)
	}
	return int(min(n, int64(len(b)))), err
}

// cutWrite says what a failed write of the transport means.
func (c *Conn) cutWrite(ctx context.Context, err error) error {
	cause := cutBy(ctx, err)
	if cause == nil {
		return err
	}
	if _, ok := c.nc.(*tls.Conn); ok {
		return fmt.Errorf("%w: %w", errTLSCut, cause)
	}
	return &cutError{cause}
}

// cutError is the end of a write by the caller's context.
type cutError struct{ cause error }

func (e *cutError) Error() string { return "websocket: write: " + e.cause.Error() }
func (e *cutError) Unwrap() error { return e.cause }

func isCut(err error) bool {
	_, ok := err.(*cutError)
	return ok
}

func (w *writer) borrow() { w.buf = writeBuffers.Get().(*[writeSize]byte)[:0] }

func (c *Conn) dropBuffer() {
	w := &c.wr
	if w.buf != nil {
		writeBuffers.Put((*[writeSize]byte)(w.buf[:writeSize]))
		w.buf = nil
	}
	if w.queued.Load() { // setting it costs more than asking
		w.queued.Store(false)
	}
}

// failCut ends the connection after an error inside a message or a control
// frame, a part of which has left.
func (c *Conn) failCut(err error) error {
	if isCut(err) {
		err = fmt.Errorf("%w: %w", errWriteCut, errors.Unwrap(err))
	}
	return c.failWrite(err)
}

// failWrite ends the connection after a write that may have sent a part of a
// frame. No Close frame follows: it would be read as payload.
func (c *Conn) failWrite(err error) error {
	return c.end(&CloseError{Code: frame.StatusAbnormalClosure, Err: err})
}

// flushBuffered lets what is buffered leave before this side waits for the
// peer. A writer who is at work now sees to it that it does.
func (c *Conn) flushBuffered(ctx context.Context) error {
	w := &c.wr
	if !w.queued.Load() {
		return nil
	}
	if !w.lock.tryLock() {
		w.hasFlush.Store(true)
		c.servePending() // the lock was let go meanwhile
		return nil
	}
	if w.buf != nil && c.rawIO() {
		n, _ := c.writeSocket(w.buf, false) // an error comes again
		if n == len(w.buf) {
			c.dropBuffer()
			c.unlockWriter()
			return nil
		}
		c.keepRest(w.buf[n:])
	}
	return c.flushWaiting(ctx)
}

// flushWaiting is the rest of flushBuffered, for a peer that doesn't take all at
// once. A reader that waits for that can't hear the peer, and a peer that does
// the same would wait with us for ever: it counts as silence.
func (c *Conn) flushWaiting(ctx context.Context) error {
	defer c.unlockWriter()
	c.alive.waitBegin()
	defer c.alive.waitEnd(false)
	return c.flush(ctx)
}
