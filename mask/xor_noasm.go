//go:build purego || !(amd64 || arm64)

package mask

// xor sets dst to src XOR word; their lengths are equal.
func xor(dst, src []byte, word uint32) { xorGeneric(dst, src, word) }
