package frame

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// CloseCode says why a connection closes (RFC 6455, section 7.4). Codes from
// 3000 to 3999 are registered with IANA for libraries and applications, codes
// from 4000 to 4999 are free for private use.
type CloseCode uint16

// The codes of RFC 6455, section 7.4.1, and those that the IANA WebSocket
// Close Code Number Registry adds.
const (
	StatusNormalClosure      CloseCode = 1000 // the purpose is fulfilled
	StatusGoingAway          CloseCode = 1001 // server shutting down, page left
	StatusProtocolError      CloseCode = 1002 // the peer broke a rule
	StatusUnsupportedData    CloseCode = 1003 // a type of data not accepted here
	StatusNoStatusReceived   CloseCode = 1005 // Close without a code; never on the wire
	StatusAbnormalClosure    CloseCode = 1006 // no Close at all; never on the wire
	StatusInvalidPayload     CloseCode = 1007 // such as text that is not UTF-8
	StatusPolicyViolation    CloseCode = 1008 // no code fits better
	StatusMessageTooBig      CloseCode = 1009 // larger than this endpoint takes
	StatusMandatoryExtension CloseCode = 1010 // client: server agreed to no such extension
	StatusInternalError      CloseCode = 1011 // something unexpected here
	StatusServiceRestart     CloseCode = 1012 // come back, after a random delay
	StatusTryAgainLater      CloseCode = 1013 // overloaded
	StatusBadGateway         CloseCode = 1014 // the server behind gave a bad response
	StatusTLSHandshake       CloseCode = 1015 // TLS failed; never on the wire
	StatusUnauthorized       CloseCode = 3000 // credentials are missing
	StatusForbidden          CloseCode = 3003 // credentials do not suffice
	StatusTimeout            CloseCode = 3008 // the application waited too long
)

// MaxReason is the most bytes a close reason may have: what a control frame
// carries less the two of the code (RFC 6455, section 5.5.1).
const MaxReason = MaxControlPayload - 2

var closeNames = map[CloseCode]string{
	StatusNormalClosure:      "normal closure",
	StatusGoingAway:          "going away",
	StatusProtocolError:      "protocol error",
	StatusUnsupportedData:    "unsupported data",
	StatusNoStatusReceived:   "no status received",
	StatusAbnormalClosure:    "abnormal closure",
	StatusInvalidPayload:     "invalid payload",
	StatusPolicyViolation:    "policy violation",
	StatusMessageTooBig:      "message too big",
	StatusMandatoryExtension: "mandatory extension",
	StatusInternalError:      "internal error",
	StatusServiceRestart:     "service restart",
	StatusTryAgainLater:      "try again later",
	StatusBadGateway:         "bad gateway",
	StatusTLSHandshake:       "TLS handshake",
	StatusUnauthorized:       "unauthorized",
	StatusForbidden:          "forbidden",
	StatusTimeout:            "timeout",
}

// String returns the number, with the name if the code has one: "1001 (going
// away)", "4000".
func (c CloseCode) String() string {
	s := strconv.Itoa(int(c))
	if name := closeNames[c]; name != "" {
		return s + " (" + name + ")"
	}
	return s
}

// Valid reports whether c may stand in a Close frame: the registered codes
// 1000 to 1003 and 1007 to 1014, and all of 3000 to 4999. The codes 1004, 1005,
// 1006 and 1015 are reserved, and the rest belongs to nobody (RFC 6455, section
// 7.4).
func (c CloseCode) Valid() bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014, c >= 3000 && c <= 4999:
		return true
	}
	return false
}

// ParseClose takes apart the unmasked payload of a Close frame. An empty
// payload is [StatusNoStatusReceived] without a reason. Code and reason are
// zero when err is not nil; err is then [ErrControlTooLong], [ErrClosePayload],
// [ErrCloseCode] or [ErrCloseReason].
func ParseClose(payload []byte) (code CloseCode, reason string, err error) {
	switch {
	// A Close frame may come without a body (RFC 6455, section 5.5.1).
	case len(payload) == 0:
		return StatusNoStatusReceived, "", nil
	// A body begins with a code of two bytes (RFC 6455, section 5.5.1).
	case len(payload) == 1:
		return 0, "", ErrClosePayload
	// A control frame carries at most 125 bytes (RFC 6455, section 5.5).
	case len(payload) > MaxControlPayload:
		return 0, "", ErrControlTooLong
	}
	code = CloseCode(binary.BigEndian.Uint16(payload))
	// Some codes are never sent, and others have no meaning
	// (RFC 6455, section 7.4).
	if !code.Valid() {
		return 0, "", ErrCloseCode
	}
	// The reason is text (RFC 6455, section 5.5.1), and text that is not
	// UTF-8 fails the connection (RFC 6455, section 8.1).
	if !ValidUTF8(payload[2:]) {
		return 0, "", ErrCloseReason
	}
	return code, string(payload[2:]), nil
}

// AppendClose appends the payload of a Close frame to dst. For
// [StatusNoStatusReceived] without a reason that is nothing at all. It refuses
// what a peer would refuse: a code that is not [CloseCode.Valid], a reason
// longer than [MaxReason] bytes or not UTF-8; dst then comes back as it was.
// The reason is never cut short, since only the caller knows where.
func AppendClose(dst []byte, code CloseCode, reason string) ([]byte, error) {
	switch {
	case code == StatusNoStatusReceived && reason == "":
		return dst, nil
	case code == StatusNoStatusReceived:
		return dst, fmt.Errorf("websocket: close code %v cannot go with a reason", code)
	case !code.Valid():
		return dst, fmt.Errorf("websocket: close code %v cannot be sent", code)
	case len(reason) > MaxReason:
		return dst, fmt.Errorf("websocket: close reason of %d bytes is longer than %d", len(reason), MaxReason)
	case !utf8.ValidString(reason):
		return dst, fmt.Errorf("websocket: close reason %q is not UTF-8", reason)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...), nil
}
