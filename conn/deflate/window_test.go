package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// stream writes data, and then a match of four bytes at a distance.
func stream(data []byte, dist int) []byte {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.begin(nil)
	for ; len(data) > 8000; data = data[8000:] {
		e.literals(data[:8000])
		e.block(data[:8000])
	}
	e.literals(data)
	e.match(4, dist)
	e.block(make([]byte, 1<<20)) // too large to be stored
	return e.finish()
}

// A distance of exactly the agreed window is right, one byte more is not,
// wherever the data lies: in the destination or in the window.
// Proves 7692:7.2.2-4 and 7692:7.2.2-5.
func TestDistanceLimit(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for over := range 2 {
			size := 1 << bits
			data := noise(size + 1)
			if size+over > 1<<MaxWindowBits {
				continue // no distance is that long
			}
			src := stream(data, size+over)
			for _, out := range []int{2 * size, 100} {
				d := NewDecompressor(bits, true)
				var got []byte
				dst := make([]byte, out)
				rest := src[:len(src)-4]
				for {
					n, used, done, err := d.Inflate(dst, rest, true)
					got, rest = append(got, dst[:n]...), rest[used:]
					if over == 1 && err != nil {
						require.ErrorIs(t, err, errDistance)
						break
					}
					require.NoError(t, err)
					if done {
						require.Zero(t, over, "a distance beyond %d bits was taken", bits)
						require.Equal(t, append(data, data[1:5]...), got)
						break
					}
				}
			}
		}
	}
}

// periodic is data that repeats every n bytes.
func periodic(n int) []byte { return bytes.Repeat(noise(n), 4) }

// Everything that is compressed can be inflated by who has exactly the agreed
// window, whichever repetitions there are: at the window's size they are used,
// one byte beyond they are not. A decompressor of half the window shows that
// the test can tell; TestDistanceLimit, that it can tell one byte. Proves 7692:7.2.1-6, 7692:7.2.1-9 and
// 7692:7.1.2.1-2: there is no window that a server could not keep to.
func TestWindowLimit(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for _, level := range []int{1, 3, 9} {
			for _, period := range []int{1 << bits, 1<<bits - 1, 1<<bits + 1, 1<<bits + 7, 1 << (bits - 1)} {
				t.Run(fmt.Sprintf("%d bits, level %d, period %d", bits, level, period), func(t *testing.T) {
					c := newCompressor(level, bits, true)
					d := NewDecompressor(bits, true)
					half := NewDecompressor(max(bits-1, MinWindowBits), true)
					halfFailed := false
					whole, size := 0, 0
					for msg := range messages(periodic(period)) {
						z, err := c.Compress(nil, msg)
						require.NoError(t, err)
						size += len(z)
						dst := make([]byte, len(msg)+1)
						n, _, done, err := d.Inflate(dst, z[:len(z)-4], true)
						require.NoError(t, err)
						require.True(t, done)
						require.True(t, bytes.Equal(msg, dst[:n]))
						whole += n
						_, _, _, err = half.Inflate(dst, z[:len(z)-4], true)
						halfFailed = halfFailed || err != nil
					}
					reached := period <= 1<<bits
					if reached {
						require.Less(t, size, whole*2/3, "repetitions within the window are used")
						if bits > MinWindowBits && period > 1<<(bits-1) {
							require.True(t, halfFailed, "half the window would do")
						}
					} else {
						require.Greater(t, size, whole, "noise without repetitions")
					}
				})
			}
		}
	}
}

// messages cuts p into messages of growing size.
func messages(p []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for n := 100; len(p) > 0; n = n*3/2 + 1 {
			m := min(n, len(p))
			if !yield(p[:m]) {
				return
			}
			p = p[m:]
		}
	}
}

