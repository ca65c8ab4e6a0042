package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
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

// writeBehind sends a message behind what is buffered.
func (c *Conn) writeBehind(ctx context.Context, typ MessageType, p []byte, plain bool) error {
	start := c.streamEnd()
	err := c.appendMessage(ctx, typ, p, plain)
	if err == nil {
		err = c.flush(ctx)
	}
	if err != nil {
		c.compression.forget() // the peer doesn't get what the window holds
		return c.takeBack(start, err)
	}
	return nil
}

// mayWriteAlone reports whether p can leave as one frame for which writeAlone
// has a buffer, because nothing that is buffered has to leave before it.
func (c *Conn) mayWriteAlone(p []byte) bool {
	return c.wr.buf == nil && len(p) <= min(writeSize-frame.MaxHeaderSize, c.cfg.frameSize())
}

// writeAlone sends one frame, as most messages are and all control frames. When
// ctx ends before a byte of it has left, it is taken back; after that, the
// connection fails.
func (c *Conn) writeAlone(ctx context.Context, op frame.Opcode, p []byte) error {
	w := &c.wr
	var buf []byte
	var pooled *[writeSize]byte
	if len(p) <= shortSize-frame.MaxHeaderSize {
		short := w.short.Load()
		if short == nil {
			short = w.borrowShort()
		}
		buf = short[:]
	} else {
		pooled = writeBuffers.Get().(*[writeSize]byte)
		buf = pooled[:]
	}
	h := frame.Header{FIN: true, Opcode: op, Length: int64(len(p))}
	if c.role == Client {
		h.Masked, h.Key = true, w.newKey()
	}
	head := len(h.Append(buf[:0]))
	copyPayload(buf[head:], p, &h)
	n, err := c.writeOut(ctx, buf[:head+len(p)])
	if pooled != nil {
		writeBuffers.Put(pooled)
	}
	if err != nil {
		return c.endAlone(n, err)
	}
	return nil
}

// endAlone says what it means that n bytes of a frame have left, which was not
// buffered, and then err.
func (c *Conn) endAlone(n int, err error) error {
	if n == 0 && isCut(err) {
		return err // it is taken back
	}
	return c.failCut(err)
}

// borrowShort returns memory for a short frame. It is kept until this side waits
// for the peer, because a pool would cost as much as all else that there is to
// do for one.
func (w *writer) borrowShort() *[shortSize]byte {
	short := shortBuffers.Get().(*[shortSize]byte)
	w.short.Store(short)
	return short
}

// giveBackShort gives that memory back, unless somebody writes now.
func (c *Conn) giveBackShort() {
	w := &c.wr
	if w.short.Load() == nil || !w.lock.tryLock() {
		return
	}
	if short := w.short.Swap(nil); short != nil {
		shortBuffers.Put(short)
	}
	c.unlockWriter()
}

// newKey returns a fresh masking key (RFC 6455, section 5.3).
func (w *writer) newKey() mask.Key {
	if w.keys == nil {
		w.keys = new(mask.Keys)
	}
	return w.keys.Next()
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

// appendMessage puts a message into the buffer, compressed if that was agreed
// and it is not to be plain. After an error, of this and of what it calls, the
// caller has to take the message back.
func (c *Conn) appendMessage(ctx context.Context, typ MessageType, p []byte, plain bool) error {
	if !plain && c.compression.wants(len(p)) {
		return c.appendCompressed(ctx, typ, p)
	}
	return c.appendPayload(ctx, wholeMessage(typ), p)
}

// frameKind is what the header of a frame says beside masking and length. Unlike
// a [frame.Header] it is handed on in registers.
type frameKind struct {
	fin bool
	rsv frame.RSV
	op  frame.Opcode
}

// wholeMessage is the kind of a frame that is a message, or a control frame.
func wholeMessage(op frame.Opcode) frameKind { return frameKind{fin: true, op: op} }

// appendPayload puts the payload p into the buffer, in frames of at most
// FrameSize, between which pending control frames go out. The first frame is of
// kind k; its fin is that of the last.
func (c *Conn) appendPayload(ctx context.Context, k frameKind, p []byte) error {
	for size := c.cfg.frameSize(); len(p) > size; p = p[size:] {
		if err := c.appendFrame(ctx, frameKind{rsv: k.rsv, op: k.op}, p[:size]); err != nil {
			return err
		}
		k.rsv, k.op = 0, frame.Continuation
		if err := c.writePending(ctx); err != nil {
			return err
		}
	}
	return c.appendFrame(ctx, k, p)
}

// appendFrame adds one frame to the buffer, or sends it at once when it
// doesn't fit there.
func (c *Conn) appendFrame(ctx context.Context, k frameKind, p []byte) error {
	w := &c.wr
	if w.buf != nil && len(w.buf)+frame.MaxHeaderSize+len(p) > writeSize {
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
	if w.buf == nil {
		w.borrow()
	}
	h := frame.Header{FIN: k.fin, RSV: k.rsv, Opcode: k.op, Length: int64(len(p))}
	if c.role == Client {
		h.Masked, h.Key = true, w.newKey()
	}
	w.buf = h.Append(w.buf)
	switch start := len(w.buf); {
	case start+len(p) <= writeSize:
		w.buf = w.buf[:start+len(p)]
		copyPayload(w.buf[start:], p, &h)
		return nil
	case !h.Masked && c.socket: // takes net.Buffers in one call
		return c.flushWith(ctx, p)
	default:
		return c.sendLong(ctx, &h, p)
	}
}

// copyPayload copies the payload of a frame into a buffer. A client's is masked
// on the way: the caller's bytes never change, and a change that the caller makes
// later never reaches the wire (RFC 6455, section 10.3).
func copyPayload(dst, p []byte, h *frame.Header) {
	if h.Masked {
		mask.XOR(dst, p, h.Key, 0)
	} else {
		copy(dst, p)
	}
}

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
	w.buf = w.buf[:copy(w.buf, w.buf[min(n, len(w.buf)):])]
	if len(w.buf) == 0 {
		c.dropBuffer()
	} else {
		w.queued.Store(true)
	}
	return err
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
		w.buf = w.buf[:copy(w.buf, w.buf[n:])]
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

// writeControl sends a control frame now, behind what is buffered, with the
// lock held. When ctx ends before a byte of it has left, it is taken back: left
// in the buffer, it would make the next read wait for a peer that is stuck.
func (c *Conn) writeControl(ctx context.Context, op frame.Opcode, p []byte) error {
	if err := c.sendControl(ctx, op, p); err != nil {
		return err
	}
	c.traceControl(false, op, p)
	return nil
}

func (c *Conn) sendControl(ctx context.Context, op frame.Opcode, p []byte) error {
	if c.mayWriteAlone(p) {
		return c.writeAlone(ctx, op, p)
	}
	start := c.streamEnd()
	err := c.appendFrame(ctx, wholeMessage(op), p)
	if err == nil {
		err = c.flush(ctx)
	}
	if err != nil {
		return c.takeBack(start, err)
	}
	return nil
}
