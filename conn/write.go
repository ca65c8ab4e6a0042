package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// writer is the sending half of a Conn. Everything in it belongs to the holder
// of lock, but for the pending pong.
type writer struct {
	lock lock
	intr interrupter
	try  tryWriter

	buf     []byte // frames that have not left; nil when there are none
	queued  atomic.Bool
	flushes uint64 // how often the whole buffer left

	stream    *messageWriter // the message that NextWriter has begun
	closeSent bool           // nothing but the end of TCP follows

	vectored bool        // the transport takes net.Buffers in one call
	vec      net.Buffers // of the large write under way, so that it allocates nothing
	parts    [2][]byte

	pongMu  sync.Mutex // guards pong and pings; never held while waiting
	hasPong atomic.Bool
	hasPing atomic.Bool
	pings   []queuedPing // for the holder of lock; guarded by pongMu
	pong    []byte       // the payload of the latest ping not answered
}

var (
	errWriteCut   = errors.New("websocket: the write was cut inside a frame, so the connection had to be failed")
	errNotMessage = errors.New("websocket: the message type must be Text or Binary")
	errTextUTF8   = errors.New("websocket: a Text message must be valid UTF-8; send other bytes as Binary")
)

// WriteMessage sends one message and what BufferMessage has left, in one
// system call where the transport allows it. p is not changed and not kept; it
// must stay as it is until WriteMessage returns.
//
// When ctx ends before any byte has left, the Conn stays usable. When it ends
// inside a frame, the connection fails.
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
	kept, err := c.appendMessage(ctx, typ, p, plain)
	if err == nil {
		err = c.flush(ctx, kept, nil)
	}
	if err != nil {
		c.compression.forget() // the peer doesn't get what the window holds
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
	_, err := c.appendMessage(ctx, typ, p, plain)
	if err != nil {
		c.compression.forget()
	}
	c.traceBuffered()
	return err
}

