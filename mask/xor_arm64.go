//go:build !purego

package mask

// minNEON is the length from which a call into assembly pays.
const minNEON = 16

// xor sets dst to src XOR word; their lengths are equal.
func xor(dst, src []byte, word uint32) {
	if len(src) < minNEON {
		xorGeneric(dst, src, word)
		return
	}
	xorNEON(&dst[0], &src[0], len(src), word)
}

// xorNEON sets the n bytes at dst to those at src XOR word, for any n >= 0.
//
//go:noescape
func xorNEON(dst, src *byte, n int, word uint32)
