package handshake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

var (
	errBareLineEnd = errors.New("a line does not end in CR LF")
	errFold        = errors.New("a header field is folded or begins with a space")
	errFieldName   = errors.New("a header field name is not a token")
	errFieldValue  = errors.New("a header field value has a control character")
	errStartLine   = errors.New("the first line is malformed")
)

// span is the part b[from:to] of a head. No head is longer than that can say.
type span struct{ from, to uint32 }

// scanHead reads the head of a message in one pass and calls each for its
// fields (RFC 7230, section 3.2), with the whitespace around a value left out.
// It returns where the first line ends and where the head does, with its blank
// line. Nothing is copied: who sends a head byte by byte, or rubbish, costs no
// memory. It returns ErrIncomplete while there is more to come, unless a line is
// broken already.
func scanHead(b []byte, each func(k known, name, value span)) (first, end int, err error) {
	b = b[:min(uint64(len(b)), math.MaxUint32)]
	first, err = lineEnd(b, 0)
	switch err {
	case nil:
	case ErrIncomplete, errBareLineEnd:
		return 0, 0, err
	default:
		return 0, 0, errStartLine
	}
	for at := first + 2; ; {
		colon := at + bytes.IndexByte(b[at:], ':')
		k := unknown
		if colon > at {
			k = fieldNamed(b[at:colon])
		}
		if colon <= at || k == unknown && !isToken(b[at:colon]) {
			end, err := headEnd(b, at) // or a space before the colon, which is in the name
			return first, end, err
		}
		end, err := lineEnd(b, colon+1)
		if err != nil {
			return 0, 0, err
		}
		from, to := colon+1, end
		for from < to && isSpace(b[from]) {
			from++
		}
		for from < to && isSpace(b[to-1]) {
			to--
		}
		each(k, span{uint32(at), uint32(colon)}, span{uint32(from), uint32(to)})
		at = end + 2
	}
}

// headEnd reads the line at b[at] that is no header field: it is blank, broken,
// or not there in full.
func headEnd(b []byte, at int) (int, error) {
	end, err := lineEnd(b, at)
	switch {
	case err != nil:
		return 0, err
	case end == at:
		return end + 2, nil
	case isSpace(b[at]):
		return 0, errFold
	}
	return 0, errFieldName
}

// lineEnd returns where the line that goes on at b[at] has its CR LF.
func lineEnd(b []byte, at int) (int, error) {
	end := controlAt(b, at)
	if end+1 < len(b) && b[end] == '\r' && b[end+1] == '\n' {
		return end, nil
	}
	switch {
	case end == len(b), end+1 == len(b) && b[end] == '\r':
		return 0, ErrIncomplete
	case b[end] == '\n':
		return 0, errBareLineEnd
	}
	return 0, errFieldValue
}

// controlAt returns the index of the first control character but the tab at
// b[at] or behind it, len(b) when there is none. It looks at 8 bytes at a time:
// the lowest bit that is left in m is in the first byte that is below a space or
// 0x7f, for a borrow only ever comes from such a byte.
func controlAt(b []byte, at int) int {
	const every = 0x0101010101010101
	for at+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[at:])
		del := x ^ 0x7f*every
		m := ((x-' '*every)&^x | (del-every)&^del) & (0x80 * every)
		if m == 0 {
			at += 8
			continue
		}
		at += bits.TrailingZeros64(m) / 8
		if b[at] != '\t' {
			return at
		}
		at++
	}
	for at < len(b) && validByte(b[at]) {
		at++
	}
	return at
}
