package mask

import "encoding/binary"

// xorGeneric is xorLong in plain Go. It is compiled everywhere: the kernels are
// tested against it. It takes any length from 8.
//
// Both sides of each XOR are read as little-endian, which costs nothing where it
// is the machine's order and stays right where it is not.
func xorGeneric(dst, src []byte, head, tail uint32) (high uint64) {
	le := binary.LittleEndian
	heads := uint64(head)<<32 | uint64(head)
	tails := uint64(tail)<<32 | uint64(tail)
	end := dst[len(src)-8:]
	last := le.Uint64(src[len(src)-8:]) ^ tails

	high = last

	for len(src) > 32 && len(dst) > 32 {
		a, b := le.Uint64(src[0:8])^heads, le.Uint64(src[8:16])^heads
		c, d := le.Uint64(src[16:24])^heads, le.Uint64(src[24:32])^heads
		le.PutUint64(dst[0:8], a)
		le.PutUint64(dst[8:16], b)
		le.PutUint64(dst[16:24], c)
		le.PutUint64(dst[24:32], d)
		high |= a | b | c | d
		dst, src = dst[32:], src[32:]
	}
	for len(src) > 8 && len(dst) > 8 {
		a := le.Uint64(src) ^ heads
		le.PutUint64(dst, a)
		high |= a
		dst, src = dst[8:], src[8:]
	}
	le.PutUint64(end, last)
	return high & highBits
}
