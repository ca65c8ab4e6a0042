// Package compressor shows a compressor of somebody else's behind the seam
// deflate.Options.NewCompressor: that of github.com/klauspost/compress.
package compressor

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/klauspost/compress/flate"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
)

// klauspost is a deflate.Compressor. Its writer keeps to a window of its own
// size, because it was made for it.
type klauspost struct {
	out  bytes.Buffer
	w    *flate.Writer
	pool *sync.Pool
}

func (k *klauspost) Compress(dst, p []byte) ([]byte, error) {
	k.out.Reset()
	if _, err := k.w.Write(p); err != nil {
		return dst, err
	}
	if err := k.w.Flush(); err != nil { // ends with 00 00 ff ff
		return dst, err
	}
	return append(dst, k.out.Bytes()...), nil
}

func (k *klauspost) Reset() { k.w.Reset(&k.out) }

func (k *klauspost) Close() {
	k.Reset()
	k.pool.Put(k)
}

// newKlauspost returns what Options.NewCompressor takes, with a pool for each
// size of window.
func newKlauspost() func(level, windowBits int) deflate.Compressor {
	var pools [deflate.MaxWindowBits + 1]sync.Pool
	return func(level, windowBits int) deflate.Compressor {
		pool := &pools[windowBits]
		if k, ok := pool.Get().(*klauspost); ok {
			return k
		}
		k := &klauspost{pool: pool}
		var err error
		if windowBits == deflate.MaxWindowBits {
			k.w, err = flate.NewWriter(&k.out, level)
		} else {
			k.w, err = flate.NewWriterWindow(&k.out, 1<<windowBits)
		}
		if err != nil {
			return nil // the package's own takes its place
		}
		return k
	}
}

// Both sides echo through it, with every window and with or without takeover.
func TestKlauspost(t *testing.T) {
	for bits := deflate.MinWindowBits; bits <= deflate.MaxWindowBits; bits++ {
		for _, alone := range []bool{false, true} {
			options := &deflate.Options{
				ServerMaxWindowBits: bits, ClientMaxWindowBits: bits,
				ServerNoContextTakeover: alone, ClientNoContextTakeover: alone,
				NewCompressor: newKlauspost(),
			}
			s := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
				for msg, err := range ws.Messages(ctx) {
					if err != nil {
						return err
					}
					if err := ws.WriteMessage(ctx, msg.Type, msg.Data); err != nil {
						return err
					}
				}
				return nil
			}, &conn.Config{Compression: options}))
			ws, err := conn.Dial(t.Context(), s.URL, &conn.Config{Compression: options})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				p := bytes.Repeat(fmt.Appendf(nil, "message %d of many; ", i%7), 10+i*i)
				if err := ws.WriteMessage(t.Context(), conn.Text, p); err != nil {
					t.Fatal(err)
				}
				_, got, err := ws.ReadMessage(t.Context())
				if err != nil || !bytes.Equal(got, p) {
					t.Fatalf("%d bits, message %d: %v", bits, i, err)
				}
			}
			if s := ws.Stats(); s.DeflatedTo*5 > s.DeflatedFrom {
				t.Errorf("%d bits: %d bytes became %d", bits, s.DeflatedFrom, s.DeflatedTo)
			}
			ws.Close()
			s.Close()
		}
	}
}
