// Package cpu says which instructions the processor has that Go's compiler does
// not use by itself. The assembly kernels of packages mask and frame ask it once,
// when the program starts.
//
// It knows no more than those kernels need, and nothing for builds with the tag
// purego, which have no assembly.
package cpu
