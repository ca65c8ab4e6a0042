package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// ValidUTF8 reports whether p is UTF-8 from beginning to end: a whole text
// message or a close reason (RFC 6455, section 8.1).
func ValidUTF8(p []byte) bool {
	if !hasKernel(len(p)) {
		return utf8.Valid(p)
	}
	return plausible(p) && utf8.Valid(p[lastLead(p):])
}

// UTF8 checks text that comes in pieces, which may end anywhere, inside a code
// point too. It says no at the first byte that no valid text can have in that
// place, so that a connection fails without waiting for the rest. The zero UTF8
// is ready for the beginning of a text.
type UTF8 struct {
	// Between calls 0 <= need <= 3; when need > 0 the next byte lies in lo..hi.

	need   uint8 // bytes missing from the code point begun
	lo, hi uint8 // bounds of the next byte
	bad    bool
}

// The range of a continuation byte, unless the lead byte narrows it.
const (
	contLo = 0x80
	contHi = 0xbf
)

// Check takes the next piece of the text, and reports whether the text so far
// can still become valid. Once it has said false it says so until
// [UTF8.Reset].
func (u *UTF8) Check(p []byte) bool {
	if u.bad {
		return false
	}
	if hasKernel(len(p)) {
		// What the piece before has begun comes first. At most three bytes do.
		n := int(u.need)
		if !u.scan(p[:n]) || !plausible(p[n:]) {
			u.bad = true
			return false
		}
		p = p[lastLead(p):]
	}
	return u.scan(p)
}

// scan is Check one code point at a time.
func (u *UTF8) scan(p []byte) bool {
	need, lo, hi := u.need, u.lo, u.hi
	for i := 0; i < len(p); i++ {
		if need == 0 {
			i += asciiPrefix(p[i:])
			if i == len(p) {
				break
			}
			if need, lo, hi = lead(p[i]); need == 0 {
				u.bad = true
				return false
			}
			continue
		}
		if p[i] < lo || p[i] > hi {
			u.bad = true
			return false
		}
		need--
		lo, hi = contLo, contHi
	}
	u.need, u.lo, u.hi = need, lo, hi
	return true
}

// Complete reports whether the text may end here: all of it was valid, and no
// code point is cut short.
func (u *UTF8) Complete() bool { return !u.bad && u.need == 0 }

// Reset makes u ready for the beginning of a text.
func (u *UTF8) Reset() { *u = UTF8{} }

// lastLead returns the offset of the lead byte among the last three bytes of p,
// or len(p) when there is none, so that nothing can be cut short at the end.
func lastLead(p []byte) int {
	for i := len(p) - 1; i >= 0 && i >= len(p)-3; i-- {
		switch {
		case p[i] >= 0xc0:
			return i
		case p[i] < utf8.RuneSelf:
			return len(p)
		}
	}
	return len(p)
}

// asciiPrefix returns how many ASCII bytes p begins with.
func asciiPrefix(p []byte) int {
	n := 0
	for len(p)-n >= 8 && binary.LittleEndian.Uint64(p[n:])&0x8080808080808080 == 0 {
		n += 8
	}
	for n < len(p) && p[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// lead returns how many bytes follow the lead byte b, and the bounds of the
// first of them (RFC 3629, section 4). The bounds shut out what has a shorter
// form (after e0 and f0), surrogates (after ed) and what lies beyond U+10FFFF
// (after f4). If b cannot begin a code point of several bytes, need is 0.
func lead(b byte) (need, lo, hi uint8) {
	switch {
	case b < 0xc2: // a continuation byte, or c0 and c1, which only say ASCII at length
		return 0, 0, 0
	case b < 0xe0:
		return 1, contLo, contHi
	case b == 0xe0:
		return 2, 0xa0, contHi
	case b == 0xed:
		return 2, contLo, 0x9f
	case b < 0xf0:
		return 2, contLo, contHi
	case b == 0xf0:
		return 3, 0x90, contHi
	case b < 0xf4:
		return 3, contLo, contHi
	case b == 0xf4:
		return 3, contLo, 0x8f
	}
	return 0, 0, 0
}
