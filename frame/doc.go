// Package frame is the wire format of the WebSocket protocol: frame headers,
// the order frames may come in, Close payloads and UTF-8 (RFC 6455, section 5).
// Bytes go in, verdicts come out.
//
// # Terminology
//
// A frame is a header and a payload. The header says how long the payload is,
// what it is for (the [Opcode]), and whether it was masked. Text and Binary
// frames begin a message; Continuation frames carry the rest of it. The frames
// of one message are its fragments, and the last one has FIN set. Close, Ping
// and Pong are control frames: short, never fragmented, and allowed between the
// fragments of a message. The client masks every frame, the server none.
//
// # Layout
//
// A header takes from 2 to 14 bytes (RFC 6455, section 5.2):
//
//	byte 0      FIN (80)  RSV1 (40)  RSV2 (20)  RSV3 (10)  opcode (0f)
//	byte 1      MASK (80)  length code (7f)
//	            |
//	            +-- 0..125  the length itself        no more length bytes
//	            +-- 126     2 bytes, big-endian      126 .. 65535
//	            +-- 127     8 bytes, big-endian      65536 .. 2^63-1
//	then        masking key, 4 bytes                 only when MASK is set
//	then        payload, as many bytes as the length says
//
// Each length has one form only, the shortest.
//
// # Use
//
// [ParseHeader] reads a header and judges what a header alone can get wrong
// for anybody: its length. A [Validator] then judges the header for one
// endpoint at one place in the stream. [ParseClose] and [UTF8] judge payloads
// once they are unmasked. A rule that the peer broke is an [*Error], which has
// the close code to answer with; each rule has its own sentinel for
// [errors.Is].
//
// # What it does not do
//
// The package does no I/O except for [ReadHeader], which looks into a buffer
// it is given; it starts no goroutine and keeps no clock. It does not mask
// (package mask does), does not reassemble messages, does not limit their
// size, does not know what an extension means beyond the reserved bits it
// uses, and does not decide when to send a Close frame or an answer.
package frame
