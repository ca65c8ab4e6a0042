package conn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// compression is permessage-deflate on one connection (RFC 7692). What is sent
// belongs to the holder of the writer's lock, while no other message is
// streamed; in belongs to the holder of the reader's lock.
type compression struct {
	options  *deflate.Options
	minSize  int
	bits     int  // of the window that this side may use
	takeover bool // of this side

	// compressor holds the window of what was sent. It is nil before the
	// first message, and between messages without context takeover.
	compressor deflate.Compressor

	in deflate.Decompressor

	deflated, inflated passage // for Stats
}

// newCompression returns nil when the handshake agreed on no compression.
// offered says that the options were offered in it, so that the answer has to
// match them.
func newCompression(role Role, agreed []handshake.Extension, options *deflate.Options, offered bool) (*compression, error) {
	judge := deflate.Agreed
	if offered {
		judge = options.Check
	}
	p, ok, err := judge(agreed)
	if err != nil || !ok {
		return nil, err
	}
	if options == nil {
		options = &deflate.Options{}
	}
	z := &compression{options: options, minSize: options.MinSize()}
	if role == Client {
		z.bits, z.takeover = p.ClientMaxWindowBits, !p.ClientNoContextTakeover
		z.in = deflate.NewDecompressor(p.ServerMaxWindowBits, !p.ServerNoContextTakeover)
	} else {
		z.bits, z.takeover = p.ServerMaxWindowBits, !p.ServerNoContextTakeover
		z.in = deflate.NewDecompressor(p.ClientMaxWindowBits, !p.ClientNoContextTakeover)
	}
	return z, nil
}

// emptyBlock is all of an empty message. Its last four bytes end whatever a
// Compressor appends, and are cut off the end of a message (RFC 7692, section
// 7.2.1).
var emptyBlock = []byte{0x00, 0x00, 0x00, 0xff, 0xff}

var errCompressor = errors.New("websocket: the Compressor of Config.Compression.NewCompressor did not end with 00 00 ff ff")

// compress appends the next piece of a message; last says that the message
// ends with it.
func (z *compression) compress(dst, p []byte, last bool) ([]byte, error) {
	var err error
	if len(p) == 0 {
		dst = append(dst, emptyBlock...)
	} else {
		if z.compressor == nil {
			z.compressor = z.options.Compressor(z.bits, z.takeover)
		}
		dst, err = z.compressor.Compress(dst, p)
	}
	if err == nil && !bytes.HasSuffix(dst, emptyBlock[1:]) {
		err = errCompressor
	}
	if err != nil {
		z.forget()
		return dst, err
	}
	if last {
		dst = dst[:len(dst)-4]
		if !z.takeover {
			z.forget()
		}
	}
	return dst, nil
}

// forget makes the next message independent of everything before it: because
// that was agreed, or because the peer did not get what the window holds.
func (z *compression) forget() {
	switch {
	case z == nil || z.compressor == nil:
	case z.takeover:
		z.compressor.Reset()
	default:
		z.compressor.Close()
		z.compressor = nil
	}
}

// wants reports whether a message of so many bytes is to be compressed.
func (z *compression) wants(size int) bool { return z != nil && size >= z.minSize }

// appendCompressed is appendMessage for a message that is to be compressed.
func (c *Conn) appendCompressed(ctx context.Context, typ MessageType, p []byte) error {
	z := c.compression
	pooled := messageBuffers.Get().(*[]byte)
	defer keepMessageBuffer(pooled)
	out, err := z.compress((*pooled)[:0], p, true)
	*pooled = out
	if err != nil {
		return err
	}
	if !z.takeover && len(out) >= len(p) {
		return c.appendPayload(ctx, wholeMessage(typ), p)
	}
	z.deflated.count(len(p), len(out))
	return c.appendPayload(ctx, frameKind{true, frame.RSV1, typ}, out)
}

