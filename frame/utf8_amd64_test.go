//go:build !purego

package frame

import (
	"testing"

	"github.com/seed24abed78/rfc6455/internal/cpu"
)

// validator is one way to check text.
type validator struct {
	name string
	use  func(*testing.T)
}

// validators are those that this build has on this machine.
func validators() []validator {
	set := func(on bool) func(*testing.T) {
		return func(t *testing.T) {
			was := useAVX2
			useAVX2 = on
			t.Cleanup(func() { useAVX2 = was })
		}
	}
	all := []validator{{"scan", set(false)}}
	if cpu.AVX2 {
		all = append(all, validator{"AVX2", set(true)})
	}
	return all
}
