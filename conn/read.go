package conn

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// reader is the receiving half of a Conn: a borrowed buffer, and how far the
// bytes in it have been understood. Everything in it belongs to the holder of
// lock, and survives a read that its context cut short.
//
//	0 <= pos <= pos+clean <= end <= len(buf)
//
// buf[pos:end] is received and not yet consumed. Inside a frame, its first
// clean bytes are payload that has been unmasked and, for text, validated.
type reader struct {
	lock lock
	intr interrupter

	buf []byte // nil while nothing is received and unread
	pos int
	end int

	rules frame.Validator
	long  bool   // the last message of Messages would have fitted a long buffer only
	lent  bool   // the latest turn of Messages has a slice of buf
	turn  uint64 // of Messages, or of NextReader

	*unfinished // the message that has begun; nil between messages
}

// unfinished is a message whose first header was read and whose last byte is not
// consumed. One that lies whole in the buffer needs none.
type unfinished struct {
	streaming  bool // NextReader gave it out
	typ        MessageType
	compressed bool // its payload has to be inflated
	utf8       frame.UTF8
	size       int64 // bytes of payload: declared so far, or inflated
	fragments  int
	partial    []byte // payload that a cut read has consumed already

	// the frame within it
	fin    bool
	masked bool
	key    mask.Key
	left   int64 // payload bytes not consumed
	clean  int
	keyPos int // position in the masking key after the unmasked bytes
}

var unfinishedMessages = sync.Pool{New: func() any { return new(unfinished) }}

// opened reports whether a message has begun.
func (r *reader) opened() bool { return r.unfinished != nil }

func (r *reader) close() {
	*r.unfinished = unfinished{}
	unfinishedMessages.Put(r.unfinished)
	r.unfinished = nil
}

// start takes what came with the handshake.
func (r *reader) start(early []byte) {
	switch n := len(early); {
	case n == 0:
	case n <= readSize:
		r.borrow()
		r.end = copy(r.buf, early)
	default:
		r.buf, r.end = slices.Clone(early), n
	}
}

// lockReader takes the reader's lock.
func (c *Conn) lockReader(ctx context.Context) error {
	if c.rd.lock.tryLock() {
		return nil
	}
	return c.waitReader(ctx)
}

func (c *Conn) waitReader(ctx context.Context) error {
	if err := c.rd.lock.lock(ctx); err != nil {
		return fmt.Errorf("websocket: read: %w", err)
	}
	return nil
}

// nextHeader reads up to and including the header of the next data frame,
// and answers the control frames before it (RFC 6455, sections 5.4 and 5.5).
func (c *Conn) nextHeader(ctx context.Context) error {
	for {
		op, payload, err := c.nextFrame(ctx)
		if err != nil || !op.IsControl() {
			return err
		}
		if err := c.control(ctx, op, payload); err != nil {
			return err
		}
	}
}

// nextFrame reads the header of a data frame, or a control frame with its
// payload.
func (c *Conn) nextFrame(ctx context.Context) (op frame.Opcode, payload []byte, err error) {
	r := &c.rd
	var h frame.Header
	for {
		n, err := r.rules.Next(r.buf[r.pos:r.end], &h)
		switch {
		case err == nil && !h.Opcode.IsControl():
			r.pos += n
			return h.Opcode, nil, c.beginFrame(&h)
		case err == nil && r.end-r.pos >= n+int(h.Length):
			payload := r.buf[r.pos+n : r.pos+n+int(h.Length)]
			r.pos += n + int(h.Length)
			if h.Masked {
				mask.XOR(payload, payload, h.Key, 0)
			}
			return h.Opcode, payload, nil
		case err != nil && err != frame.ErrIncomplete:
			return 0, nil, c.fail(err)
		}
		if err := c.fill(ctx); err != nil {
			return 0, nil, err
		}
	}
}

// beginFrame takes note of the data frame whose header is h, and judges the
// message that it begins or continues by the limits (RFC 6455, section 10.4).
func (c *Conn) beginFrame(h *frame.Header) error {
	r := &c.rd
	if h.Opcode != frame.Continuation {
		r.unfinished = unfinishedMessages.Get().(*unfinished)
		r.typ = h.Opcode
		r.compressed = h.RSV&frame.RSV1 != 0
	}
	r.fin, r.masked, r.key = h.FIN, h.Masked, h.Key
	r.left, r.keyPos, r.clean = h.Length, 0, 0
	if r.fragments++; r.fragments > c.cfg.maxFragments() {
		return c.fail(frame.ErrTooManyFragments)
	}
	// What a compressed message takes shows only when it is inflated.
	if r.compressed {
		return nil
	}
	if h.Length > c.cfg.maxMessageSize()-r.size {
		return c.fail(frame.ErrMessageTooBig)
	}
	r.size += h.Length
	return nil
}

// begin makes sure that a message has begun.
func (c *Conn) begin(ctx context.Context) error {
	if err := c.await(ctx); err != nil {
		return err
	}
	return c.open(ctx)
}