// Proves 7692:7.2.1-1 and 7692:7.2.1-8.
func TestCompressHello(t *testing.T) {
	for level := 1; level <= 9; level++ {
		c := newCompressor(level, 15, true)
		z, err := c.Compress(nil, []byte("Hello"))
		require.NoError(t, err)
		require.Equal(t, "f248cdc9c907000000ffff", fmt.Sprintf("%x", z))
		again, err := c.Compress(nil, []byte("Hello"))
		require.NoError(t, err)
		require.Less(t, len(again), len(z))
		c.Reset()
		fresh, err := c.Compress([]byte("before "), []byte("Hello"))
		require.NoError(t, err)
		require.Equal(t, "before "+string(z), string(fresh))
	}
}

// Without context takeover equal messages give equal bytes, whatever the
// memory was used for before. Proves 7692:7.2.1-7.
func TestCompressAlone(t *testing.T) {
	p := periodic(3000)
	for level := 1; level <= 9; level++ {
		for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
			var want []byte
			for i := range 3 {
				c := newCompressor(level, bits, false)
				got, err := c.Compress(nil, p)
				require.NoError(t, err)
				if i == 0 {
					want = got
				}
				require.True(t, bytes.Equal(want, got))
				_, err = c.Compress(nil, noise(70_000*i+1))
				require.NoError(t, err)
				c.Close()
			}
		}
	}
}

// Long streams pass the place where positions begin again at zero.
func TestCompressLong(t *testing.T) {
	for _, level := range []int{1, 6} {
		for _, bits := range []int{8, 12, 15} {
			c := newCompressor(level, bits, true)
			d := NewDecompressor(bits, true)
			r := rand.New(rand.NewPCG(3, 4))
			base := periodic(200)
			dst := make([]byte, 1<<16)
			for range 300 {
				p := bytes.Clone(base[:r.IntN(len(base))+1])
				p[r.IntN(len(p))]++
				p = bytes.Repeat(p, 1+r.IntN(20))
				z, err := c.Compress(nil, p)
				require.NoError(t, err)
				n, _, done, err := d.Inflate(dst, z[:len(z)-4], true)
				require.NoError(t, err)
				require.True(t, done)
				require.True(t, bytes.Equal(p, dst[:n]))
			}
		}
	}
}

// Codes of every shape are complete and within their bound; compress/flate
// takes the blocks that they make.
func TestHuffman(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	fibonacci := make([]uint32, 24)
	for i := range fibonacci {
		fibonacci[i] = 1
		if i > 1 {
			fibonacci[i] = fibonacci[i-1] + fibonacci[i-2]
		}
	}
	for round := range 300 {
		counts := make([]uint32, 1+r.IntN(numLit))
		for i := range counts {
			if r.IntN(3) > 0 {
				counts[i] = 1 + uint32(r.Uint64()>>(50+r.IntN(14)))
			}
		}
		if round == 0 {
			counts = fibonacci // the deepest tree there is
		}
		for _, limit := range []int{7, 15} {
			if len(counts) > 1<<limit {
				continue
			}
			codes := make([]code, len(counts))
			var scratch [2][numLit]uint32
			huffman(codes, counts, limit, &scratch)
			sum, used := 0, 0
			for i, c := range codes {
				require.Equal(t, counts[i] > 0, c.len > 0)
				require.LessOrEqual(t, int(c.len), limit)
				if c.len > 0 {
					used++
					sum += 1 << (limit - int(c.len))
				}
			}
			if used > 1 {
				require.Equal(t, 1<<limit, sum, "round %d", round)
			}
		}
	}
}

