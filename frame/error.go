package frame

import "strconv"

// Error is a rule of the protocol, or a limit of this endpoint, that the peer
// broke. The endpoint fails the connection with Code (RFC 6455, section 7.1.7).
// The package returns its sentinels as they are, so that [errors.Is] tells one
// rule from another; they are not to be changed.
type Error struct {
	Code    CloseCode // what to put in the Close frame that tells the peer
	Section string    // where the RFC has the rule, such as "5.5.1"
	Reason  string    // what the peer did
	RFC     int       // the number of that RFC; zero means 6455
}

// Error returns the reason with section and close code.
func (e *Error) Error() string {
	rfc := e.RFC
	if rfc == 0 {
		rfc = 6455
	}
	return "websocket: " + e.Reason + " (RFC " + strconv.Itoa(rfc) + ", section " + e.Section +
		"; close code " + strconv.Itoa(int(e.Code)) + ")"
}

// What a single header can have wrong: [ParseHeader] and [Validator.Check].
var (
	ErrMasked            = &Error{StatusProtocolError, "5.1", "masked frame from the server", 6455}
	ErrUnmasked          = &Error{StatusProtocolError, "5.1", "unmasked frame from the client", 6455}
	ErrReservedBits      = &Error{StatusProtocolError, "5.2", "reserved bit set that no extension uses on this frame", 6455}
	ErrReservedOpcode    = &Error{StatusProtocolError, "5.2", "reserved opcode", 6455}
	ErrLengthNotMinimal  = &Error{StatusProtocolError, "5.2", "payload length not in the shortest form", 6455}
	ErrLengthTooLarge    = &Error{StatusProtocolError, "5.2", "payload length of 2^63 or more", 6455}
	ErrFragmentedControl = &Error{StatusProtocolError, "5.5", "fragmented control frame", 6455}
	ErrControlTooLong    = &Error{StatusProtocolError, "5.5", "control frame with more than 125 bytes of payload", 6455}
)

// What the order of frames can have wrong: [Validator.Check].
var (
	ErrUnexpectedContinuation = &Error{StatusProtocolError, "5.4", "continuation frame without a message to continue", 6455}
	ErrExpectedContinuation   = &Error{StatusProtocolError, "5.4", "new message before the last one ended", 6455}
)

// What a Close frame can have wrong: [ParseClose].
var (
	ErrClosePayload = &Error{StatusProtocolError, "5.5.1", "close frame with one byte of payload", 6455}
	ErrCloseCode    = &Error{StatusProtocolError, "7.4", "close code that may not be sent", 6455}
	ErrCloseReason  = &Error{StatusInvalidPayload, "8.1", "close reason is not UTF-8", 6455}
)

// What a message can have wrong. This package sees no messages; whoever puts
// them together returns these.
var (
	ErrInvalidUTF8      = &Error{StatusInvalidPayload, "8.1", "text message is not UTF-8", 6455}
	ErrMessageTooBig    = &Error{StatusMessageTooBig, "10.4", "message larger than the limit", 6455}
	ErrTooManyFragments = &Error{StatusPolicyViolation, "10.4", "message in more fragments than the limit", 6455}
	ErrCompressedData   = &Error{StatusInvalidPayload, "7.2.2", "compressed message that can't be inflated", 7692}
	ErrUnexpectedData   = &Error{StatusUnsupportedData, "7.4.1", "message of a type that is not accepted", 6455}
)
