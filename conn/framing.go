package conn

import (
	"context"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

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
	return c.wr.buf == nil && len(p) <= min(wholePayload, c.cfg.frameSize())
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
