//go:build !purego

package mask

import "github.com/seed24abed78/rfc6455/internal/cpu"

// useAVX2 is set once, before any call of xorVector, which reads it.
var useAVX2 = cpu.AVX2

// xorLong sets dst to src XOR the key, which is head where they begin and tail
// where they end. They are longer than maxShort, and equally long. It returns
// zero when all bytes written are ASCII.
func xorLong(dst, src []byte, head, tail uint32) (high uint64) {
	return uint64(xorVector(&dst[0], &src[0], len(src), head, tail))
}

// xorVector is xorLong for the n bytes at dst and src, with AVX2 or SSE2.
//
//go:noescape
func xorVector(dst, src *byte, n int, head, tail uint32) (high uint32)
