//go:build !purego

package mask

import "github.com/seed24abed78/rfc6455/internal/cpu"

const (
	// minSSE2 is the length from which a call into assembly pays.
	minSSE2 = 16
	// minAVX2 is the length from which AVX2 is faster than SSE2.
	minAVX2 = 64
	// leastAVX2 is the least that xorAVX2 can do.
	leastAVX2 = 32
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
		xorAVX2(&dst[0], &src[0], len(src), word)
		return
	}
	xorSSE2(&dst[0], &src[0], len(src), word)
}

// xorAVX2 sets the n bytes at dst to those at src XOR word, for
// n >= leastAVX2. Either dst is src, or the two don't overlap.
//
//go:noescape
func xorAVX2(dst, src *byte, n int, word uint32)

// xorSSE2 sets the n bytes at dst to those at src XOR word, for any n >= 0.
//
//go:noescape
func xorSSE2(dst, src *byte, n int, word uint32)
