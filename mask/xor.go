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
	// Small enough to become part of its caller, which has one call to make.
	xor(dst, src, binary.LittleEndian.Uint32(key[:]), pos)
	return (pos + len(src)) & 3
}

// XORASCII is XOR, and reports whether all bytes that it wrote are ASCII. Text
// often is ASCII, and then needs no further look (RFC 6455, section 8.1): to see
// that on the way costs next to nothing.
func XORASCII(dst, src []byte, key Key, pos int) (next int, ascii bool) {
	n := len(src)
	if n <= maxShort {
		ascii = isASCII(src, binary.LittleEndian.Uint32(key[:]), pos)
		return XOR(dst, src, key, pos), ascii
	}
	if len(dst) < n {
		panic("mask: dst is shorter than src")
	}
	head := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*pos)
	high := xorLong(dst[:n], src, head, bits.RotateLeft32(head, -8*n))
	return (pos + n) & 3, high == 0
}

// highBits are those that no byte of ASCII has.
const highBits = 0x8080808080808080

// isASCII reports whether src, at most maxShort long, is ASCII once it is unmasked.
func isASCII(src []byte, key uint32, pos int) bool {
	le := binary.LittleEndian
	head := bits.RotateLeft32(key, -8*pos)
	heads := uint64(head)<<32 | uint64(head)
	high := uint64(0)
	for len(src) >= 8 {
		high |= le.Uint64(src) ^ heads
		src = src[8:]
	}
	for i := range src {
		high |= uint64(src[i] ^ byte(head))
		head = bits.RotateLeft32(head, -8)
	}
	return high&highBits == 0
}

// maxShort is the length up to which a payload is masked here, in any build:
// a call into assembly costs more than it saves.
const maxShort = 32

// xor does what XOR says, with the key as a little-endian number: the lowest
// byte of a word is the one that comes first.
//
// A payload that no number of whole words fits is masked in words that overlap:
// some from its beginning, and some that end where it ends, which are masked
// before the first is stored, since dst may be src. That takes one branch for all
// lengths of a kind, where a loop and its remainder take several that nobody can
// predict: the next frame has another length.
//
// It is nosplit because to ask whether the stack has to grow takes a tenth of the
// time of a short payload.
//
//go:nosplit
func xor(dst, src []byte, key uint32, pos int) {
	n := len(src)
	if len(dst) < n {
		panic("mask: dst is shorter than src")
	}
	dst = dst[:n] // tells the compiler what is true

	// The key turned to where the payload begins and, below, to where it ends,
	// which is also how it stands four, eight or sixteen bytes before that.
	head := bits.RotateLeft32(key, -8*pos)
	if n > maxShort {
		xorLong(dst, src, head, bits.RotateLeft32(head, -8*n))
		return
	}

	le := binary.LittleEndian
	if n >= 8 {
		heads := uint64(head)<<32 | uint64(head)
		tails := bits.RotateLeft64(heads, -8*n)
		if n <= 16 {
			last := le.Uint64(src[n-8:]) ^ tails
			le.PutUint64(dst, le.Uint64(src)^heads)
			le.PutUint64(dst[n-8:], last)
			return
		}
		last, lastButOne := le.Uint64(src[n-8:])^tails, le.Uint64(src[n-16:])^tails
		le.PutUint64(dst, le.Uint64(src)^heads)
		le.PutUint64(dst[8:], le.Uint64(src[8:])^heads)
		le.PutUint64(dst[n-16:], lastButOne)
		le.PutUint64(dst[n-8:], last)
		return
	}
	if n >= 4 {
		last := le.Uint32(src[n-4:]) ^ bits.RotateLeft32(head, -8*n)
		le.PutUint32(dst, le.Uint32(src)^head)
		le.PutUint32(dst[n-4:], last)
		return
	}
	for i := range src {
		dst[i] = src[i] ^ byte(head)
		head >>= 8
	}
}
