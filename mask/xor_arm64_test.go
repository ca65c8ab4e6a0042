//go:build !purego

package mask

import "unsafe"

// kernels are the implementations that this build has beside the common ones.
var kernels = []implementation{
	// Short payloads too, which xor does without it.
	{"NEON", func(dst, src []byte, word uint32) uint64 {
		return xorNEON(unsafe.SliceData(dst), unsafe.SliceData(src), len(src), word) & highBits
	}},
}
