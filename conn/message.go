package conn

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/seed24abed78/rfc6455/frame"
)

// Message is one received message.
type Message struct {
	Type MessageType
	Data []byte
}

// ReadMessage reads the next message into memory of its own.
func (c *Conn) ReadMessage(ctx context.Context) (MessageType, []byte, error) {
	return c.AppendMessage(ctx, nil)
}

// AppendMessage reads the next message and appends its payload to dst, which
// grows with the bytes received, never by a length that is only declared.
//
// The error is a [*CloseError] when the connection was closed or lost, a
// [*frame.Error] inside it when the peer broke a rule, and the cause of ctx
// when that ended; then the Conn stays usable and the next read goes on where
// this one was cut. On an error dst is returned as it was.
func (c *Conn) AppendMessage(ctx context.Context, dst []byte) (MessageType, []byte, error) {
	if err := c.lockReader(ctx); err != nil {
		return 0, dst, err
	}
	defer c.rd.lock.unlock()
	if err := c.await(ctx); err != nil { // here, where the stack is shallow
		return 0, dst, err
	}
	return c.appendNext(ctx, dst)
}

// appendNext is AppendMessage after the wait for the message's beginning.
func (c *Conn) appendNext(ctx context.Context, dst []byte) (MessageType, []byte, error) {
	added := dst
	if typ, _, err := c.whole(&added); err != nil {
		return 0, dst, err
	} else if typ != 0 {
		return typ, added, nil
	}
	if err := c.open(ctx); err != nil {
		return 0, dst, err
	}
	r := &c.rd
	typ, whole := r.typ, append(dst, r.partial...)
	r.partial = nil
	whole, err := c.appendRest(ctx, whole)
	if err != nil {
		r.partial = slices.Clone(whole[len(dst):])
		return 0, dst, err
	}
	return typ, whole, nil
}

// appendRest appends the rest of the current message to dst. On an error it
// returns what it has, which is consumed and must be kept by the caller.
func (c *Conn) appendRest(ctx context.Context, dst []byte) ([]byte, error) {
	r := &c.rd
	if r.compressed {
		return c.appendInflated(ctx, dst)
	}
	for {
		for r.left > 0 {
			have := len(dst)
			if r.pos == r.end && r.left >= readSize {
				dst = slices.Grow(dst, int(min(r.left, int64(max(have, growStep)))))
				n, err := c.readInto(ctx, dst[have:cap(dst)])
				dst = dst[:have+n]
				if err != nil {
					return dst, err
				}
				continue
			}
			if r.pos == r.end {
				if err := c.fill(ctx); err != nil {
					return dst, err
				}
			}
			ahead := max(r.end-r.pos, min(have, growStep))
			dst = slices.Grow(dst, int(min(r.left, int64(ahead))))
			n, err := c.take(dst[have:cap(dst)])
			dst = dst[:have+n]
			if err != nil {
				return dst, err
			}
		}
		if r.fin {
			return dst, c.finish()
		}
		if err := c.nextHeader(ctx); err != nil {
			return dst, err
		}
	}
}

// readInto reads payload straight to where it will lie. The read buffer is
// empty, and the frame has more to come than it would hold.
func (c *Conn) readInto(ctx context.Context, dst []byte) (int, error) {
	r := &c.rd
	if r.buf != nil {
		r.giveBack()
	}
	if err := c.flushBuffered(ctx); err != nil {
		return 0, err
	}
	if err := c.armRead(ctx); err != nil {
		return 0, err
	}
	dst = dst[:min(int64(len(dst)), r.left)]
	c.alive.waitBegin()
	n, err := c.nc.Read(dst)
	c.alive.waitEnd(n > 0)
	if n == 0 && err != nil {
		return 0, c.readFailed(ctx, err)
	}
	c.stats.bytesReceived.Add(int64(n))
	r.left -= int64(n)
	return n, c.judge(dst[:n], dst[:n])
}

// Messages ranges over the messages as they come. Data is valid until the next
// turn of the loop, or its end: it usually is a slice of the read buffer, so
// nothing is copied or allocated. The last turn has the error that ended the
// connection or the context, as AppendMessage describes it.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		var held loan
		for {
			msg, err := c.nextMessage(ctx, &held)
			if !yield(msg, err) || err != nil {
				c.endLoan(&held)
				return
			}
		}
	}
}

// loan is the memory that a turn of Messages has: a slice of the read buffer,
// or a buffer of the pool for a message that doesn't lie there whole.
type loan struct {
	turn   uint64 // zero when the turn had no slice of the read buffer yet
	pooled *[]byte
}

// endLoan takes the memory back after the last turn of Messages. When somebody
// else holds the lock, he has reclaimed the read buffer.
func (c *Conn) endLoan(held *loan) {
	if c.rd.lock.tryLock() {
		c.rd.takeBack(held)
		c.rd.lock.unlock()
	}
}

// takeBack ends a loan, so that a Conn that waits keeps no buffer.
func (r *reader) takeBack(held *loan) {
	if r.lent && r.turn == held.turn {
		r.lent = false
	}
	if held.pooled != nil {
		held.free()
	}
}

