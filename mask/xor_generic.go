package mask

import "encoding/binary"

// xorGeneric sets dst to src XOR word, the lowest byte of word first. The
// lengths of dst and src are equal. It is compiled everywhere: the kernels leave
// short payloads to it and are tested against it.
//
// Both sides of each XOR are read as little-endian, which costs nothing where it
// is the machine's order and stays right where it is not.
func xorGeneric(dst, src []byte, word uint32) {
	dst = dst[:len(src)] // tells the compiler what the caller guarantees
	wide := uint64(word)<<32 | uint64(word)
	le := binary.LittleEndian

	for len(src) >= 32 && len(dst) >= 32 {
		le.PutUint64(dst[0:8], le.Uint64(src[0:8])^wide)
		le.PutUint64(dst[8:16], le.Uint64(src[8:16])^wide)
		le.PutUint64(dst[16:24], le.Uint64(src[16:24])^wide)
		le.PutUint64(dst[24:32], le.Uint64(src[24:32])^wide)
		dst, src = dst[32:], src[32:]
	}
	for len(src) >= 8 && len(dst) >= 8 {
		le.PutUint64(dst, le.Uint64(src)^wide)
		dst, src = dst[8:], src[8:]
	}
	if len(src) >= 4 && len(dst) >= 4 {
		le.PutUint32(dst, le.Uint32(src)^word)
		dst, src = dst[4:], src[4:]
	}
	for i := range src {
		dst[i] = src[i] ^ byte(word)
		word >>= 8
	}
}
