package conn

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/seed24abed78/rfc6455/frame"
)

// NextWriter begins a message whose payload is written piece by piece and
// ends with Close. Other messages wait until then; control frames don't.
// Every Write that fills the buffer leaves as a fragment (RFC 6455, section 5.4).
//
// The message lives as long as ctx does: to give it up, end ctx. A message that
// is given up, or that turns out to be no UTF-8 though typ is Text, is taken
// back if no fragment has left, and the Conn stays usable; otherwise the
// connection fails, because a message that has begun can't be taken back. One
// that is neither closed nor given up makes all other messages wait for ever.
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
	if ctx.Err() != nil {
		return nil, fmt.Errorf("websocket: write: %w", context.Cause(ctx))
	}
	if err := c.lockForMessage(ctx); err != nil {
		return nil, err
	}
	defer c.unlockWriter()
	m := &messageWriter{c: c, ctx: ctx, typ: typ, next: frameKind{op: typ}, over: make(chan struct{})}
	if !plain && c.compression != nil {
		m.next.rsv = frame.RSV1 // until the first fragment is small and the last
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
	next   frameKind // of the next fragment
	packed bool      // the message is compressed
	begun  bool      // a fragment has left; set with the writer's lock held
	buf    []byte
	size   int64
	utf8   frame.UTF8
	over   chan struct{} // closed when nothing more comes
	err    error         // what Write returns then
}

const fragmentSize = 4 << 10 // small enough to be no burden between Writes

var errStreamOver = fmt.Errorf("websocket: write to a message that has ended: %w", net.ErrClosed)

func (m *messageWriter) Write(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	if m.typ == Text && !m.utf8.Check(p) {
		return 0, m.notText()
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

// Close sends the final fragment. It returns the error of an earlier Write
// that ended the message, for then it was not sent; and nil when it is called
// again.
func (m *messageWriter) Close() error {
	switch {
	case m.err == errStreamOver:
		return nil
	case m.err != nil:
		return m.err
	case m.typ == Text && !m.utf8.Complete():
		return m.notText()
	}
	err := m.send(true, m.buf)
	if err == nil {
		m.end(errStreamOver)
	}
	return err
}

// end says that nothing more comes.
func (m *messageWriter) end(err error) {
	if m.err == nil {
		m.err = err
		close(m.over)
	}
}

// notText ends a message that can't become text. The Close frame says that the
// fault is on this side.
func (m *messageWriter) notText() error {
	if m.begun {
		m.c.CloseWith(frame.StatusInternalError, "")
	}
	m.end(errTextUTF8)
	return m.err
}

// send writes the parts as fragments; fin marks the last of them.
func (m *messageWriter) send(fin bool, parts ...[]byte) (err error) {
	defer func() {
		if err != nil {
			m.end(err)
		}
	}()
	c := m.c
	if err := c.lockWriter(m.ctx); err != nil {
		if m.begun {
			err = c.failCut(&cutError{context.Cause(m.ctx)})
		}
		return err // who holds the lock next takes back what hasn't begun
	}
	defer c.unlockWriter()
	if err := c.writable(); err != nil {
		return err
	}
	if c.wr.stream != m { // ctx has ended, and who waited has seen it first
		return fmt.Errorf("websocket: write: %w", context.Cause(m.ctx))
	}
	start := c.streamEnd()
	if err = m.fragments(fin, parts); err == nil {
		err = c.flush(m.ctx)
	}
	switch {
	case err != nil && m.begun:
		return c.failCut(err)
	case err != nil:
		c.wr.stream = nil
		c.compression.forget()
		return c.takeBack(start, err)
	}
	m.begun = true
	if fin {
		c.wr.stream = nil
		c.countSent(m.typ, m.size)
	}
	return nil
}

// endAbandoned ends the message whose writer has given it up or whose context
// has ended, with the lock held. The error is that of a connection which fails
// with it.
func (c *Conn) endAbandoned() error {
	m := c.wr.stream
	if m == nil {
		return nil
	}
	var cause error
	select {
	case <-m.over:
		cause = m.err
	case <-m.ctx.Done():
		cause = context.Cause(m.ctx)
	default:
		return nil
	}
	c.wr.stream = nil
	if m.begun {
		return c.failCut(&cutError{cause})
	}
	return nil
}

// fragments puts fragments into the buffer.
func (m *messageWriter) fragments(fin bool, parts [][]byte) error {
	if m.next.rsv != 0 {
		if m.packed = !fin || m.c.compression.wants(len(parts[0])); !m.packed {
			m.next.rsv = 0
		}
	}
	for i, p := range parts {
		m.next.fin = fin && i == len(parts)-1
		if len(p) == 0 && !m.next.fin {
			continue
		}
		if err := m.fragment(p); err != nil {
			return err
		}
		m.next = frameKind{op: frame.Continuation}
		m.size += int64(len(p))
	}
	return nil
}

// fragment puts the next fragment into the buffer, or several when it is longer
// than FrameSize.
func (m *messageWriter) fragment(p []byte) (err error) {
	c := m.c
	if m.packed {
		pooled := messageBuffers.Get().(*[]byte)
		defer keepMessageBuffer(pooled)
		size := len(p)
		if p, err = c.compression.compress((*pooled)[:0], p, m.next.fin); err != nil {
			return err
		}
		*pooled = p
		c.compression.deflated.count(size, len(p))
	}
	return c.appendPayload(m.ctx, m.next, p)
}