// free gives the buffer of the pool back.
func (held *loan) free() {
	keepMessageBuffer(held.pooled)
	held.pooled = nil
}

// nextMessage reads one message for Messages.
func (c *Conn) nextMessage(ctx context.Context, held *loan) (Message, error) {
	if err := c.lockReader(ctx); err != nil {
		return Message{}, err
	}
	defer c.rd.lock.unlock()
	c.rd.takeBack(held)
	if err := c.await(ctx); err != nil { // here, where the stack is shallow
		return Message{}, err
	}
	return c.lendNext(ctx, held)
}

// lendNext is nextMessage after the wait for the message's beginning.
func (c *Conn) lendNext(ctx context.Context, held *loan) (msg Message, err error) {
	if typ, data, err := c.whole(nil); typ != 0 || err != nil {
		c.rd.lend(held)
		return Message{typ, data}, err
	}
	if err = c.open(ctx); err == nil {
		msg.Type = c.rd.typ
		msg.Data, err = c.lend(ctx, held)
	}
	return msg, err
}

// lend reads the current message to where Messages can hand it out.
func (c *Conn) lend(ctx context.Context, held *loan) ([]byte, error) {
	r := &c.rd
	r.long = r.left > readSize && r.left <= longReadSize-frame.MaxHeaderSize
	if !c.fitsBuffer() {
		return c.toPooled(ctx, held)
	}
	data, err := c.inPlace(ctx)
	if err == nil {
		r.lend(held)
	}
	return data, err
}

// lend notes that held has a slice of the read buffer.
func (r *reader) lend(held *loan) {
	r.turn++
	held.turn, r.lent = r.turn, true
}

// toPooled reads the rest of the current message into a buffer of the pool.
func (c *Conn) toPooled(ctx context.Context, held *loan) ([]byte, error) {
	r := &c.rd
	held.pooled = messageBuffers.Get().(*[]byte)
	data := append((*held.pooled)[:0], r.partial...)
	r.partial = nil
	data, err := c.appendRest(ctx, data)
	*held.pooled = data[:0]
	if err != nil {
		r.partial = slices.Clone(data)
		return nil, err
	}
	return data, nil
}

// fitsBuffer reports whether the current message, of which nothing is consumed,
// is one frame that the read buffer can hold, or does hold if it is a long one.
func (c *Conn) fitsBuffer() bool {
	r := &c.rd
	return r.fin && r.size == r.left && r.left <= max(readSize, int64(r.end-r.pos)) && !r.compressed && r.partial == nil
}

// inPlace waits until the whole of a message of one frame lies in the read
// buffer, and returns it where it lies.
func (c *Conn) inPlace(ctx context.Context) ([]byte, error) {
	r := &c.rd
	size := int(r.left)
	for r.end-r.pos < size {
		if err := c.unmask(r.end - r.pos); err != nil {
			return nil, err
		}
		if err := c.fill(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.unmask(size); err != nil {
		return nil, err
	}
	data := r.buf[r.pos : r.pos+size : r.pos+size]
	r.pos += size
	r.clean, r.left = 0, 0
	return data, c.finish()
}

// NextReader waits for the next message and returns a reader of its payload,
// which ends with io.EOF. ctx bounds the reader's calls as well. What is left
// unread of the message is skipped by the next read of the Conn.
func (c *Conn) NextReader(ctx context.Context) (MessageType, io.Reader, error) {
	r := &c.rd
	if err := c.lockReader(ctx); err != nil {
		return 0, nil, err
	}
	defer r.lock.unlock()
	if err := c.begin(ctx); err != nil {
		return 0, nil, err
	}
	r.streaming = true
	r.turn++
	return r.typ, &messageReader{c: c, ctx: ctx, turn: r.turn}, nil
}

// messageReader streams one message.
type messageReader struct {
	c    *Conn
	ctx  context.Context
	turn uint64
	eof  bool
}

var errReaderStale = errors.New("websocket: a later read of the Conn has skipped the rest of this message")

func (m *messageReader) Read(p []byte) (int, error) {
	if m.eof {
		return 0, io.EOF
	}
	c, r := m.c, &m.c.rd
	if err := c.lockReader(m.ctx); err != nil {
		return 0, err
	}
	defer r.lock.unlock()
	if !r.opened() || !r.streaming || r.turn != m.turn {
		if err := c.ended(); err != nil {
			return 0, err
		}
		return 0, errReaderStale
	}
	if len(p) == 0 {
		return 0, nil
	}
	r.reclaim()
	if len(r.partial) > 0 {
		n := copy(p, r.partial)
		r.partial = r.partial[n:]
		return n, nil
	}
	r.partial = nil
	if r.compressed {
		n, err := c.inflate(m.ctx, p)
		if m.eof = err == io.EOF; n > 0 {
			err = nil // the next Read says so
		}
		return n, err
	}
	for r.left == 0 {
		if r.fin {
			if err := c.finish(); err != nil {
				return 0, err
			}
			m.eof = true
			return 0, io.EOF
		}
		if err := c.nextHeader(m.ctx); err != nil {
			return 0, err
		}
	}
	if r.pos == r.end {
		if err := c.fill(m.ctx); err != nil {
			return 0, err
		}
	}
	return c.take(p)
}