// Flush sends what BufferMessage has left.
func (c *Conn) Flush(ctx context.Context) error {
	if err := c.wr.lock.lock(ctx); err != nil {
		return fmt.Errorf("websocket: write: %w", err)
	}
	defer c.unlockWriter()
	if err := c.ended(); err != nil {
		return err
	}
	return c.flushLocked(ctx)
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

// lockForMessage takes the writer's lock at a moment when no streamed message
// is under way, because fragments of two messages never mix (RFC 6455,
// section 5.4), and while data may still be sent (section 5.5.1).
func (c *Conn) lockForMessage(ctx context.Context) error {
	w := &c.wr
	for {
		if err := w.lock.lock(ctx); err != nil {
			return fmt.Errorf("websocket: write: %w", err)
		}
		if err := c.writable(); err != nil {
			c.unlockWriter()
			return err
		}
		if w.stream == nil {
			return nil
		}
		over := w.stream.over
		c.unlockWriter()
		select {
		case <-over:
		case <-c.done:
		case <-ctx.Done():
			return fmt.Errorf("websocket: write: %w", context.Cause(ctx))
		}
	}
}

// writable returns the error of a write after Close or after the end.
func (c *Conn) writable() error {
	if err := c.ended(); err != nil {
		return err
	}
	if c.wr.closeSent {
		return fmt.Errorf("websocket: write after Close: %w", net.ErrClosed)
	}
	return nil
}

// unlockWriter lets the lock go, after writing the control frames that came to
// be pending while it was held.
func (c *Conn) unlockWriter() {
	for {
		if c.wr.controlPending() {
			c.writePending()
		}
		c.wr.lock.unlock()
		if !c.wr.controlPending() || !c.wr.lock.tryLock() {
			return
		}
	}
}

// appendMessage puts a message into the buffer, compressed if that was agreed
// and it is not to be plain. It returns how much of the buffer is not this
// message's, or -1 when a part of the message has left.
func (c *Conn) appendMessage(ctx context.Context, typ MessageType, p []byte, plain bool) (kept int, err error) {
	if !plain && c.compression.wants(len(p)) {
		kept, err = c.appendCompressed(ctx, typ, p)
	} else {
		kept, err = c.appendPayload(ctx, frame.Header{Opcode: typ}, p)
	}
	if err == nil {
		c.countSent(typ, int64(len(p)))
	}
	return kept, err
}

// appendPayload puts a message into the buffer, in frames of at most FrameSize,
// between which pending control frames go out. The first frame is h.
func (c *Conn) appendPayload(ctx context.Context, h frame.Header, p []byte) (kept int, err error) {
	n := min(len(p), c.cfg.FrameSize)
	h.FIN = n == len(p)
	kept, err = c.appendFrame(ctx, h, p[:n])
	if err != nil {
		return kept, err
	}
	for p = p[n:]; len(p) > 0; p = p[n:] {
		flushes := c.wr.flushes // control frames take what is before them along
		if c.wr.controlPending() {
			c.writePending()
		}
		n = min(len(p), c.cfg.FrameSize)
		if _, err := c.appendFrame(ctx, frame.Header{FIN: n == len(p), Opcode: frame.Continuation}, p[:n]); err != nil {
			return -1, c.failCut(err)
		}
		if flushes != c.wr.flushes {
			kept = -1
		}
	}
	return kept, nil
}

// appendFrame adds one frame to the buffer, or sends it at once when it
// doesn't fit there. What it returns is described at appendMessage.
func (c *Conn) appendFrame(ctx context.Context, h frame.Header, p []byte) (kept int, err error) {
	w := &c.wr
	h.Length = int64(len(p))
	if c.role == Client {
		h.Masked, h.Key = true, mask.NewKey()
	}
	if w.buf != nil && len(w.buf)+frame.MaxHeaderSize+len(p) > writeSize {
		if err := c.flushLocked(ctx); err != nil {
			return 0, err
		}
	}
	if w.buf == nil {
		w.buf = writeBuffers.Get().(*[writeSize]byte)[:0]
		w.queued.Store(true)
	}
	kept = len(w.buf)
	w.buf = h.Append(w.buf)
	switch start := len(w.buf); {
	case start+len(p) <= writeSize:
		w.buf = w.buf[:start+len(p)]
		copyPayload(w.buf[start:], p, h, 0)
		return kept, nil
	case !h.Masked && w.vectored:
		return -1, c.flush(ctx, kept, p)
	default:
		return -1, c.sendLong(ctx, h, p)
	}
}

// copyPayload copies payload into a buffer. A client's is masked on the way:
// the caller's bytes never change, and a change that the caller makes later
// never reaches the wire (RFC 6455, section 10.3).
func copyPayload(dst, p []byte, h frame.Header, pos int) (next int) {
	if h.Masked {
		return mask.XOR(dst, p, h.Key, pos)
	}
	copy(dst, p)
	return 0
}

// flushLocked sends the buffer. What has not left when ctx ends stays, and
// leaves later.
func (c *Conn) flushLocked(ctx context.Context) error {
	return c.flush(ctx, len(c.wr.buf), nil)
}

// flush sends the buffer and, behind it, p. When ctx ends it, the first kept
// bytes of the buffer stay as far as they have not left, and leave later; what
// is behind them is taken back, or, when a part of that has left, the
// connection fails.
func (c *Conn) flush(ctx context.Context, kept int, p []byte) error {
	w := &c.wr
	if w.buf == nil {
		return nil
	}
	n, err := c.writeOut(ctx, w.buf, p)
	if err == nil {
		w.flushes++
		c.dropBuffer()
		return nil
	}
	if !isCut(err) {
		return c.failWrite(err)
	}
	if n > int64(kept) || kept < 0 {
		return c.failCut(err)
	}
	w.buf = w.buf[:copy(w.buf, w.buf[n:kept])]
	if len(w.buf) == 0 {
		c.dropBuffer()
	}
	return err
}

// sendLong sends the buffer, which holds the header h alone, and the payload p
// through a larger buffer: one call for every 64 KiB.
func (c *Conn) sendLong(ctx context.Context, h frame.Header, p []byte) error {
	w := &c.wr
	long := longBuffers.Get().(*[longSize]byte)
	defer longBuffers.Put(long)
	start := copy(long[:], w.buf)
	pos, first := 0, true
	for len(p) > 0 {
		n := min(len(p), longSize-start)
		pos = copyPayload(long[start:start+n], p[:n], h, pos)
		p = p[n:]
		sent, err := c.writeOut(ctx, long[:start+n], nil)
		switch {
		case err == nil:
		case first && sent == 0 && isCut(err):
			c.dropBuffer()
			return err
		default:
			return c.failCut(err)
		}
		start, first = 0, false
	}
	w.flushes++
	c.dropBuffer()
	return nil
}

// writeOut is the system call: b and, where the transport takes both at once,
// p. The error is a *cutError when ctx ended it.
func (c *Conn) writeOut(ctx context.Context, b, p []byte) (n int64, err error) {
	w := &c.wr
	if err := w.intr.arm(ctx); err != nil {
		return 0, &cutError{err}
	}
	if len(p) == 0 {
		var m int
		m, err = c.nc.Write(b)
		n = int64(m)
	} else {
		w.parts[0], w.parts[1] = b, p
		w.vec = w.parts[:]
		n, err = w.vec.WriteTo(c.nc)
		w.parts[0], w.parts[1] = nil, nil
	}
	c.stats.bytesSent.Add(n)
	if err == nil {
		return n, nil
	}
	if cause := cutBy(ctx, err); cause != nil {
		return n, &cutError{cause}
	}
	return n, err
}

// cutError is the end of a write by the caller's context.
type cutError struct{ cause error }

func (e *cutError) Error() string { return "websocket: write: " + e.cause.Error() }
func (e *cutError) Unwrap() error { return e.cause }

func isCut(err error) bool {
	_, ok := err.(*cutError)
	return ok
}

func (c *Conn) dropBuffer() {
	w := &c.wr
	writeBuffers.Put((*[writeSize]byte)(w.buf[:writeSize]))
	w.buf = nil
	w.queued.Store(false)
}

// failCut ends the connection after an error inside a message, a part of which
// has left.
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
// peer. A writer who is at work now does it anyway.
func (c *Conn) flushBuffered(ctx context.Context) error {
	if !c.wr.queued.Load() || !c.wr.lock.tryLock() {
		return nil
	}
	defer c.unlockWriter()
	if c.wr.stream != nil && c.wr.buf == nil {
		return nil
	}
	// A reader that waits for the peer to take this can't hear it, and a peer
	// that does the same would wait with us for ever: it counts as silence.
	c.alive.waitBegin()
	defer c.alive.waitEnd(false)
	return c.flushLocked(ctx)
}

// NextWriter begins a message whose payload is written piece by piece and
// ends with Close. Other messages wait until then; control frames don't.
// Every Write that fills the buffer leaves as a fragment (RFC 6455, section 5.4).
//
// When compression was agreed, the message is compressed unless it ends below
// the threshold before its first fragment has left. Each fragment then is
// flushed, so that the peer can inflate all that was sent.
func (c *Conn) NextWriter(ctx context.Context, typ MessageType) (io.WriteCloser, error) {
	return c.nextWriter(ctx, typ, false)
}

func (c *Conn) nextWriter(ctx context.Context, typ MessageType, plain bool) (io.WriteCloser, error) {
	if typ != Text && typ != Binary {
		return nil, errNotMessage
	}
	if err := c.lockForMessage(ctx); err != nil {
		return nil, err
	}
	defer c.unlockWriter()
	m := &messageWriter{c: c, ctx: ctx, typ: typ, next: frame.Header{Opcode: typ}, over: make(chan struct{})}
	if !plain && c.compression != nil {
		m.next.RSV = frame.RSV1 // until the first fragment is small and the last
	}
	c.wr.stream = m
	return m, nil
}

// messageWriter streams one message. Its buffer is its own, so that control
// frames can pass while it fills.
type messageWriter struct {
	c      *Conn
	ctx    context.Context
	typ    MessageType
	next   frame.Header // of the next fragment
	packed bool         // the message is compressed
	buf    []byte
	size   int64
	utf8   frame.UTF8
	over   chan struct{} // closed when the message has ended
	closed bool
}

const fragmentSize = 4 << 10 // small enough to be no burden between Writes

func (m *messageWriter) Write(p []byte) (int, error) {
	if m.closed {
		return 0, fmt.Errorf("websocket: write to a message that has ended: %w", net.ErrClosed)
	}
	if m.typ == Text && !m.utf8.Check(p) {
		return 0, errTextUTF8
	}
	if len(m.buf)+len(p) <= fragmentSize {
		m.buf = append(m.buf, p...)
		return len(p), nil
	}
	if err := m.send(false, m.buf, p); err != nil {
		return 0, err
	}
	m.buf = m.buf[:0]
	return len(p), nil
}

// Close sends the final fragment. Text that ends inside a code point is an
// error, and fails the connection, because the message cannot be taken back.
func (m *messageWriter) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	defer close(m.over)
	if m.typ == Text && !m.utf8.Complete() {
		return m.c.CloseWith(frame.StatusInternalError, "")
	}
	return m.send(true, m.buf)
}

