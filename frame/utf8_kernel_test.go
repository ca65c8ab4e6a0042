package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// checkLikeTheStandardLibrary checks b whole, and in two pieces cut at cut,
// against utf8.Valid and against a scan byte by byte.
func checkLikeTheStandardLibrary(b []byte, cut int) error {
	want := utf8.Valid(b)
	if got := ValidUTF8(b); got != want {
		return fmt.Errorf("ValidUTF8: got %v, want %v: % x", got, want, b)
	}
	var slow UTF8
	first := slow.scan(b[:cut])
	possible := slow.bad == false && slow.scan(b[cut:])
	var u UTF8
	if got := u.Check(b[:cut]); got != first {
		return fmt.Errorf("first %d bytes: got %v, want %v: % x", cut, got, first, b)
	}
	if got := u.Check(b[cut:]); got != possible {
		return fmt.Errorf("cut at %d: got %v, want %v: % x", cut, got, possible, b)
	}
	if got := u.Complete(); got != want {
		return fmt.Errorf("cut at %d: complete: got %v, want %v: % x", cut, got, want, b)
	}
	return nil
}

// shape returns n bytes of one of a few kinds of valid text, cut off anywhere.
func shape(kind string, n int) []byte {
	return []byte(strings.Repeat(kind, n/len(kind)+1)[:n])
}

var shapes = []string{"a", "é", "世", "😀", "plain ascii, and κόσμε at the end", "a世b😀cé"}

// TestUTF8EveryPlace proves 8.1-1: a wrong byte is found wherever it lies in
// the blocks of the kernel, in every text around it, and at every length.
func TestUTF8EveryPlace(t *testing.T) {
	for _, kernel := range validators() {
		t.Run(kernel.name, func(t *testing.T) {
			kernel.use(t)
			for _, kind := range shapes {
				for n := 0; n <= 200; n++ {
					b := shape(kind, n)
					require.NoError(t, checkLikeTheStandardLibrary(b, n/3))
					for at := range b {
						was := b[at]
						for _, c := range []byte{0x00, 0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xff} {
							b[at] = c
							if err := checkLikeTheStandardLibrary(b, at); err != nil {
								t.Fatal(err)
							}
						}
						b[at] = was
					}
				}
			}
		})
	}
}

// Every sequence of the edges of the ranges, over every place where blocks of
// the kernel meet, and at the end.
func TestUTF8EverySequence(t *testing.T) {
	edges := []byte{0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff}
	for _, kernel := range validators() {
		t.Run(kernel.name, func(t *testing.T) {
			kernel.use(t)
			b := bytes.Repeat([]byte("a"), 132)
			for _, at := range []int{0, 13, 30, 31, 94, 95, 96, 128} {
				for _, w := range edges {
					for _, x := range edges {
						for _, y := range edges {
							for _, z := range []byte{'a', 0x80, 0xbf, 0xc2} {
								copy(b[at:], []byte{w, x, y, z})
								if ValidUTF8(b) != utf8.Valid(b) {
									t.Fatalf("at %d: % x", at, b[at:at+4])
								}
								b[131] = 'a'
							}
						}
					}
				}
				copy(b[at:], "aaaa")
			}
		})
	}
}

// Random bytes that are often nearly text, cut at random.
func TestUTF8Random(t *testing.T) {
	for _, kernel := range validators() {
		t.Run(kernel.name, func(t *testing.T) {
			kernel.use(t)
			r := rand.New(rand.NewPCG(1, 2))
			for range 20_000 {
				b := shape(shapes[r.IntN(len(shapes))], r.IntN(500))
				b = b[r.IntN(len(b)+1):]
				for range r.IntN(3) {
					if len(b) > 0 {
						b[r.IntN(len(b))] = byte(r.Uint32())
					}
				}
				if err := checkLikeTheStandardLibrary(b, r.IntN(len(b)+1)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValidUTF8(b *testing.B) {
	for name, valid := range map[string]func([]byte) bool{"frame": ValidUTF8, "std": utf8.Valid} {
		for kind, s := range map[string]string{"ascii": "plain ascii text", "mixed": "κόσμε, 世界 and 😀"} {
			for _, size := range []int{16, 33, 125, 1024, 16384, 1 << 20} {
				p := shape(s, size)
				if !utf8.Valid(p) {
					p = p[:lastLead(p)]
				}
				b.Run(fmt.Sprintf("%s/%s/%d", kind, name, size), func(b *testing.B) {
					b.SetBytes(int64(len(p)))
					b.ReportAllocs()
					for b.Loop() {
						if !valid(p) {
							b.Fatal("valid text refused")
						}
					}
				})
			}
		}
	}
}
