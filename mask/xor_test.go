package mask

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// implementation is one way to compute dst = src XOR word, which stands at the
// position 0, and to see whether dst is ASCII: high is zero then.
type implementation struct {
	name string
	xor  func(dst, src []byte, word uint32) (high uint64)
}

// implementations returns all that this build has; they must agree.
func implementations() []implementation {
	all := []implementation{
		{"xor", func(dst, src []byte, word uint32) uint64 {
			xor(dst, src, word, 0)
			return 0
		}},
		{"XORASCII", seen},
		long("generic", xorGeneric),
	}
	return append(all, kernels...)
}

// seen is XORASCII as an implementation.
func seen(dst, src []byte, word uint32) (high uint64) {
	var key Key
	binary.LittleEndian.PutUint32(key[:], word)
	if _, ascii := XORASCII(dst, src, key, 0); ascii {
		return 0
	}
	return 1
}

// long makes an implementation of one that is for payloads longer than maxShort
// only. Shorter ones go the way that is common to all.
func long(name string, kernel func(dst, src []byte, head, tail uint32) uint64) implementation {
	return implementation{name, func(dst, src []byte, word uint32) uint64 {
		if len(src) <= maxShort {
			return seen(dst, src, word)
		}
		return kernel(dst, src, word, bits.RotateLeft32(word, -8*len(src)))
	}}
}

// maxLen is past two rounds of the widest loop, which leaves up to 159 bytes to
// other steps, and every remainder after them.
const maxLen = 3*128 + 159

// reference masks one byte at a time, as RFC 6455, section 5.3 spells it.
func reference(src []byte, key Key, pos int) []byte {
	out := make([]byte, len(src))
	for i := range src {
		out[i] = src[i] ^ key[(pos+i)%4]
	}
	return out
}

// wordAt is the key turned to begin at pos, built apart from the way XOR does.
func wordAt(key Key, pos int) uint32 {
	return binary.LittleEndian.Uint32([]byte{key[pos%4], key[(pos+1)%4], key[(pos+2)%4], key[(pos+3)%4]})
}

