//go:build !purego

package mask

// kernels are the implementations that this build has beside the common ones.
// The one that the processor prefers is behind xor.
var kernels = []implementation{
	long("without AVX2", func(dst, src []byte, head, tail uint32) uint64 {
		defer func(was bool) { useAVX2 = was }(useAVX2)
		useAVX2 = false
		return xorLong(dst, src, head, tail)
	}),
}
