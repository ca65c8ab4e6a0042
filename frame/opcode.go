package frame

import "strconv"

// Role is the side of the connection an endpoint is on. It decides who masks
// (RFC 6455, section 5.1).
type Role uint8

const (
	Client Role = 1 // opened the connection; masks every frame it sends
	Server Role = 2 // accepted the connection; masks none
)

// String returns "client" or "server", and "Role(n)" for any other value.
func (r Role) String() string {
	switch r {
	case Client:
		return "client"
	case Server:
		return "server"
	}
	return "Role(" + strconv.Itoa(int(r)) + ")"
}

// Opcode says what the payload of a frame is for. It is four bits wide
// (RFC 6455, section 5.2).
type Opcode byte

const (
	Continuation Opcode = 0x0 // a further fragment of the message begun before
	Text         Opcode = 0x1 // begins a message of UTF-8 text
	Binary       Opcode = 0x2 // begins a message of any bytes
	Close        Opcode = 0x8 // begins or answers the closing handshake
	Ping         Opcode = 0x9 // asks for a Pong with the same payload
	Pong         Opcode = 0xA // answers a Ping, or just shows life
)

var opcodeNames = [16]string{
	Continuation: "continuation",
	Text:         "text",
	Binary:       "binary",
	Close:        "close",
	Ping:         "ping",
	Pong:         "pong",
}

// IsControl reports whether o lies in the range of control frames, 8 to 15,
// reserved ones included (RFC 6455, section 5.5).
func (o Opcode) IsControl() bool { return o&0x8 != 0 }

// IsData reports whether o is Continuation, Text or Binary: a frame that
// carries a part of a message (RFC 6455, section 5.6).
func (o Opcode) IsData() bool { return o <= Binary }

// IsReserved reports whether o has no meaning: 3 to 7, 11 to 15, and whatever
// does not fit in four bits (RFC 6455, section 5.2).
func (o Opcode) IsReserved() bool { return int(o) >= len(opcodeNames) || opcodeNames[o] == "" }

// String returns the name the RFC uses, such as "ping", and "opcode 0xb" for
// a reserved opcode.
func (o Opcode) String() string {
	if o.IsReserved() {
		return "opcode 0x" + strconv.FormatUint(uint64(o), 16)
	}
	return opcodeNames[o]
}

// RSV holds the three reserved bits of a header. They are zero unless an
// extension that both sides agreed on uses them (RFC 6455, section 5.2).
type RSV byte

const (
	RSV1 RSV = 4 // permessage-deflate: the message is compressed
	RSV2 RSV = 2 // unassigned
	RSV3 RSV = 1 // unassigned
)
