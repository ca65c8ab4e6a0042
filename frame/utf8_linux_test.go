package frame

import (
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The kernel reads nothing outside the text: here that ends the test with a
// fault.
func TestUTF8StaysInsidePage(t *testing.T) {
	size := syscall.Getpagesize()
	m, err := syscall.Mmap(-1, 0, 3*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(m)) })
	require.NoError(t, syscall.Mprotect(m[:size], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(m[2*size:], syscall.PROT_NONE))
	page := m[size : 2*size]

	for _, kernel := range validators() {
		t.Run(kernel.name, func(t *testing.T) {
			kernel.use(t)
			for _, kind := range shapes {
				copy(page, shape(kind, size))
				for n := 0; n <= 300; n++ {
					for _, b := range [][]byte{page[:n], page[size-n:]} {
						require.Equal(t, utf8.Valid(b), ValidUTF8(b))
						var u UTF8
						u.Check(b)
					}
				}
				require.Equal(t, utf8.Valid(page), ValidUTF8(page))
			}
		})
	}
}
