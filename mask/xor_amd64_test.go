//go:build !purego

package mask

import (
	"unsafe"

	"github.com/seed24abed78/rfc6455/internal/cpu"
)

// kernels are the implementations that this build has beside the common ones.
var kernels = amd64Kernels()

func amd64Kernels() []implementation {
	sse2 := func(dst, src []byte, word uint32) {
		xorSSE2(unsafe.SliceData(dst), unsafe.SliceData(src), len(src), word)
	}
	all := []implementation{
		{"SSE2", sse2},
		{"without AVX2", func(dst, src []byte, word uint32) {
			defer func(was bool) { useAVX2 = was }(useAVX2)
			useAVX2 = false
			xor(dst, src, word)
		}},
	}
	if cpu.AVX2 {
		// Below minAVX2 too, which xor leaves to SSE2.
		all = append(all, implementation{"AVX2", func(dst, src []byte, word uint32) {
			if len(src) < leastAVX2 {
				sse2(dst, src, word)
				return
			}
			xorAVX2(unsafe.SliceData(dst), unsafe.SliceData(src), len(src), word)
		}})
	}
	return all
}
