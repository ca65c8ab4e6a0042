//go:build purego || !amd64

package frame

// hasKernel reports whether plausible is worth its call for n bytes: never,
// where there is no assembly.
func hasKernel(int) bool { return false }

// plausible is there for the compiler alone, which removes every call.
func plausible([]byte) bool { panic("unreachable") }
