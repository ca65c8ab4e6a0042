//go:build !purego

package cpu

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The kernel's own account of the processor is the second opinion.
func TestAVX2AgreesWithTheSystem(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skipf("no second opinion: %v", err)
	}
	for line := range strings.Lines(string(info)) {
		if name, flags, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "flags" {
			require.Equal(t, slices.Contains(strings.Fields(flags), "avx2"), AVX2)
			return
		}
	}
	t.Skip("/proc/cpuinfo lists no flags")
}
