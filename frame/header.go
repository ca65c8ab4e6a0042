package frame

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/seed24abed78/rfc6455/mask"
)

const (
	// MaxHeaderSize is the size of the longest header: two bytes, a 64-bit
	// length and a masking key.
	MaxHeaderSize = 14
	// MaxControlPayload is the most a Close, Ping or Pong frame may carry
	// (RFC 6455, section 5.5).
	MaxControlPayload = 125
)

// The bits of the first two bytes of a header, and the length codes that say
// that the length follows.
const (
	bitFIN     = 0x80
	bitsOpcode = 0x0f
	bitMask    = 0x80
	bitsLength = 0x7f
	shiftRSV   = 4
	bitsRSV    = 7

	length16 = 126
	length64 = 127
)

// ErrIncomplete is what [ParseHeader] returns when the bytes are a proper
// beginning of a header and more of them are needed. It is not an [*Error]: no
// rule is broken.
var ErrIncomplete = errors.New("websocket: incomplete frame header")

// Header is the header of one frame (RFC 6455, section 5.2).
type Header struct {
	FIN    bool     // the last frame of its message
	RSV    RSV      // reserved bits
	Opcode Opcode   // what the payload is for
	Masked bool     // the payload is masked with Key
	Key    mask.Key // all zero unless Masked
	Length int64    // bytes of payload, the header not counted; never negative
}

// OpcodeIn returns the opcode that the first byte of a header has (RFC 6455,
// section 5.2), for those who tell control frames before they read on.
func OpcodeIn(first byte) Opcode { return Opcode(first & bitsOpcode) }

// ParseHeader reads the header that b begins with, and returns it with the
// number of bytes it takes. What comes after the header is not looked at.
// Header and n are zero when err is not nil.
//
// It returns [ErrIncomplete] when b ends inside the header, and
// [ErrLengthNotMinimal] or [ErrLengthTooLarge] as soon as the bytes at hand
// leave no way for the length to become right. All other rules are for
// [Validator]. ParseHeader never allocates.
func ParseHeader(b []byte) (h Header, n int, err error) {
	n, err = h.parse(b)
	return h, n, err
}

// parse is ParseHeader into h, which it leaves alone when it fails.
func (h *Header) parse(b []byte) (n int, err error) {
	if len(b) < 2 {
		return 0, ErrIncomplete
	}
	length := int64(b[1] & bitsLength)
	n = 2
	if length >= length16 {
		if length, n, err = parseLength(b); err != nil {
			return 0, err
		}
	}
	var key mask.Key
	masked := b[1]&bitMask != 0
	if masked {
		if len(b) < n+len(key) {
			return 0, ErrIncomplete
		}
		key = mask.Key(b[n:])
		n += len(key)
	}
	h.FIN = b[0]&bitFIN != 0
	h.RSV = RSV(b[0] >> shiftRSV & bitsRSV)
	h.Opcode = OpcodeIn(b[0])
	h.Masked = masked
	h.Key = key
	h.Length = length
	return n, nil
}

// parseLength reads a length of 2 or 8 bytes from b, which is at least 2 bytes
// long, and returns it with the offset of what follows it.
func parseLength(b []byte) (length int64, n int, err error) {
	if b[1]&bitsLength == length16 {
		if len(b) < 4 {
			return 0, 0, ErrIncomplete
		}
		length = int64(binary.BigEndian.Uint16(b[2:]))
		// A length takes the fewest bytes that hold it: up to 125 fits in
		// the length code (RFC 6455, section 5.2).
		if length < length16 {
			return 0, 0, ErrLengthNotMinimal
		}
		return length, 4, nil
	}
	// The top bit of a 64-bit length is zero; its first byte already shows it
	// (RFC 6455, section 5.2).
	if len(b) > 2 && b[2]&0x80 != 0 {
		return 0, 0, ErrLengthTooLarge
	}
	// A length takes the fewest bytes that hold it: six zero bytes in front
	// mean that two would do, whatever the last two are (RFC 6455, section 5.2).
	if len(b) >= 8 && binary.BigEndian.Uint64(b)<<16 == 0 {
		return 0, 0, ErrLengthNotMinimal
	}
	if len(b) < 10 {
		return 0, 0, ErrIncomplete
	}
	return int64(binary.BigEndian.Uint64(b[2:])), 10, nil
}

// Append appends the wire form of h to dst: the length in the shortest form,
// and the key when h.Masked. It writes the header it is told to and judges
// nothing; to check a header before sending it, give it to a [Validator] that
// has the peer's role. Append panics when h.Length is negative.
func (h *Header) Append(dst []byte) []byte {
	if h.Length < 0 {
		panic("frame: Header.Append: negative Length")
	}
	b0 := byte(h.RSV&bitsRSV)<<shiftRSV | byte(h.Opcode&bitsOpcode)
	if h.FIN {
		b0 |= bitFIN
	}
	var b1 byte
	if h.Masked {
		b1 = bitMask
	}
	switch {
	case h.Length < length16:
		dst = append(dst, b0, b1|byte(h.Length))
	case h.Length <= math.MaxUint16:
		dst = append(dst, b0, b1|length16)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Length))
	default:
		dst = append(dst, b0, b1|length64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// Peeker is the part of [bufio.Reader] that [ReadHeader] needs. The buffer
// behind it holds at least [MaxHeaderSize] bytes.
type Peeker interface {
	Peek(n int) ([]byte, error)
	Discard(n int) (int, error)
}

// ReadHeader reads one header from r and takes exactly its bytes; when it
// fails it takes none. It asks for no byte beyond the header, so it never
// waits for the payload, and it never waits for the rest of a header that is
// already wrong. An end of the stream before the first byte is [io.EOF],
// inside the header [io.ErrUnexpectedEOF]; other errors of r come back as they
// are.
func ReadHeader(r Peeker) (Header, error) {
	need := 2
	for {
		b, err := r.Peek(need)
		if len(b) < need {
			if err == io.EOF && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return Header{}, err
		}
		h, n, err := ParseHeader(b)
		if err == nil {
			_, err = r.Discard(n)
			return h, err
		}
		if err != ErrIncomplete {
			return Header{}, err
		}
		need = nextNeed(b)
	}
}

// nextNeed returns how many bytes of a header are needed before ParseHeader
// can say more about it than it did about b.
func nextNeed(b []byte) int {
	size := 2
	switch b[1] & bitsLength {
	case length16:
		size = 4
	case length64:
		size = 10
		switch {
		case len(b) < 3:
			return 3 // shows the top bit
		case len(b) < 8:
			return 8 // shows whether two bytes would do
		}
	}
	if len(b) < size {
		return size
	}
	return size + len(mask.Key{})
}
