//go:build !purego

package frame

import "github.com/seed24abed78/rfc6455/internal/cpu"

const (
	// minKernel is the length from which a call into assembly pays.
	minKernel = 24
	// minAVX2 is the least that plausibleAVX2 can look at: it loads the last 32
	// bytes, and the three before.
	minAVX2 = 35
)

// useAVX2 is set once, before any text is checked.
var useAVX2 = cpu.AVX2

// hasKernel reports whether plausible is worth its call for n bytes.
func hasKernel(n int) bool { return useAVX2 && n >= minKernel }

// plausible reports whether p has no byte that can't be right, when it begins
// between two code points. It does not judge the end: up to three last bytes,
// from a lead byte on, may be the beginning of a code point or no code point at
// all. It may be called only where hasKernel says so.
func plausible(p []byte) bool {
	if len(p) < minAVX2 {
		if asciiPrefix(p) == len(p) {
			return true
		}
		// Behind ASCII, because the end is what must stay the end.
		var padded [64]byte
		copy(padded[len(padded)-len(p):], p)
		return plausibleAVX2(&padded[0], len(padded))
	}
	return plausibleAVX2(&p[0], len(p))
}

// plausibleAVX2 is plausible for the n bytes at p, n >= minAVX2.
//
//go:noescape
func plausibleAVX2(p *byte, n int) bool
