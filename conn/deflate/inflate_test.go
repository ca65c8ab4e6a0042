package deflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn/deflate"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// inflate inflates one message, the source in pieces of at most in bytes, the
// destination in pieces of at most out.
func inflate(d *deflate.Decompressor, src []byte, in, out int) ([]byte, error) {
	var got []byte
	dst := make([]byte, out)
	for {
		piece := src[:min(in, len(src))]
		n, used, done, err := d.Inflate(dst, piece, len(piece) == len(src))
		got = append(got, dst[:n]...)
		if err != nil || done {
			return got, err
		}
		if n < len(dst) && used < len(piece) {
			panic("neither is dst full nor is src used up")
		}
		src = src[used:]
	}
}

// Messages of RFC 7692, section 7.2.3, and others like them; those of one
// vector follow each other on a connection.
var vectors = []struct {
	name string
	in   []string
	want []string
}{
	{"7692:7.2.1-1 one block", []string{"f2 48 cd c9 c9 07 00"}, []string{"Hello"}},
	{"7692:7.2.1-9 7692:7.2.2-3 sliding window", []string{"f2 48 cd c9 c9 07 00", "f2 00 11 00 00"}, []string{"Hello", "Hello"}},
	{"7692:7.2.1-2 stored block", []string{"00 05 00 fa ff 48 65 6c 6c 6f 00"}, []string{"Hello"}},
	{"7692:7.2.1-3 final block", []string{"f3 48 cd c9 c9 07 00 00"}, []string{"Hello"}},
	{"7692:7.2.1-2 two blocks", []string{"f2 48 05 00 00 00 ff ff ca c9 c9 07 00"}, []string{"Hello"}},
	{"7692:7.2.1-3 7692:7.2.1-4 blocks behind a final one", []string{"f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00 05 00 fa ff 48 65 6c 6c 6f 00", "f2 00 11 00 00"}, []string{"HelloHelloHello", "Hello"}},
	{"7692:7.2.1-3 a stored final block before others", []string{"01 05 00 fa ff 48 65 6c 6c 6f f2 48 cd c9 c9 07 00"}, []string{"HelloHello"}},
	{"ends with a final block", []string{"f3 48 cd c9 c9 07 00", "f2 00 11 00 00"}, []string{"Hello", "Hello"}},
	{"7692:7.2.3-2 empty", []string{"f2 48 cd c9 c9 07 00", "00", "f2 00 11 00 00"}, []string{"Hello", "", "Hello"}},
	{"no bytes at all", []string{"f2 48 cd c9 c9 07 00", "", "f2 00 11 00 00"}, []string{"Hello", "", "Hello"}},
	{"empty blocks", []string{"02 00 00 00 ff ff 02 00 00 00 ff ff 00"}, []string{""}},
}

// Every vector gives the same, whatever the pieces of source and destination.
// Proves 7692:6.2-1 and 7692:7.2.2-1.
func TestVectors(t *testing.T) {
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			for in := 1; in < 20; in++ {
				for out := 1; out < 20; out++ {
					d := deflate.NewDecompressor(15, true)
					for i := range tt.in {
						got, err := inflate(&d, unhex(tt.in[i]), in, out)
						require.NoError(t, err)
						require.Equal(t, tt.want[i], string(got), "pieces of %d and %d", in, out)
					}
				}
			}
		})
	}
}

func TestCorrupt(t *testing.T) {
	for name, in := range map[string]string{
		"reserved type of block":      "06",
		"complement":                  "00 05 00 fa fe 48 65 6c 6c 6f 00",
		"distance before everything":  "f2 00 11 00 00",
		"287 lengths of codes":        "f4 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
		"symbol 286 of the fixed":     "1b 03 00 00",
		"over-subscribed":             "04 00 fe ff ff ff ff ff ff ff ff ff ff",
		"cut in a stored block":       "00 05 00 fa ff 48 65",
		"cut in a block":              "f2 48 cd c9",
		"7692:7.2.2-1 tail not cut":   "f2 48 cd c9 c9 07 00 00 00 ff ff",
		"ends with an ordinary block": "00 05 00 fa ff 48 65 6c 6c 6f",
		"garbage":                     "ff ff ff ff ff ff",
	} {
		t.Run(name, func(t *testing.T) {
			for piece := 1; piece < 12; piece++ {
				d := deflate.NewDecompressor(15, true)
				_, err := inflate(&d, unhex(in), piece, 100)
				require.ErrorIs(t, err, deflate.ErrCorrupt)
				// It stays so: the peer's window is not known any more.
				_, err = inflate(&d, unhex("f2 48 cd c9 c9 07 00"), 100, 100)
				require.ErrorIs(t, err, deflate.ErrCorrupt)
			}
		})
	}
}

