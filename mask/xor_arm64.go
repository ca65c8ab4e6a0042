//go:build !purego

package mask

// xorLong sets dst to src XOR the key, which is head where they begin and tail
// where they end. They are longer than maxShort, and equally long.
func xorLong(dst, src []byte, head, _ uint32) { xorNEON(&dst[0], &src[0], len(src), head) }

// xorNEON sets the n bytes at dst to those at src XOR word, for any n >= 0.
//
//go:noescape
func xorNEON(dst, src *byte, n int, word uint32)
