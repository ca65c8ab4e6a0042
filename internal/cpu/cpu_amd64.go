//go:build !purego

package cpu

// AVX2 reports whether the processor has AVX2 and the system saves the registers
// that it needs. The answer never changes while a program runs.
var AVX2 = hasAVX2()

// hasAVX2 asks the processor.
//
//go:noescape
func hasAVX2() bool