// texts are payloads of many kinds.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(7692, 1))
	random := make([]byte, 70_000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	few := make([]byte, 70_000)
	for i := range few {
		few[i] = "abcd"[r.IntN(4)]
	}
	var words bytes.Buffer
	for words.Len() < 80_000 {
		words.WriteString(strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(8)))
		words.WriteString(`,"id":`)
		words.WriteString(hex.EncodeToString(random[r.IntN(50_000):][:4]))
	}
	return map[string][]byte{
		"one byte": {7}, "three": []byte("abc"), "zeros": make([]byte, 100_000), "random": random,
		"few": few, "words": words.Bytes(), "short": words.Bytes()[:100],
		"skewed": bytes.Repeat(append(bytes.Repeat([]byte{1}, 5000), random[:2000]...), 5),
	}
}

// What compress/flate and this package's compressor write is inflated right,
// in pieces of every size; two messages share a window.
func TestDifferential(t *testing.T) {
	for name, p := range texts() {
		t.Run(name, func(t *testing.T) {
			for level := -2; level <= 9; level++ {
				var z bytes.Buffer
				w, err := flate.NewWriter(&z, level)
				require.NoError(t, err)
				d := deflate.NewDecompressor(15, true)
				for i := range 2 {
					z.Reset()
					w.Write(p)
					w.Flush()
					src := z.Bytes()[:z.Len()-4]
					in, out := 1+len(src)/(1+level&3), 1+len(p)/(1+i*7)
					got, err := inflate(&d, src, in, out)
					require.NoError(t, err)
					require.True(t, bytes.Equal(p, got), "level %d", level)
				}
			}
			for level := 1; level <= 9; level += 2 {
				for bits := 9 - level&2/2; bits <= 15; bits += 2 {
					o := deflate.Options{Level: level}
					c := o.Compressor(bits, true)
					var stream []byte
					d := deflate.NewDecompressor(bits, true)
					for i := range 2 {
						z, err := c.Compress(nil, p)
						require.NoError(t, err)
						stream = append(stream, z...)
						got, err := inflate(&d, z[:len(z)-4], 1+len(z)/(1+level), 1+len(p)/(1+i*7))
						require.NoError(t, err)
						require.True(t, bytes.Equal(p, got), "level %d, %d bits", level, bits)
					}
					got, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(stream, 1, 0, 0, 0xff, 0xff))))
					require.NoError(t, err)
					require.True(t, bytes.Equal(append(bytes.Clone(p), p...), got))
				}
			}
		})
	}
}

// A message that was cut at every byte, of the source and of the destination,
// is the same one. Dynamic, fixed and stored blocks are in it.
func TestEverySplit(t *testing.T) {
	var z bytes.Buffer
	var want []byte
	for i, level := range []int{9, 0, 9, -2} {
		w, _ := flate.NewWriter(&z, level)
		p := texts()["words"][i*500 : (i+1)*500]
		w.Write(p)
		w.Close() // a final block each
		want = append(want, p...)
	}
	src := z.Bytes()
	for cut := range src {
		d := deflate.NewDecompressor(9, false)
		dst := make([]byte, 3000)
		n, used, done, err := d.Inflate(dst, src[:cut], false)
		require.NoError(t, err)
		require.Equal(t, cut, used)
		require.False(t, done)
		m, _, done, err := d.Inflate(dst[n:], src[cut:], true)
		require.NoError(t, err)
		require.True(t, done)
		require.True(t, bytes.Equal(want, dst[:n+m]), "cut at %d", cut)
	}
	for cut := range want {
		d := deflate.NewDecompressor(15, false)
		dst := make([]byte, 3000)
		n, used, done, err := d.Inflate(dst[:cut], src, true)
		require.NoError(t, err)
		require.Equal(t, cut, n)
		require.False(t, done)
		m, _, done, err := d.Inflate(dst[n:], src[used:], true)
		require.NoError(t, err)
		require.True(t, done)
		require.True(t, bytes.Equal(want, dst[:n+m]), "destination cut at %d", cut)
	}
}

// What inflates to much takes the memory of the
// destination and of a pooled inflater, whatever there is of it.
func TestBomb(t *testing.T) {
	var z bytes.Buffer
	w, _ := flate.NewWriter(&z, 9)
	zeros := make([]byte, 1<<20)
	for range 1 << 6 {
		w.Write(zeros)
	}
	w.Flush()
	src := z.Bytes()[:z.Len()-4]
	d := deflate.NewDecompressor(15, true)
	dst := make([]byte, 16<<10)
	inflate(&d, unhex("00"), 1, 1) // the pool has one now
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	total := 0
	for done := false; !done; {
		n, used, end, err := d.Inflate(dst, src, true)
		require.NoError(t, err)
		src, done, total = src[used:], end, total+n
	}
	runtime.ReadMemStats(&after)
	require.Equal(t, 1<<26, total)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(256<<10))
}
