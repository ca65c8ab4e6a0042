package conn

import (
	"context"

	"github.com/seed24abed78/rfc6455/frame"
)

// PreparedMessage is a message that was validated and framed once, to be sent
// over many connections. It never changes, and may be shared by goroutines.
type PreparedMessage struct {
	typ     MessageType
	wire    []byte // one unmasked frame; nil after PrepareOwned
	payload []byte // the end of wire
}

// Type returns the type of the message.
func (m *PreparedMessage) Type() MessageType { return m.typ }

// Payload returns the payload, which is shared and must not be changed.
func (m *PreparedMessage) Payload() []byte { return m.payload }

// Prepare copies p and frames it as one message of one frame, whatever its
// size. The error says that typ is neither Text nor Binary, or that p is not
// valid UTF-8 though typ is Text.
func Prepare(typ MessageType, p []byte) (*PreparedMessage, error) {
	if err := checkMessage(typ, p); err != nil {
		return nil, err
	}
	h := frame.Header{FIN: true, Opcode: typ, Length: int64(len(p))}
	wire := h.Append(make([]byte, 0, frame.MaxHeaderSize+len(p)))
	n := len(wire)
	wire = append(wire, p...)
	return &PreparedMessage{typ: typ, wire: wire, payload: wire[n:]}, nil
}

// PrepareOwned is Prepare without the copy, for a caller who gives p up: p must
// not be changed any more.
func PrepareOwned(typ MessageType, p []byte) (*PreparedMessage, error) {
	if err := checkMessage(typ, p); err != nil {
		return nil, err
	}
	return &PreparedMessage{typ: typ, payload: p}, nil
}

// WritePrepared sends m and what BufferMessage has left, with the errors of
// WriteMessage. A server sends the shared bytes: a message larger than the
// write buffer leaves straight from m, in one frame, and Config.FrameSize
// doesn't split it. A client masks every sending with a fresh key, as it must
// (RFC 6455, section 5.3), so that for a client it is WriteMessage without
// the check of the text.
func (c *Conn) WritePrepared(ctx context.Context, m *PreparedMessage) error {
	if err := c.lockForMessage(ctx); err != nil {
		return err
	}
	defer c.unlockWriter()
	kept, err := c.appendPrepared(ctx, m)
	if err != nil {
		return err
	}
	return c.flush(ctx, kept, nil)
}

// appendPrepared returns what appendMessage returns.
func (c *Conn) appendPrepared(ctx context.Context, m *PreparedMessage) (kept int, err error) {
	if c.role == Client {
		return c.appendMessage(ctx, m.typ, m.payload)
	}
	w := &c.wr
	if w.buf != nil && m.wire != nil && len(w.buf)+len(m.wire) <= writeSize {
		kept = len(w.buf)
		w.buf = append(w.buf, m.wire...)
	} else if kept, err = c.appendFrame(ctx, frame.Header{FIN: true, Opcode: m.typ}, m.payload); err != nil {
		return kept, err
	}
	c.stats.messagesSent.Add(1)
	c.stats.payloadSent.Add(int64(len(m.payload)))
	return kept, nil
}
