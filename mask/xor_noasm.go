//go:build purego || !(amd64 || arm64)

package mask

// xorLong sets dst to src XOR the key, which is head where they begin and tail
// where they end. They are longer than maxShort, and equally long. It returns
// zero when all bytes written are ASCII.
func xorLong(dst, src []byte, head, tail uint32) (high uint64) {
	return xorGeneric(dst, src, head, tail)
}