// What a connection keeps, in bytes; the documentation has these figures.
// Proves 7692:7.2.2-2.
func TestKeptMemory(t *testing.T) {
	p := bytes.Repeat([]byte("a message of a kilobyte or so, "), 33)
	for _, tt := range []struct{ level, bits, messages, compressor, window int }{
		{1, 15, 1000, 80 << 10, 32 << 10},
		{6, 15, 1000, 144 << 10, 32 << 10},
		{1, 15, 4, 18 << 10, 4 << 10}, // a quiet connection
		{1, 12, 1000, 10 << 10, 4 << 10},
		{6, 12, 1000, 18 << 10, 4 << 10},
		{1, 9, 1000, 4 << 10, 512},
	} {
		c := newCompressor(tt.level, tt.bits, true)
		d := NewDecompressor(tt.bits, true)
		dst := make([]byte, 2*len(p))
		for i := range tt.messages {
			z, _ := c.Compress(nil, append(noise(1), append(p[:1000:1000], byte(i))...))
			d.Inflate(dst, z[:len(z)-4], true)
		}
		kept := cap(c.buf) + 2*cap(c.head) + 2*cap(c.prev)
		t.Logf("level %d, %d bits, after %d messages of 1 KB: the compressor keeps %d bytes, the decompressor %d",
			tt.level, tt.bits, tt.messages, kept, cap(d.win.ring))
		require.LessOrEqual(t, kept, tt.compressor)
		require.LessOrEqual(t, cap(d.win.ring), tt.window)
		require.Nil(t, d.inf)
	}
	d := NewDecompressor(15, false)
	z, _ := newCompressor(1, 15, true).Compress(nil, p)
	d.Inflate(make([]byte, 10), z, false)
	require.NotNil(t, d.win.ring)
	d.Reset()
	require.Nil(t, d.win.ring)
	require.Nil(t, d.inf)
}

var raceEnabled bool // set by race_test.go; the pool drops at random then

func TestNoAllocation(t *testing.T) {
	p := periodic(250)
	z := make([]byte, 0, 4096)
	dst := make([]byte, 4096)
	for _, takeover := range []bool{true, false} {
		for _, level := range []int{1, 6} {
			c := newCompressor(level, 15, takeover)
			d := NewDecompressor(15, takeover)
			step := func() {
				if !takeover {
					c.Close()
					c = newCompressor(level, 15, false)
				}
				out, _ := c.Compress(z, p)
				// Half and half, so that a window is needed in between.
				n, used, _, _ := d.Inflate(dst[:500], out[:len(out)-4], true)
				if _, _, done, err := d.Inflate(dst[n:], out[used:len(out)-4], true); !done || err != nil {
					panic(err)
				}
			}
			for range 200 { // until the windows have grown
				step()
			}
			if allocs := testing.AllocsPerRun(100, step); allocs > 0.5 && !raceEnabled {
				t.Errorf("takeover %v, level %d: %v allocations a message", takeover, level, allocs)
			}
		}
	}
}

// std is compress/flate behind the seam.
type std struct {
	buf bytes.Buffer
	w   *flate.Writer
}

func (s *std) Compress(dst, p []byte) ([]byte, error) {
	s.buf.Reset()
	s.w.Write(p)
	err := s.w.Flush()
	return append(dst, s.buf.Bytes()...), err
}
func (s *std) Reset() { s.w.Reset(&s.buf) }
func (s *std) Close() {}

// A foreign compressor is used where it can keep to the window.
func TestNewCompressor(t *testing.T) {
	o := Options{NewCompressor: func(level, windowBits int) Compressor {
		if windowBits < MaxWindowBits {
			return nil
		}
		s := new(std)
		s.w, _ = flate.NewWriter(&s.buf, level)
		return s
	}}
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		c := o.Compressor(bits, true)
		_, foreign := c.(*std)
		require.Equal(t, bits == MaxWindowBits, foreign)
		p := periodic(1000)
		z, err := c.Compress(nil, p)
		require.NoError(t, err)
		got, _ := io.ReadAll(flate.NewReader(bytes.NewReader(z)))
		require.True(t, bytes.Equal(p, got))
		c.Close()
	}
}

// What the pools have grown to at a peak goes with the garbage.
func TestPoolsShrink(t *testing.T) {
	p := noise(1 << 16)
	heap := func() int {
		runtime.GC()
		runtime.GC() // the second takes what the pools have kept aside
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	var all [30]*compressor
	for i := range all {
		all[i] = newCompressor(6, 15, false)
		_, err := all[i].Compress(nil, p)
		require.NoError(t, err)
	}
	peak := heap()
	require.Greater(t, peak-before, len(all)*100<<10)
	for i, c := range all {
		c.Close()
		all[i] = nil
	}
	require.Less(t, heap()-before, (peak-before)/10)
}