// send writes the parts as fragments; fin marks the last of them. A message
// cannot be taken back, so a context that ends here fails the connection once
// the first fragment is under way.
func (m *messageWriter) send(fin bool, parts ...[]byte) error {
	c := m.c
	if err := c.wr.lock.lock(m.ctx); err != nil {
		return fmt.Errorf("websocket: write: %w", err)
	}
	defer c.unlockWriter()
	if err := c.writable(); err != nil {
		return err
	}
	if m.next.RSV != 0 {
		if m.packed = !fin || c.compression.wants(len(parts[0])); !m.packed {
			m.next.RSV = 0
		}
	}
	for i, p := range parts {
		m.next.FIN = fin && i == len(parts)-1
		if len(p) == 0 && !m.next.FIN {
			continue
		}
		if err := m.fragment(p); err != nil {
			return c.failCut(err)
		}
		m.next = frame.Header{Opcode: frame.Continuation}
		m.size += int64(len(p))
	}
	if fin {
		c.wr.stream = nil
		c.countSent(m.typ, m.size)
	}
	if err := c.flushLocked(m.ctx); err != nil {
		return c.failCut(err)
	}
	return nil
}

// fragment puts the next fragment into the buffer.
func (m *messageWriter) fragment(p []byte) (err error) {
	c := m.c
	if m.packed {
		pooled := messageBuffers.Get().(*[]byte)
		defer keepMessageBuffer(pooled)
		size := len(p)
		if p, err = c.compression.compress((*pooled)[:0], p, m.next.FIN); err != nil {
			return err
		}
		*pooled = p
		c.stats.deflatedFrom.Add(int64(size))
		c.stats.deflatedTo.Add(int64(len(p)))
	}
	_, err = c.appendFrame(m.ctx, m.next, p)
	return err
}

// writeControl sends a control frame now, behind what is buffered, with the
// lock held. When ctx ends before a byte of it has left, it is taken back: left
// in the buffer, it would make the next read wait for a peer that is stuck.
func (c *Conn) writeControl(ctx context.Context, op frame.Opcode, p []byte) error {
	kept, err := c.appendFrame(ctx, frame.Header{FIN: true, Opcode: op}, p)
	if err != nil {
		return err
	}
	if err := c.flush(ctx, kept, nil); err != nil {
		return err
	}
	c.traceControl(false, op, p)
	return nil
}

// writePong answers the latest ping, with the lock held.
func (c *Conn) writePong() {
	w := &c.wr
	var payload [frame.MaxControlPayload]byte
	w.pongMu.Lock()
	n := copy(payload[:], w.pong)
	w.hasPong.Store(false)
	w.pongMu.Unlock()
	if c.writable() != nil {
		return
	}
	ctx, cancel := timeout(c.cfg.ControlTimeout, errPongStuck)
	defer cancel()
	if err := c.writeControl(ctx, frame.Pong, payload[:n]); err != nil {
		c.failWrite(err)
	}
}

var errPongStuck = errors.New("websocket: a pong could not be written within Config.ControlTimeout")
