package mask

import (
	"encoding/binary"
	"math/bits"
)

// XOR masks or unmasks src into dst, and returns the position at which to go on:
// byte i of src is combined with byte (pos+i) modulo 4 of key
// (RFC 6455, section 5.3). It is its own inverse.
//
// Senders and receivers call it for each piece of a payload. The first piece has
// pos 0, and each later one the position returned for the piece before, which
// is (pos+len(src))&3. Only the two lowest bits of pos count, so that an offset
// into the payload serves as well.
//
// dst and src may be the same memory, or must not overlap at all. Bytes of dst
// past len(src) stay as they are. Neither slice needs any alignment.
//
// XOR panics when dst is shorter than src, which is a mistake of the caller's
// that no input from a peer can bring about. It does not allocate.
func XOR(dst, src []byte, key Key, pos int) (next int) {
	if len(dst) < len(src) {
		panic("mask: dst is shorter than src")
	}
	// The lowest byte of word is the one that src begins with. With the key
	// turned once here, no kernel has to know of positions.
	word := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*(pos&3))
	xor(dst[:len(src)], src, word)
	return (pos + len(src)) & 3
}