// inflate reads the current message, which is compressed, to p, and returns
// io.EOF behind its last byte. It stops at the first byte that is not text, or
// beyond MaxMessageSize, whatever more the frames hold.
func (c *Conn) inflate(ctx context.Context, p []byte) (int, error) {
	r := &c.rd
	room := c.cfg.maxMessageSize() - r.size
	if int64(len(p)) > room {
		p = p[:room+1] // one byte too many shows that there is more
	}
	for {
		n := int(min(int64(r.end-r.pos), r.left))
		if err := c.unmask(n); err != nil {
			return 0, err
		}
		last := r.fin && int64(n) == r.left
		made, used, done, err := c.compression.in.Inflate(p, r.buf[r.pos:r.pos+n], last)
		r.pos += used
		r.clean -= used
		r.left -= int64(used)
		r.size += int64(made)
		c.compression.inflated.count(used, made)
		// In the order of the bytes, so that the verdict doesn't depend on how
		// many came at a time.
		switch {
		case r.typ == Text && !r.utf8.Check(p[:min(int64(made), room)]):
			return 0, c.fail(frame.ErrInvalidUTF8)
		case int64(made) > room:
			return 0, c.fail(frame.ErrMessageTooBig)
		case err != nil:
			return 0, c.fail(&corruptError{err})
		case done:
			if err := c.finish(); err != nil {
				return 0, err
			}
			return made, io.EOF
		case made > 0:
			return made, nil
		case r.left > 0:
			if r.pos == r.end {
				err = c.fill(ctx)
			}
		case !r.fin:
			err = c.nextHeader(ctx)
		}
		if err != nil {
			return 0, err
		}
	}
}

// corruptError is frame.ErrCompressedData with what the decompressor says.
type corruptError struct{ cause error }

func (e *corruptError) Error() string {
	return frame.ErrCompressedData.Error() + ": " + e.cause.Error()
}
func (e *corruptError) Unwrap() []error { return []error{frame.ErrCompressedData, e.cause} }

// appendInflated is appendRest for a compressed message. What it makes room
// for grows with what was inflated, by doubling.
func (c *Conn) appendInflated(ctx context.Context, dst []byte) ([]byte, error) {
	if r := &c.rd; cap(dst) == len(dst) && r.fin && r.left <= int64(r.end-r.pos) {
		// The rest is here, so that a pooled buffer is not kept waiting: what
		// comes out is as large as the message.
		pooled := longBuffers.Get().(*[longSize]byte)
		n, err := c.inflate(ctx, pooled[:])
		dst = append(dst, pooled[:n]...)
		longBuffers.Put(pooled)
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
	begin := len(dst)
	for {
		if free := cap(dst) - len(dst); free == 0 {
			// Most messages shrink to a quarter or less; if this one is empty,
			// a byte of room is what it takes to find out.
			guess := min(4*c.rd.left, growStep, c.cfg.maxMessageSize()-c.rd.size)
			dst = slices.Grow(dst, max(int(guess), len(dst)-begin, 64))
		}
		n, err := c.inflate(ctx, dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// discardInflated is discard for a compressed message. It has to be inflated,
// because later ones may refer to it.
func (c *Conn) discardInflated(ctx context.Context) error {
	sink := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(sink)
	for {
		if _, err := c.inflate(ctx, sink[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Uncompressed writes messages that are sent as they are, whatever
// Config.Compression says: secrets beside text that others choose, whose
// compressed length would tell about them (RFC 7692, section 8), and what is
// compressed already. Messages keep their order with those of the Conn.
type Uncompressed struct{ c *Conn }

// Uncompressed returns c for messages that are not to be compressed.
func (c *Conn) Uncompressed() Uncompressed { return Uncompressed{c} }

// WriteMessage is [Conn.WriteMessage] without compression.
func (u Uncompressed) WriteMessage(ctx context.Context, typ MessageType, p []byte) error {
	return u.c.writeMessage(ctx, typ, p, true)
}

// BufferMessage is [Conn.BufferMessage] without compression.
func (u Uncompressed) BufferMessage(typ MessageType, p []byte) error {
	return u.c.bufferMessage(typ, p, true)
}

// NextWriter is [Conn.NextWriter] without compression.
func (u Uncompressed) NextWriter(ctx context.Context, typ MessageType) (io.WriteCloser, error) {
	return u.c.nextWriter(ctx, typ, true)
}
