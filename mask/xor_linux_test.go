package mask

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// guarded returns a page of memory between two that may not be touched.
func guarded(t *testing.T) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	m, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(m)) })
	require.NoError(t, syscall.Mprotect(m[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(m[2*page:], syscall.PROT_NONE))
	return m[page : 2*page]
}

// A kernel reads and writes nothing outside the slices, not even bytes that it
// would put back unchanged: here that ends the test with a fault.
func TestXORStaysInsidePage(t *testing.T) {
	src, dst := guarded(t), guarded(t)
	page := len(src)
	for _, impl := range implementations() {
		t.Run(impl.name, func(t *testing.T) {
			for n := 0; n <= maxLen; n++ {
				impl.xor(dst[:n], src[:n], 0x01020304)
				impl.xor(dst[page-n:], src[page-n:], 0x01020304)
				impl.xor(dst[:n], src[page-n:], 0x01020304)
				impl.xor(src[page-n:], src[page-n:], 0x01020304)
			}
			impl.xor(dst, src, 0x01020304)
		})
	}
}
