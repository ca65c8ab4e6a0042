package conn

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A Conn takes what the allocator has a size for, so that one more field costs
// every idle connection 32 bytes: what few of them use belongs behind a pointer.
func TestConnSize(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("of a machine of 64 bits")
	}
	require.LessOrEqual(t, unsafe.Sizeof(Conn{}), uintptr(352))
	require.LessOrEqual(t, unsafe.Sizeof(handlerContext{}), uintptr(384))
}