func random(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

// Every implementation agrees with the bytewise one for every length, alignment
// and position, in place and as a copy, and leaves the bytes around alone.
// Proves 5.3-5 and 6.2-4.
func TestXORMatchesReference(t *testing.T) {
	const margin = 2 * 32 // past any alignment that a vector could want
	key := Key{0x37, 0xfa, 0x21, 0x3d}
	fresh := random(maxLen + 2*margin)
	src, dst := make([]byte, len(fresh)), make([]byte, len(fresh))
	want := make([]byte, len(fresh))

	for _, impl := range implementations() {
		t.Run(impl.name, func(t *testing.T) {
			check := func(n, align, pos int, how string, got, want []byte) {
				if !bytes.Equal(got, want) {
					require.Equal(t, want, got, "length %d, alignment %d, position %d, %s", n, align, pos, how)
				}
			}
			for n := 0; n <= maxLen; n++ {
				for align := range 32 {
					for pos := range 4 {
						from := margin/2 + align
						masked := reference(fresh[from:from+n], key, pos)
						word := wordAt(key, pos)

						copy(src, fresh)
						copy(want, fresh)
						copy(want[from:], masked)
						impl.xor(src[from:from+n], src[from:from+n], word)
						check(n, align, pos, "in place", src, want)

						// The two sides are aligned alike for some of these
						// only.
						to := margin/2 + (3*align+pos)%32
						copy(src, fresh)
						clear(dst)
						clear(want)
						copy(want[to:], masked)
						impl.xor(dst[to:to+n], src[from:from+n], word)
						check(n, align, pos, "copy", dst, want)
						check(n, align, pos, "source", src, fresh)
					}
				}
			}
		})
	}
}

// Every implementation sees one byte that is no ASCII, wherever it is, and none
// where there is none.
func TestXORSeesASCII(t *testing.T) {
	const word = 0xfedcba98                      // each byte of which makes ASCII something else
	for _, impl := range implementations()[1:] { // xor alone doesn't look
		t.Run(impl.name, func(t *testing.T) {
			for n := range maxLen + 1 {
				text := bytes.Repeat([]byte{0x7f}, n)
				src, dst := make([]byte, n), make([]byte, n)
				xorBytes(src, text, word)
				require.Zero(t, impl.xor(dst, src, word), "length %d", n)
				require.Equal(t, text, dst)
				for i := range src {
					src[i] ^= 0x80
					if impl.xor(dst, src, word) == 0 {
						t.Fatalf("length %d: byte %d is not seen", n, i)
					}
					src[i] ^= 0x80
				}
			}
		})
	}
}

// xorBytes masks with word, one byte at a time.
func xorBytes(dst, src []byte, word uint32) {
	for i := range src {
		dst[i] = src[i] ^ byte(word>>(8*(i%4)))
	}
}

func TestXORASCII(t *testing.T) {
	key := Key{0x80, 0xff, 0, 1}
	for _, tt := range []struct {
		text  string
		ascii bool
	}{
		{"", true}, {"a", true}, {"é", false}, {"Hello", true}, {"Grüße", false},
		{strings.Repeat("~", 1000), true}, {strings.Repeat("~", 999) + "\x80", false},
	} {
		for pos := range 4 {
			masked := make([]byte, len(tt.text))
			next := XOR(masked, []byte(tt.text), key, pos)
			again, ascii := XORASCII(masked, masked, key, pos)
			require.Equal(t, next, again)
			require.Equal(t, tt.text, string(masked))
			require.Equal(t, tt.ascii, ascii, "%.10q at %d", tt.text, pos)
		}
	}
}

// The vector of RFC 6455, section 5.7, whole and cut in two at every place.
func TestXORVector(t *testing.T) {
	key := Key{0x37, 0xfa, 0x21, 0x3d}
	want := []byte{0x7f, 0x9f, 0x4d, 0x51, 0x58}
	for cut := range 6 {
		got := []byte("Hello")
		pos := XOR(got[:cut], got[:cut], key, 0)
		pos = XOR(got[cut:], got[cut:], key, pos)
		require.Equal(t, want, got, "cut at %d", cut)
		require.Equal(t, 1, pos, "cut at %d", cut)
	}
}

// Only the two lowest bits of a position count, whatever its sign and size.
func TestXORPositions(t *testing.T) {
	key := Key{1, 2, 3, 4}
	src := random(67)
	for _, tt := range []struct{ pos, same, next int }{
		{0, 0, 3}, {1, 1, 0}, {2, 2, 1}, {3, 3, 2},
		{4, 0, 3}, {7, 3, 2}, {1 << 20, 0, 3},
		{-1, 3, 2}, {-2, 2, 1}, {-3, 1, 0}, {-4, 0, 3},
		{math.MaxInt, 3, 2}, {math.MinInt, 0, 3},
	} {
		got := make([]byte, len(src))
		next := XOR(got, src, key, tt.pos)
		require.Equal(t, tt.next, next, "next of %d", tt.pos)
		require.Equal(t, reference(src, key, tt.same), got, "position %d", tt.pos)
	}
}

// A payload that comes in pieces of any size is masked as if it came whole.
func TestXORInPieces(t *testing.T) {
	key := Key{0xde, 0xad, 0xbe, 0xef}
	src := random(1000)
	want := reference(src, key, 0)
	for size := 1; size <= len(src); size++ {
		got := make([]byte, len(src))
		for at, pos := 0, 0; at < len(src); at += size {
			end := min(at+size, len(src))
			pos = XOR(got[at:], src[at:end], key, pos)
			require.Equal(t, end&3, pos)
		}
		if !bytes.Equal(got, want) {
			require.Equal(t, want, got, "pieces of %d", size)
		}
	}
}

func TestXORLeavesRestOfLongerDst(t *testing.T) {
	dst := []byte{9, 9, 9, 9}
	require.Equal(t, 2, XOR(dst, []byte{0, 0}, Key{1, 2, 3, 4}, 0))
	require.Equal(t, []byte{1, 2, 9, 9}, dst)
}

func TestXOREmpty(t *testing.T) {
	require.Equal(t, 3, XOR(nil, nil, Key{1, 2, 3, 4}, 3))
	require.Equal(t, 2, XOR([]byte{}, []byte{}, Key{1, 2, 3, 4}, -2))
}

// The panic comes before anything is written, even when there is capacity.
func TestXORPanicsWhenDstIsShort(t *testing.T) {
	backing := make([]byte, 64)
	require.PanicsWithValue(t, "mask: dst is shorter than src", func() {
		XOR(backing[:63], random(64), Key{1, 2, 3, 4}, 0)
	})
	for _, n := range []int{8, 64} {
		require.PanicsWithValue(t, "mask: dst is shorter than src", func() {
			XORASCII(backing[:n-1], random(n), Key{1, 2, 3, 4}, 0)
		})
	}
	require.Equal(t, make([]byte, 64), backing)
}

func TestXORDoesNotAllocate(t *testing.T) {
	for _, n := range []int{7, 125, 4099} {
		buf, key := make([]byte, n), NewKey()
		require.Zero(t, testing.AllocsPerRun(100, func() { XOR(buf, buf, key, 1) }), "length %d", n)
	}
}

func ExampleXOR() {
	key := Key{0x37, 0xfa, 0x21, 0x3d}
	payload := []byte("Hello")

	XOR(payload, payload, key, 0)
	fmt.Printf("%x\n", payload)

	// The same key undoes it; the payload may come in pieces.
	pos := XOR(payload[:2], payload[:2], key, 0)
	XOR(payload[2:], payload[2:], key, pos)
	fmt.Printf("%s\n", payload)
	// Output:
	// 7f9f4d5158
	// Hello
}

func BenchmarkXOR(b *testing.B) {
	for _, impl := range implementations() {
		for _, n := range []int{7, 16, 64, 125, 1024, 4096, 16384, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", impl.name, n), func(b *testing.B) {
				buf := make([]byte, n)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					impl.xor(buf, buf, 0x3d21fa37)
				}
			})
		}
	}
}

// Short payloads of lengths that the processor can't foresee, each in other
// memory: that is what a server with many clients sees.
func BenchmarkXORMixedLengths(b *testing.B) {
	const most = 125 // what fits the smallest header
	memory := make([]byte, 16<<10+most)
	for _, impl := range implementations() {
		b.Run(impl.name, func(b *testing.B) {
			b.ReportAllocs()
			dice := uint64(1)
			for b.Loop() {
				dice = dice*6364136223846793005 + 1442695040888963407
				at := dice >> (64 - 14)
				n := 1 + dice<<14>>32*most>>32
				p := memory[at : at+n]
				impl.xor(p, p, 0x3d21fa37)
			}
		})
	}
}
