//go:build !purego

package mask

import "github.com/seed24abed78/rfc6455/internal/cpu"

const (
	// minSSE2 is the length from which a call into assembly pays.
	minSSE2 = 16
	// minAVX2 is the length from which a second call, for the blocks that AVX2
	// is good at, pays too.
	minAVX2 = 128
	// blockAVX2 is what xorAVX2 works in.
	blockAVX2 = 32
)

// useAVX2 is set once, before any call of xor.
var useAVX2 = cpu.AVX2

// xor sets dst to src XOR word; their lengths are equal.
func xor(dst, src []byte, word uint32) {
	if len(src) < minSSE2 {
		xorGeneric(dst, src, word)
		return
	}
	if useAVX2 && len(src) >= minAVX2 {
		// A block is a multiple of four bytes: what follows it begins with the
		// same byte of the key.
		n := len(src) &^ (blockAVX2 - 1)
		xorAVX2(&dst[0], &src[0], n, word)
		dst, src = dst[n:], src[n:]
		if len(src) == 0 {
			return
		}
	}
	xorSSE2(&dst[0], &src[0], len(src), word)
}

// xorAVX2 sets the n bytes at dst to those at src XOR word. n is a multiple of
// blockAVX2.
//
//go:noescape
func xorAVX2(dst, src *byte, n int, word uint32)

// xorSSE2 sets the n bytes at dst to those at src XOR word, for any n >= 0.
//
//go:noescape
func xorSSE2(dst, src *byte, n int, word uint32)
