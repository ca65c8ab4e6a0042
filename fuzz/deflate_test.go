package fuzz

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"testing"

	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/handshake"
)

// inflateIn inflates one message, the source and the destination in pieces.
func inflateIn(t *testing.T, d *deflate.Decompressor, src []byte, in, out, limit int) ([]byte, error) {
	var got []byte
	dst := make([]byte, out)
	for {
		piece := src[:min(in, len(src))]
		n, used, done, err := d.Inflate(dst, piece, len(piece) == len(src))
		got = append(got, dst[:n]...)
		switch {
		case err != nil || done || len(got) > limit:
			return got, err
		case n < len(dst) && used < len(piece):
			t.Fatalf("wrote %d of %d and used %d of %d bytes, and stopped", n, len(dst), used, len(piece))
		}
		src = src[used:]
	}
}

// FuzzInflate inflates any bytes, whole and in pieces, which must give the same
// bytes and verdict; compress/flate is the second opinion on the bytes.
func FuzzInflate(f *testing.F) {
	for _, seed := range []string{
		"", "\x00", "\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
		"\x00\x05\x00\xfa\xffHello\x00", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
		"\xf2\x00\x11\x00\x00",
	} {
		f.Add([]byte(seed), uint8(1), uint8(1))
	}
	for _, level := range []int{-2, 0, 1, 9} {
		var z bytes.Buffer
		w, _ := flate.NewWriter(&z, level)
		w.Write(bytes.Repeat([]byte("to be or not to be, "), 40))
		w.Flush()
		f.Add(z.Bytes()[:z.Len()-4], uint8(7), uint8(30))
	}
	const limit = 1 << 20
	f.Fuzz(func(t *testing.T, src []byte, in, out uint8) {
		whole := deflate.NewDecompressor(15, true)
		want, wantErr := inflateIn(t, &whole, src, len(src)+1, limit, limit)
		pieces := deflate.NewDecompressor(15, true)
		got, err := inflateIn(t, &pieces, src, int(in)+1, int(out)+1, limit)
		if len(want) > limit || len(got) > limit {
			return
		}
		if (err == nil) != (wantErr == nil) || err != nil && !errors.Is(err, deflate.ErrCorrupt) {
			t.Fatalf("whole: %v, in pieces: %v", wantErr, err)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("whole: %x, in pieces: %x", want, got)
		}
		if err != nil || len(src) == 0 {
			return
		}
		// compress/flate stops at a final block, and there is one behind all.
		std, stdErr := io.ReadAll(flate.NewReader(bytes.NewReader(append(bytes.Clone(src), 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff))))
		if stdErr != nil {
			t.Fatalf("compress/flate: %v", stdErr)
		}
		if !bytes.HasPrefix(want, std) {
			t.Fatalf("got %x, compress/flate has %x", want, std)
		}
	})
}

// FuzzDeflate compresses any two messages with every setting, and inflates
// them with exactly the agreed window, and with compress/flate.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("Hello"), []byte("Hello"), uint8(0))
	f.Add(bytes.Repeat([]byte("abcdefg"), 100), bytes.Repeat([]byte("abcdefh"), 300), uint8(9))
	f.Add(make([]byte, 3000), []byte{1}, uint8(200))
	f.Fuzz(func(t *testing.T, a, b []byte, setting uint8) {
		o := deflate.Options{Level: 1 + int(setting)%9}
		bits, takeover := 8+int(setting>>4)%8, setting&8 != 0
		d := deflate.NewDecompressor(bits, takeover)
		c := o.Compressor(bits, takeover)
		defer c.Close()
		var all, stream []byte
		for _, p := range [][]byte{a, b, a} {
			if len(p) == 0 {
				continue
			}
			if !takeover {
				c.Reset()
			}
			z, err := c.Compress(nil, p)
			if err != nil || !bytes.HasSuffix(z, []byte{0, 0, 0xff, 0xff}) {
				t.Fatalf("compressed to %x: %v", z, err)
			}
			got, err := inflateIn(t, &d, z[:len(z)-4], len(z), len(p)+1, len(p))
			if err != nil || !bytes.Equal(got, p) {
				t.Fatalf("level %d, %d bits: got %x, %v; want %x", o.Level, bits, got, err, p)
			}
			all, stream = append(all, p...), append(stream, z...)
		}
		got, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(stream, 1, 0, 0, 0xff, 0xff))))
		if err != nil || !bytes.Equal(got, all) {
			t.Fatalf("compress/flate: %v", err)
		}
	})
}

// FuzzDeflateParams gives any extension field to both roles. What a server
// answers, its client understands the same way, and it is never more than was
// offered; what a client takes is valid.
func FuzzDeflateParams(f *testing.F) {
	for _, seed := range []string{
		"permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_max_window_bits=8; foo, permessage-deflate",
		`permessage-deflate; server_max_window_bits="10"; client_no_context_takeover; server_no_context_takeover; client_max_window_bits=15`,
	} {
		f.Add(seed, uint8(0))
	}
	f.Fuzz(func(t *testing.T, field string, setting uint8) {
		exts, err := handshake.ParseExtensions([]string{field})
		if err != nil {
			return
		}
		o := deflate.Options{ServerNoContextTakeover: setting&1 != 0, ClientNoContextTakeover: setting&2 != 0,
			ServerMaxWindowBits: 8 + int(setting>>2)&7, ClientMaxWindowBits: 8 + int(setting>>5)}
		agreed, err := o.Negotiate(exts)
		if err != nil || len(agreed) > 1 {
			t.Fatalf("%v, %v", agreed, err)
		}
		if len(agreed) == 1 {
			p, ok, err := deflate.Agreed(agreed)
			if err != nil || !ok || p.ServerMaxWindowBits > o.ServerMaxWindowBits {
				t.Fatalf("%v: %+v, %v, %v", agreed, p, ok, err)
			}
		}
		if p, ok, err := o.Check(exts); ok {
			if err != nil || p.ServerMaxWindowBits < 8 || p.ServerMaxWindowBits > max(o.ServerMaxWindowBits, 9) ||
				p.ClientMaxWindowBits < 8 || p.ClientMaxWindowBits > o.ClientMaxWindowBits ||
				o.ServerNoContextTakeover && !p.ServerNoContextTakeover {
				t.Fatalf("%q: %+v, %v", field, p, err)
			}
		}
	})
}
