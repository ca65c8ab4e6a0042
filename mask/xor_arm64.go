//go:build !purego

package mask

// xorLong sets dst to src XOR the key, which is head where they begin and tail
// where they end. They are longer than maxShort, and equally long. It returns
// zero when all bytes written are ASCII.
func xorLong(dst, src []byte, head, _ uint32) (high uint64) {
	return xorNEON(&dst[0], &src[0], len(src), head) & highBits
}

// xorNEON sets the n bytes at dst to those at src XOR word, for any n >= 0. seen has
// the bits of all bytes written, each in some byte.
//
//go:noescape
func xorNEON(dst, src *byte, n int, word uint32) (seen uint64)
