package frame

import (
	"encoding/binary"

	"github.com/seed24abed78/rfc6455/mask"
)

// Validator judges the headers of one direction of a connection, in the order
// they come: who masks, which bits and opcodes have a meaning, what a control
// frame may look like, and how fragments follow each other (RFC 6455, sections
// 5.1 to 5.5). It is for one goroutine at a time.
//
// The fields are set before the first Check. To judge what this endpoint is
// about to send, keep a second Validator with the peer's role.
type Validator struct {
	// Role is ours: a Server takes only masked frames. Any other value,
	// zero included, is judged as Client, which takes only unmasked ones.
	Role Role
	// RSV has the bits that a negotiated extension uses on the first frame of
	// a data message. If zero, no reserved bit may be set.
	RSV RSV

	// inMessage is true from a first fragment without FIN up to the
	// Continuation with FIN that ends its message.
	inMessage bool
}

// InMessage reports whether a fragmented message has begun and not ended, so
// that the next data frame must be a Continuation.
func (v *Validator) InMessage() bool { return v.inMessage }

// Check judges the next header. When a rule is broken it returns the sentinel
// of that rule and stays in the state it was in. When several are broken, who
// masks comes first, then the opcode, then the reserved bits, then the rest.
// Check never allocates.
func (v *Validator) Check(h Header) error { return v.check(&h) }

// Next parses the header that b begins with into h, judges it, and returns the
// number of bytes it takes: [ParseHeader] and Check in one, for those who read
// many frames. h is only to be used when err is nil.
func (v *Validator) Next(b []byte, h *Header) (n int, err error) {
	if n, err = h.parse(b); err != nil {
		return 0, err
	}
	if err = v.check(h); err != nil {
		return 0, err
	}
	return n, nil
}

// Whole recognizes what most messages are: one frame with all of its payload at
// the beginning of b, Text or Binary, no reserved bit set, up to 65535 bytes. It
// returns the opcode, the payload where it lies, still masked with key when
// Role is Server, and the number of bytes that the frame takes. For all else op
// is zero, and b is for Next to judge: bytes that break a rule, an incomplete
// frame, a fragment, a control frame. Whole accepts nothing that Next does not.
func (v *Validator) Whole(b []byte) (op Opcode, key mask.Key, payload []byte, n int) {
	if len(b) < 2 || v.inMessage {
		return 0, key, nil, 0
	}
	op = Opcode(b[0] ^ bitFIN)
	masked := b[1]&bitMask != 0
	if op != Text && op != Binary || masked != (v.Role == Server) {
		return 0, key, nil, 0
	}
	length := int(b[1] & bitsLength)
	n = 2
	if length >= length16 {
		if length == length64 || len(b) < 4 {
			return 0, key, nil, 0
		}
		length = int(binary.BigEndian.Uint16(b[2:]))
		n = 4
		if length < length16 {
			return 0, key, nil, 0
		}
	}
	if masked {
		n += len(key)
	}
	end := n + length
	if len(b) < end {
		return 0, key, nil, 0
	}
	if masked {
		key = mask.Key(b[n-len(key):])
	}
	return op, key, b[n:end:end], end
}

func (v *Validator) check(h *Header) error {
	switch {
	// The client masks every frame, so a server closes the connection when
	// one arrives that is not (RFC 6455, section 5.1).
	case v.Role == Server && !h.Masked:
		return ErrUnmasked
	// The server masks no frame, so a client closes the connection when one
	// arrives that is (RFC 6455, section 5.1).
	case v.Role != Server && h.Masked:
		return ErrMasked
	// An opcode without a meaning fails the connection (RFC 6455, section 5.2).
	case h.Opcode.IsReserved():
		return ErrReservedOpcode
	// A bit that no negotiated extension defines for this frame is zero
	// (RFC 6455, section 5.2).
	case h.RSV&^v.allowedRSV(h.Opcode) != 0:
		return ErrReservedBits
	// The top bit of a length is zero. A parsed header always obeys; one made
	// by hand may not (RFC 6455, section 5.2).
	case h.Length < 0:
		return ErrLengthTooLarge
	}
	if h.Opcode.IsControl() {
		return checkControl(h)
	}
	return v.checkData(h)
}

// allowedRSV returns the reserved bits that may be set on a frame. An
// extension of messages marks the first frame of one, never a control frame or
// a later fragment (RFC 7692, section 6).
func (v *Validator) allowedRSV(o Opcode) RSV {
	if o == Text || o == Binary {
		return v.RSV
	}
	return 0
}

// checkControl judges what is special about control frames. They leave the
// fragment state alone, as they may stand between fragments.
func checkControl(h *Header) error {
	// A control frame is never fragmented (RFC 6455, section 5.5).
	if !h.FIN {
		return ErrFragmentedControl
	}
	// A control frame carries at most 125 bytes (RFC 6455, section 5.5).
	if h.Length > MaxControlPayload {
		return ErrControlTooLong
	}
	return nil
}

// checkData judges the order of data frames and advances it.
func (v *Validator) checkData(h *Header) error {
	first := h.Opcode != Continuation
	switch {
	// A Continuation goes on with a message; without one begun there is
	// nothing to go on with (RFC 6455, section 5.4).
	case !first && !v.inMessage:
		return ErrUnexpectedContinuation
	// The fragments of one message are not mixed with those of another, so
	// until FIN only a Continuation may follow (RFC 6455, section 5.4).
	case first && v.inMessage:
		return ErrExpectedContinuation
	}
	v.inMessage = !h.FIN
	return nil
}
