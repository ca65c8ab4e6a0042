package deflate_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed24abed78/rfc6455/conn/deflate"
)

// trades is messages of JSON, each of n bytes, such as an exchange sends: more
// of them than a window holds.
func trades(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	messages := make([][]byte, max(64, 1<<20/n))
	for i := range messages {
		var b bytes.Buffer
		b.WriteString(`{"type":"trades","data":[`)
		for b.Len() < n {
			fmt.Fprintf(&b, `{"id":%d,"symbol":"%s","price":%.2f,"size":%d,"side":"%s","time":"2026-11-%02dT%02d:%02d:%02d.%03dZ"},`,
				r.IntN(1e9), []string{"BTC-USD", "ETH-EUR", "SOL-USD"}[r.IntN(3)], r.Float64()*50000, r.IntN(1000),
				[]string{"buy", "sell"}[r.IntN(2)], 1+r.IntN(30), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000))
		}
		messages[i] = b.Bytes()[:n]
	}
	return messages
}

// BenchmarkCompress compares the levels, and compress/flate for those that are
// closest in size. "ratio" is compressed to plain bytes.
func BenchmarkCompress(b *testing.B) {
	for _, size := range []int{64, 128, 256, 1024, 16384} {
		messages := trades(size)
		for _, takeover := range []bool{true, false} {
			for _, level := range []int{1, 3, 6, 9} {
				b.Run(fmt.Sprintf("own/size=%d/takeover=%v/level=%d", size, takeover, level), func(b *testing.B) {
					o := deflate.Options{Level: level}
					c := o.Compressor(15, takeover)
					b.SetBytes(int64(size))
					b.ReportAllocs()
					var z []byte
					var in, out int
					for i := 0; b.Loop(); i++ {
						if !takeover {
							c.Close()
							c = o.Compressor(15, false)
						}
						p := messages[i%len(messages)]
						z, _ = c.Compress(z[:0], p)
						in, out = in+len(p), out+len(z)-4
					}
					b.ReportMetric(float64(out)/float64(in), "ratio")
				})
				b.Run(fmt.Sprintf("std/size=%d/takeover=%v/level=%d", size, takeover, level), func(b *testing.B) {
					var z bytes.Buffer
					w, _ := flate.NewWriter(&z, level)
					b.SetBytes(int64(size))
					b.ReportAllocs()
					var in, out int
					for i := 0; b.Loop(); i++ {
						z.Reset()
						if !takeover {
							w.Reset(&z)
						}
						p := messages[i%len(messages)]
						w.Write(p)
						w.Flush()
						in, out = in+len(p), out+z.Len()-4
					}
					b.ReportMetric(float64(out)/float64(in), "ratio")
				})
			}
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{64, 1024, 16384} {
		for _, takeover := range []bool{true, false} {
			var streams [][]byte
			o := deflate.Options{Level: 6}
			c := o.Compressor(15, takeover)
			for _, p := range trades(size) {
				if !takeover {
					c.Reset()
				}
				z, _ := c.Compress(nil, p)
				streams = append(streams, z[:len(z)-4])
			}
			b.Run(fmt.Sprintf("own/size=%d/takeover=%v", size, takeover), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				dst := make([]byte, size+300)
				d := deflate.NewDecompressor(15, takeover)
				for i := 0; b.Loop(); i++ {
					if i%len(streams) == 0 {
						d = deflate.NewDecompressor(15, takeover)
					}
					if _, _, done, err := d.Inflate(dst, streams[i%len(streams)], true); !done || err != nil {
						b.Fatal(done, err)
					}
				}
			})
			b.Run(fmt.Sprintf("std/size=%d/takeover=%v", size, takeover), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				dst := make([]byte, size)
				r := flate.NewReader(nil)
				var src bytes.Reader
				var dict []byte
				for i := 0; b.Loop(); i++ {
					k := i % len(streams)
					if k == 0 || !takeover {
						dict = dict[:0]
					}
					src.Reset(append(streams[k][:len(streams[k]):len(streams[k])], 0, 0, 0xff, 0xff))
					r.(flate.Resetter).Reset(&src, dict)
					for n := 0; n < len(dst); {
						m, err := r.Read(dst[n:])
						if n += m; err != nil && n < len(dst) {
							b.Fatal(err)
						}
					}
					if takeover {
						dict = append(dict, dst...)
						dict = dict[max(0, len(dict)-1<<15):]
					}
				}
			})
		}
	}
}
