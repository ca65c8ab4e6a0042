package conn

import (
	"cmp"
	"context"
	"sync"

	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/frame"
)

// PreparedMessage is a message that was validated and framed once, to be sent
// over many connections. It may be shared by goroutines. Connections that agreed
// on compression share its compressed forms, one for each setting that differs;
// each is made when it is first needed, and lives as long as the message.
type PreparedMessage struct {
	typ     MessageType
	wire    []byte // one unmasked frame; nil after PrepareOwned
	payload []byte // the end of wire

	packed *packedForms // nil when it is not to be compressed
}

// Type returns the type of the message.
func (m *PreparedMessage) Type() MessageType { return m.typ }

// Payload returns the payload, which is shared and must not be changed.
func (m *PreparedMessage) Payload() []byte { return m.payload }

// Prepare copies p and frames it as one message. The error says that typ is
// neither Text nor Binary, or that p is not valid UTF-8 though typ is Text.
func Prepare(typ MessageType, p []byte) (*PreparedMessage, error) {
	if err := checkMessage(typ, p); err != nil {
		return nil, err
	}
	h := frame.Header{FIN: true, Opcode: typ, Length: int64(len(p))}
	wire := h.Append(make([]byte, 0, frame.MaxHeaderSize+len(p)))
	n := len(wire)
	wire = append(wire, p...)
	return &PreparedMessage{typ: typ, wire: wire, payload: wire[n:], packed: new(packedForms)}, nil
}

// PrepareOwned is Prepare without the copy, for a caller who gives p up: p must
// not be changed any more.
func PrepareOwned(typ MessageType, p []byte) (*PreparedMessage, error) {
	if err := checkMessage(typ, p); err != nil {
		return nil, err
	}
	return &PreparedMessage{typ: typ, payload: p, packed: new(packedForms)}, nil
}

// WritePrepared sends m and what BufferMessage has left, with the errors of
// WriteMessage. A server sends the shared bytes: a message larger than the
// write buffer leaves straight from m, in frames of Config.FrameSize. A client
// masks every sending with a fresh key, as it must (RFC 6455, section 5.3), so
// that for a client it is WriteMessage without the check of the text.
//
// Where compression was agreed, the shared compressed form is sent. It refers
// to nothing before it, and the message after it on this connection doesn't
// either, since this side's window is empty again.
func (c *Conn) WritePrepared(ctx context.Context, m *PreparedMessage) error {
	if err := c.lockForMessage(ctx); err != nil {
		return err
	}
	defer c.unlockWriter()
	form, err := c.formOf(m)
	if err != nil {
		return err
	}
	if c.wr.buf == nil && c.sharesWire(form) {
		var n int
		if n, err = c.writeOut(ctx, form.wire); err != nil {
			err = c.endAlone(n, err)
		}
	} else {
		err = c.sendForm(ctx, m.typ, form)
	}
	if err == nil {
		c.countPrepared(m, form.packed())
	}
	return err
}

// sendForm sends a form of a message of type typ behind what is buffered.
func (c *Conn) sendForm(ctx context.Context, typ MessageType, form packedForm) error {
	start := c.streamEnd()
	err := c.appendForm(ctx, typ, form)
	if err == nil {
		err = c.flush(ctx)
	}
	if err != nil {
		return c.takeBack(start, err)
	}
	return nil
}

// sharesWire reports whether the frame of a form is what this connection sends:
// as it is unmasked, from a server, and as it is one, if FrameSize allows.
func (c *Conn) sharesWire(form packedForm) bool {
	return c.role == Server && form.wire != nil && len(form.payload) <= c.cfg.frameSize()
}

// appendPrepared is appendMessage for m, and returns what packedForm.packed says
// of the form that it took.
func (c *Conn) appendPrepared(ctx context.Context, m *PreparedMessage) (packed int, err error) {
	form, err := c.formOf(m)
	if err != nil {
		return 0, err
	}
	return form.packed(), c.appendForm(ctx, m.typ, form)
}

// appendForm puts a form of a message of type typ into the buffer.
func (c *Conn) appendForm(ctx context.Context, typ MessageType, form packedForm) error {
	w := &c.wr
	if w.buf != nil && c.sharesWire(form) && len(w.buf)+len(form.wire) <= writeSize {
		w.buf = append(w.buf, form.wire...)
		return nil
	}
	return c.appendPayload(ctx, frameKind{true, form.rsv, typ}, form.payload)
}

// countPrepared counts a message that was sent, packed into so many bytes.
func (c *Conn) countPrepared(m *PreparedMessage, packed int) {
	c.countSent(m.typ, int64(len(m.payload)))
	if packed > 0 {
		c.compression.deflated.count(len(m.payload), packed)
	}
}

// packedForm is a message as it goes out on some connections.
type packedForm struct {
	rsv     frame.RSV
	wire    []byte // one unmasked frame; may be nil
	payload []byte
}

// packed returns how many bytes of payload are left of a message that is
// compressed, and zero for one that isn't.
func (f packedForm) packed() int {
	if f.rsv == 0 {
		return 0
	}
	return len(f.payload)
}

// packing is what makes a compressed form different from others.
type packing struct {
	level, bits int
	options     *deflate.Options // nil but for a compressor of somebody else's
}

// packedForms are the compressed forms of one message.
type packedForms struct {
	mu    sync.Mutex
	forms map[packing]packedForm
}

// maxForms bounds how many forms of a message are kept: all windows of a level
// are fewer. Further ones are made anew each time.
const maxForms = 16

// formOf returns the form of m that this connection sends.
func (c *Conn) formOf(m *PreparedMessage) (packedForm, error) {
	plain := packedForm{wire: m.wire, payload: m.payload}
	z := c.compression
	if m.packed == nil || !z.wants(len(m.payload)) {
		return plain, nil
	}
	key := packing{level: cmp.Or(z.options.Level, deflate.DefaultLevel), bits: z.bits}
	if z.options.NewCompressor != nil {
		key.options = z.options
	}
	m.packed.mu.Lock()
	defer m.packed.mu.Unlock()
	form, ok := m.packed.forms[key]
	if !ok {
		var err error
		if form, err = z.pack(m); err != nil {
			return packedForm{}, err
		}
		if m.packed.forms == nil {
			m.packed.forms = make(map[packing]packedForm)
		}
		if len(m.packed.forms) < maxForms {
			m.packed.forms[key] = form
		}
	}
	if form.rsv == 0 {
		return plain, nil // it doesn't shrink
	}
	z.forget() // our window doesn't hold what the peer's does now
	return form, nil
}

// pack compresses m alone. The form is zero when that makes it no smaller.
func (z *compression) pack(m *PreparedMessage) (packedForm, error) {
	alone := compression{options: z.options, bits: z.bits}
	pooled := messageBuffers.Get().(*[]byte)
	defer keepMessageBuffer(pooled)
	out, err := alone.compress((*pooled)[:0], m.payload, true)
	*pooled = out
	if err != nil || len(out) >= len(m.payload) {
		return packedForm{}, err
	}
	h := frame.Header{FIN: true, RSV: frame.RSV1, Opcode: m.typ, Length: int64(len(out))}
	wire := h.Append(make([]byte, 0, frame.MaxHeaderSize+len(out)))
	n := len(wire)
	wire = append(wire, out...)
	return packedForm{frame.RSV1, wire, wire[n:]}, nil
}

// Uncompressed returns the same message, sharing its bytes, for connections to
// send as it is. [Conn.Uncompressed] says what for.
func (m *PreparedMessage) Uncompressed() *PreparedMessage {
	return &PreparedMessage{typ: m.typ, wire: m.wire, payload: m.payload}
}