// open reads the header with which the next message begins, unless that has
// been done.
func (c *Conn) open(ctx context.Context) error {
	if c.rd.opened() {
		return nil
	}
	return c.nextHeader(ctx)
}

// await waits for the first byte of the next message, and answers the control
// frames before it. A message that a stream left unread is read to its end
// first; one that a cut read left goes on.
func (c *Conn) await(ctx context.Context) error {
	r := &c.rd
	if err := c.ended(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("websocket: read: %w", context.Cause(ctx))
	}
	r.reclaim()
	if r.opened() {
		if !r.streaming {
			return nil
		}
		if err := c.discard(ctx); err != nil {
			return err
		}
	}
	// An idle connection waits and answers here, where the stack is shallow.
	for r.pos == r.end || frame.OpcodeIn(r.buf[r.pos]).IsControl() {
		if r.pos == r.end { // fill, with less on the stack
			if err := c.flushBuffered(ctx); err != nil {
				return err
			}
			if err := c.receive(ctx); err != nil {
				return err
			}
			continue
		}
		op, payload, err := c.nextFrame(ctx)
		if err == nil {
			err = c.control(ctx, op, payload)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// whole reads a message that lies whole in the buffer, one frame, as most are:
// nothing has to be kept of how far it has come. It is appended to *dst, or stays
// where it lies if dst is nil. typ is zero when the next message is no such one.
func (c *Conn) whole(dst *[]byte) (typ MessageType, data []byte, err error) {
	r := &c.rd
	if r.opened() {
		return 0, nil, nil
	}
	typ, key, payload, n := r.rules.Whole(r.buf[r.pos:r.end])
	if typ == 0 || int64(len(payload)) > c.cfg.maxMessageSize() {
		return 0, nil, nil // beginFrame says so
	}
	r.pos += n
	r.long = n > readSize
	data = payload
	if dst != nil {
		have := len(*dst)
		*dst = slices.Grow(*dst, len(payload))[:have+len(payload)]
		data = (*dst)[have:]
	}
	ascii := false
	switch {
	case c.role == Client:
		copy(data, payload) // nothing, if that is the same
	case typ == Text:
		_, ascii = mask.XORASCII(data, payload, key, 0)
	default:
		mask.XOR(data, payload, key, 0)
	}
	if typ == Text && !ascii && !frame.ValidUTF8(data) {
		return 0, nil, c.fail(frame.ErrInvalidUTF8)
	}
	c.countReceived(typ, int64(len(data)))
	return typ, data, nil
}

// finish ends the current message: text must not end inside a code point
// (RFC 6455, section 8.1).
func (c *Conn) finish() error {
	r := &c.rd
	if r.typ == Text && !r.utf8.Complete() {
		return c.fail(frame.ErrInvalidUTF8)
	}
	typ, size := r.typ, r.size
	r.close()
	c.countReceived(typ, size)
	return nil
}

// unmask makes the first n bytes of buf[pos:] payload in the clear, and fails
// at the first byte of text that can't be right.
func (c *Conn) unmask(n int) error {
	r := &c.rd
	if n <= r.clean {
		return nil
	}
	p := r.buf[r.pos+r.clean : r.pos+n]
	r.clean = n
	return c.judge(p, p)
}

// judge unmasks src, the next bytes of the frame, into dst, and validates text.
func (c *Conn) judge(dst, src []byte) error {
	r := &c.rd
	ascii := false
	if r.masked {
		r.keyPos, ascii = mask.XORASCII(dst, src, r.key, r.keyPos)
	} else if len(src) > 0 && &dst[0] != &src[0] {
		copy(dst, src)
	}
	if r.typ != Text || r.compressed || ascii && r.utf8.Complete() {
		return nil // between two code points, ASCII leads to the same place
	}
	if !r.utf8.Check(dst[:len(src)]) {
		return c.fail(frame.ErrInvalidUTF8)
	}
	return nil
}

// take moves payload that lies in the buffer to dst, as much as there is of
// the frame and fits, in one pass.
func (c *Conn) take(dst []byte) (int, error) {
	r := &c.rd
	n := min(len(dst), r.end-r.pos)
	if int64(n) > r.left {
		n = int(r.left)
	}
	done := min(n, r.clean)
	copy(dst, r.buf[r.pos:r.pos+done])
	rest := r.buf[r.pos+done : r.pos+n]
	r.clean -= done
	r.pos += n
	r.left -= int64(n)
	if len(rest) == 0 {
		return n, nil
	}
	return n, c.judge(dst[done:n], rest)
}

// discard reads the rest of the current message and forgets it.
func (c *Conn) discard(ctx context.Context) error {
	r := &c.rd
	if r.compressed {
		return c.discardInflated(ctx)
	}
	for {
		for r.left > 0 {
			if r.pos == r.end {
				if err := c.fill(ctx); err != nil {
					return err
				}
			}
			n := int(min(r.left, int64(r.end-r.pos)))
			if err := c.unmask(n); err != nil {
				return err
			}
			r.pos += n
			r.clean -= n
			r.left -= int64(n)
		}
		if r.fin {
			return c.finish()
		}
		if err := c.nextHeader(ctx); err != nil {
			return err
		}
	}
}
