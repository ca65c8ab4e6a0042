package frame_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/frame"
)

// texts has, for each string, the offset of the first byte that can't be
// right, or -1.
var texts = []struct {
	wire string
	bad  int
}{
	{"", -1},
	{"48 65 6c 6c 6f", -1},
	{"00 7f", -1},
	{"ce ba e1 bd b9 cf 83 ce bc ce b5", -1},
	{"c2 80 df bf", -1},
	{"e0 a0 80 ef bf bf", -1},
	{"ed 9f bf ee 80 80", -1},
	{"f0 90 80 80 f4 8f bf bf", -1},
	{"f3 bf bf bf", -1},
	{"ef bb bf 41", -1}, // a byte order mark is text like any other
	{"ce", -1},          // not complete, but not wrong
	{"e1 bd", -1},
	{"f0 9f 98", -1},
	{"80", 0},
	{"bf", 0},
	{"c0 af", 0}, // overlong
	{"c1 bf", 0},
	{"e0 80 80", 1},
	{"e0 9f bf", 1},
	{"f0 80 80 80", 1},
	{"f0 8f bf bf", 1},
	{"ed a0 80", 1}, // surrogates
	{"ed bf bf", 1},
	{"f4 90 80 80", 1}, // beyond U+10FFFF
	{"f5 80 80 80", 0},
	{"fe", 0},
	{"ff", 0},
	{"ce 41", 1},
	{"ce ce", 1},
	{"e1 80 41", 2},
	{"e1 80 c0", 2},
	{"f1 80 80 7f", 3},
	{"f1 80 80 80 80", 4},
	{"61 62 63 64 65 66 67 ce ba", -1},
	{"61 62 63 64 65 66 67 68 ff", 8},
	{"61 62 63 64 65 66 67 68 61 62 63 64 65 66 67 80", 15},
	{"f0 9f 98 80 61 62 63 64 65 66 67 68 61 e2 82 ac ed a0", 17},
}

// TestUTF8 proves 5.6-1, 8.1-1 and 8.1-2: every text of the table whole, split
// at every pair of places, and byte by byte, where the failure comes with the
// first byte that can't be right.
func TestUTF8(t *testing.T) {
	for _, v := range texts {
		t.Run(v.wire, func(t *testing.T) {
			b := wire(t, v.wire)
			require.Equal(t, utf8.Valid(b), frame.ValidUTF8(b))
			for i := 0; i <= len(b); i++ {
				for j := i; j <= len(b); j++ {
					var u frame.UTF8
					ok := u.Check(b[:i])
					require.Equal(t, v.bad < 0 || v.bad >= i, ok)
					ok = u.Check(b[i:j])
					require.Equal(t, v.bad < 0 || v.bad >= j, ok)
					ok = u.Check(b[j:])
					require.Equal(t, v.bad < 0, ok)
					require.Equal(t, utf8.Valid(b), u.Complete())
					require.Equal(t, ok, u.Check(nil), "a verdict stays")

					u.Reset()
					require.True(t, u.Complete())
					require.True(t, u.Check([]byte("abc")))
				}
			}
			var u frame.UTF8
			for i := range b {
				require.Equal(t, v.bad < 0 || i < v.bad, u.Check(b[i:i+1]), "byte %d", i)
				require.Equal(t, utf8.Valid(b[:i+1]), u.Complete(), "byte %d", i)
			}
		})
	}
}

// TestUTF8Runes proves 5.6-1 for all code points, split at every place.
func TestUTF8Runes(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		b := utf8.AppendRune(nil, r)
		for i := range b {
			var u frame.UTF8
			if !u.Check(b[:i]) || u.Complete() != (i == 0) || !u.Check(b[i:]) || !u.Complete() {
				t.Fatalf("%U split at %d", r, i)
			}
		}
	}
}

// canBegin is the slow second opinion: whether some valid text begins with b,
// found by trying all there is to try after the last whole code point.
func canBegin(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			break
		}
		b = b[n:]
	}
	if len(b) == 0 || utf8.Valid(b) {
		return true
	}
	for _, c := range []byte{0x80, 0x90, 0xa0} { // one from each range a second byte may be narrowed to
		for _, tail := range [][]byte{{c}, {c, 0x80}, {c, 0x80, 0x80}} {
			if utf8.Valid(append(b[:len(b):len(b)], tail...)) {
				return true
			}
		}
	}
	return false
}

// TestUTF8Earliest proves 8.1-1 on all pairs of bytes, and on all triples and
// quadruples at the edges of the ranges: no failure late, none early.
func TestUTF8Earliest(t *testing.T) {
	check := func(b ...byte) {
		var u frame.UTF8
		if got, want := u.Check(b), canBegin(b); got != want {
			t.Fatalf("% x: got %v, want %v", b, got, want)
		}
		if got, want := u.Complete(), utf8.Valid(b); got != want {
			t.Fatalf("% x: complete: got %v, want %v", b, got, want)
		}
	}
	for a := range 256 {
		check(byte(a))
		for b := range 256 {
			check(byte(a), byte(b))
		}
	}
	edges := []byte{0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xf0, 0xf4, 0xff}
	for a := range 256 {
		for _, b := range edges {
			for _, c := range edges {
				check(byte(a), b, c)
				for _, d := range edges {
					check(byte(a), b, c, d)
				}
			}
		}
	}
}

func TestUTF8ASCIIRuns(t *testing.T) {
	for n := range 40 {
		for at := range n {
			b := bytes.Repeat([]byte("a"), n)
			b[at] = 0xff
			var u frame.UTF8
			require.True(t, u.Check(b[:at]))
			require.False(t, u.Check(b[at:]))
			u.Reset()
			require.False(t, u.Check(b))
			require.False(t, u.Complete())
		}
	}
}

func TestUTF8Allocs(t *testing.T) {
	b := []byte(strings.Repeat("aκ😀", 100))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		var u frame.UTF8
		u.Check(b)
		frame.ValidUTF8(b)
	}))
}

func BenchmarkUTF8(b *testing.B) {
	for name, s := range map[string]string{"ascii": "plain ascii text", "mixed": "κόσμε, 世界 and 😀"} {
		for _, size := range []int{16, 125, 1024, 16384, 1 << 20} {
			p := []byte(strings.Repeat(s, size/len(s)+1)[:size])
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var u frame.UTF8
				for b.Loop() {
					u.Reset()
					u.Check(p)
				}
			})
		}
	}
}
