package fuzz

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"slices"
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

// inflateStd inflates one message with compress/flate, which stops at a final
// block: whatever follows goes on from the next byte with the same window. ok
// says that the message ends where a block does, with the four bytes that a
// sender cuts off in their place again (RFC 7692, section 7.2.2). Bytes that
// come before a fault are returned too.
func inflateStd(src, window []byte, limit int) (got []byte, ok bool) {
	if len(src) == 0 {
		return nil, true
	}
	// Something must follow that ends the stream. When the message ends inside
	// a block, these two are not understood the same way.
	stored, ok := inflateAll(src, window, "\x00\x00\xff\xff\x01\x00\x00\xff\xff", limit)
	fixed, ok2 := inflateAll(src, window, "\x00\x00\xff\xff\x03\x00", limit)
	return stored, ok && ok2 && bytes.Equal(stored, fixed)
}

func inflateAll(src, window []byte, end string, limit int) (got []byte, ok bool) {
	r := bytes.NewReader(append(bytes.Clone(src), end...))
	all := bytes.Clone(window)
	for {
		part, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(r, all[max(0, len(all)-32<<10):]), int64(limit+1)))
		all = append(all, part...)
		got = all[len(window):]
		switch {
		case err != nil, len(got) > limit:
			return got, false
		case r.Len() == 0, r.Len() == len(end): // a final block may end the message
			return got, true
		}
	}
}

// FuzzInflate inflates any bytes behind any window, whole and in pieces, which
// must give what compress/flate gives: the same bytes, and the same verdict.
func FuzzInflate(f *testing.F) {
	const limit = 1 << 18
	f.Fuzz(func(t *testing.T, before, src []byte, in, out uint8) {
		window := bytes.Repeat(before, 1+int(in)) // what an earlier message left
		want, ok := inflateStd(src, window, limit)
		if len(want) > limit || len(window) > limit {
			return
		}
		for _, piece := range []struct{ in, out int }{{len(src) + 1, limit}, {int(in) + 1, int(out) + 1}} {
			d := deflate.NewDecompressor(15, true)
			if len(window) > 0 {
				if got, err := inflateIn(t, &d, storedBlocks(window), len(window)*2, limit, limit); err != nil || !bytes.Equal(got, window) {
					t.Fatalf("the window: %d of %d bytes, %v", len(got), len(window), err)
				}
			}
			got, err := inflateIn(t, &d, src, piece.in, piece.out, limit)
			if (err == nil) != ok || err != nil && !errors.Is(err, deflate.ErrCorrupt) {
				t.Fatalf("%x: %v, compress/flate says %v", src, err, ok)
			}
			if ok && !bytes.Equal(got, want) {
				t.Fatalf("%x: got %x, compress/flate has %x", src, got, want)
			}
		}
	})
}

// storedBlocks is p as one message without compression.
func storedBlocks(p []byte) (z []byte) {
	for piece := range slices.Chunk(p, 0xffff) {
		n := len(piece)
		z = append(append(z, 0, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8)), piece...)
	}
	return append(z, 0) // and the header of the empty block
}

// FuzzDeflate compresses any two messages with every setting, and inflates
// them with exactly the agreed window, and with compress/flate.
func FuzzDeflate(f *testing.F) {
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

// FuzzDeflateParams gives any extension field to both roles, whose verdict is
// the model's; what a server answers, its client understands the same way.
func FuzzDeflateParams(f *testing.F) {
	f.Fuzz(func(t *testing.T, field string, setting uint8) {
		exts, err := handshake.ParseExtensions([]string{field})
		if err != nil {
			return
		}
		o := deflate.Options{ServerNoContextTakeover: setting&1 != 0, ClientNoContextTakeover: setting&2 != 0,
			ServerMaxWindowBits: 8 + int(setting>>2)&7, ClientMaxWindowBits: 8 + int(setting>>5)}
		agreed, err := o.Negotiate(exts)
		if err != nil {
			t.Fatalf("%q: %v", field, err)
		}
		want, ok := modelAnswer(exts, o)
		got, gotOK, err := deflate.Agreed(agreed)
		if err != nil || gotOK != ok || got != want {
			t.Fatalf("%q: answered %v, which is %+v, %v; the model has %+v, %v", field, agreed, got, err, want, ok)
		}
		// What a client sees in the same field, as an answer.
		want, ok = modelAgreed(exts, o)
		got, gotOK, err = o.Check(exts)
		if gotOK != ok || got != want || (err == nil) != ok {
			t.Fatalf("%q: taken as %+v, %v; the model has %+v, %v", field, got, err, want, ok)
		}
	})
}
