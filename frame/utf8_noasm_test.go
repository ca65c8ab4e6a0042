//go:build purego || !amd64

package frame

import "testing"

// validator is one way to check text.
type validator struct {
	name string
	use  func(*testing.T)
}

// validators are those that this build has.
func validators() []validator {
	return []validator{{"scan", func(*testing.T) {}}}
}
