package conn_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// agreed is the outcome of a handshake with these extensions.
func agreed(t testing.TB, field string) handshake.Result {
	exts, err := handshake.ParseExtensions([]string{field})
	require.NoError(t, err)
	return handshake.Result{Extensions: exts}
}

// rawDeflate is raw with permessage-deflate agreed on.
func rawDeflate(t testing.TB, role conn.Role, params string, cfg conn.Config) (*conn.Conn, net.Conn) {
	if cfg.Compression == nil {
		cfg.Compression = &deflate.Options{Threshold: -1}
	}
	a, b := net.Pipe()
	return conn.New(a, role, agreed(t, "permessage-deflate"+params), &cfg), b
}

// deflated compresses p in one go with compress/flate, without the tail.
func deflated(p []byte) []byte {
	var z bytes.Buffer
	w, _ := flate.NewWriter(&z, 6)
	w.Write(p)
	w.Flush()
	return z.Bytes()[:z.Len()-4]
}

// prose is text of n bytes, with repetitions near and far.
func prose(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 7692))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id":%d,"name":"%c%d","tags":["häppchen","%x"]},`, r.IntN(1000), 'a'+r.IntN(26), r.IntN(50), r.Uint32())
	}
	return bytes.ToValidUTF8(b.Bytes()[:n], []byte("."))
}

// Every combination of parameters, both ways, by every way to write, with
// messages that are compressed and others between them.
// Proves 7692:5-11, 7692:6.1-1, 7692:6.1-2, 7692:6.1-5, 7692:6.2-2,
// 7692:7.1.1.2-3 and 7692:7.2.1-9.
func TestCompressionMatrix(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for flags := range 4 {
			params := fmt.Sprintf("; server_max_window_bits=%d; client_max_window_bits=%d", bits, 23-bits)
			if flags&1 != 0 {
				params += "; server_no_context_takeover"
			}
			if flags&2 != 0 {
				params += "; client_no_context_takeover"
			}
			t.Run(params[2:], func(t *testing.T) {
				a, b := net.Pipe()
				cfg := &conn.Config{FrameSize: 3000, Compression: &deflate.Options{Level: 1 + bits%9}}
				hs := agreed(t, "permessage-deflate"+params)
				client, server := conn.New(a, conn.Client, hs, cfg), conn.New(b, conn.Server, hs, cfg)
				defer client.CloseNow()
				defer server.CloseNow()
				for _, pair := range [][2]*conn.Conn{{client, server}, {server, client}} {
					exchange(t, pair[0], pair[1])
				}
			})
		}
	}
}

func exchange(t *testing.T, from, to *conn.Conn) {
	ctx := t.Context()
	var want [][]byte
	for _, size := range []int{10, 0, 200, 3000, 200, 50_000, 1000} {
		for range 6 {
			want = append(want, prose(size))
		}
	}
	sent := make(chan error, 1)
	go func() {
		for i, p := range want {
			var err error
			switch i % 6 {
			case 0:
				err = from.WriteMessage(ctx, conn.Text, p)
			case 1:
				err = from.BufferMessage(conn.Text, p)
			case 2:
				err = from.Uncompressed().WriteMessage(ctx, conn.Text, p)
			case 3:
				var w io.WriteCloser
				if w, err = from.NextWriter(ctx, conn.Text); err == nil {
					w.Write(p[:len(p)/3])
					w.Write(p[len(p)/3:])
					err = w.Close()
				}
			case 4:
				m, _ := conn.Prepare(conn.Text, p)
				err = from.WritePrepared(ctx, m)
			case 5:
				err = from.WriteMessage(ctx, conn.Text, p)
			}
			if err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i, p := range want {
		var got []byte
		var typ conn.MessageType
		var err error
		if i%4 == 3 {
			var r io.Reader
			typ, r, err = to.NextReader(ctx)
			require.NoError(t, err)
			got, err = io.ReadAll(r)
		} else {
			typ, got, err = to.ReadMessage(ctx)
		}
		require.NoError(t, err)
		require.Equal(t, conn.Text, typ)
		require.True(t, bytes.Equal(p, got), "message %d", i)
	}
	require.NoError(t, <-sent)
	s, r := from.Stats(), to.Stats()
	require.Less(t, s.DeflatedTo, s.DeflatedFrom)
	require.Equal(t, s.DeflatedFrom, r.InflatedTo)
	require.Equal(t, s.DeflatedTo, r.InflatedFrom)
}

// What goes onto the wire, to the byte.
func TestCompressionWire(t *testing.T) {
	hello := []byte("Hello")
	for _, tt := range []struct {
		name   string
		params string
		write  func(ctx context.Context, ws *conn.Conn)
		want   string
	}{
		{"7692:6.1-1 7692:7.2.1-1", "", func(ctx context.Context, ws *conn.Conn) {
			ws.WriteMessage(ctx, conn.Text, hello)
		}, "c1 07 f2 48 cd c9 c9 07 00"},
		{"7692:7.2.3-2 empty", "", func(ctx context.Context, ws *conn.Conn) {
			ws.WriteMessage(ctx, conn.Binary, nil)
		}, "c2 01 00"},
		{"7692:7.2.1-7 no context takeover", "; server_no_context_takeover; client_no_context_takeover", func(ctx context.Context, ws *conn.Conn) {
			ws.BufferMessage(conn.Text, bytes.Repeat(hello, 3))
			ws.WriteMessage(ctx, conn.Text, bytes.Repeat(hello, 3))
		}, "c1 09 f2 48 cd c9 c9 47 10 00 00  c1 09 f2 48 cd c9 c9 47 10 00 00"},
		{"what does not shrink goes as it is", "; server_no_context_takeover; client_no_context_takeover", func(ctx context.Context, ws *conn.Conn) {
			ws.WriteMessage(ctx, conn.Text, hello)
		}, "81 05 48 65 6c 6c 6f"},
		{"7692:6.1-2 a choice for each message", "", func(ctx context.Context, ws *conn.Conn) {
			ws.Uncompressed().BufferMessage(conn.Text, hello)
			ws.Uncompressed().WriteMessage(ctx, conn.Text, hello)
			w, _ := ws.Uncompressed().NextWriter(ctx, conn.Text)
			w.Write(hello)
			w.Close()
		}, "81 05 48 65 6c 6c 6f  81 05 48 65 6c 6c 6f  81 05 48 65 6c 6c 6f"},
		{"7692:6.1-3 7692:7.2.1-5 streamed", "", func(ctx context.Context, ws *conn.Conn) {
			w, _ := ws.NextWriter(ctx, conn.Text)
			w.Write(hello)
			w.Write(bytes.Repeat([]byte("o"), 4092)) // more than is buffered
			w.Close()
		}, "41 0b f2 48 cd c9 c9 07 00 00 00 ff ff  00"},
		{"a ping is never compressed", "", func(ctx context.Context, ws *conn.Conn) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			ws.Ping(ctx)
		}, "89 08 00 00 00 00 00 00 00 01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := rawDeflate(t, conn.Server, tt.params, conn.Config{})
				go func() {
					tt.write(t.Context(), ws)
					ws.CloseNow()
				}()
				got, _ := io.ReadAll(peer)
				want := unhex(t, tt.want)
				require.GreaterOrEqual(t, len(got), len(want), "%x", got)
				require.Equal(t, fmt.Sprintf("%x", want), fmt.Sprintf("%x", got[:len(want)]))
				if !strings.Contains(tt.name, "streamed") {
					require.Len(t, got, len(want), "%x", got)
				}
			})
		})
	}
}

// A client's frames are compressed, then masked.
func TestCompressionThreshold(t *testing.T) {
	for size, compressed := range map[int]bool{deflate.DefaultThreshold - 1: false, deflate.DefaultThreshold: true} {
		ws, peer := rawDeflate(t, conn.Client, "", conn.Config{Compression: &deflate.Options{}})
		go func() {
			ws.WriteMessage(t.Context(), conn.Text, bytes.Repeat([]byte("x"), size))
			w, _ := ws.NextWriter(t.Context(), conn.Text)
			w.Write(bytes.Repeat([]byte("x"), size))
			w.Close()
		}()
		in := bufio.NewReader(peer)
		for range 2 {
			h, err := frame.ReadHeader(in)
			require.NoError(t, err)
			require.True(t, h.Masked)
			require.Equal(t, compressed, h.RSV == frame.RSV1)
			in.Discard(int(h.Length))
		}
		ws.CloseNow()
	}
}

// Messages as they may come, whole and cut at every byte by a context.
func TestCompressedRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   string
		want []string
	}{
		{"7692:6.2-1 one frame", "c1 07 f2 48 cd c9 c9 07 00", []string{"Hello"}},
		{"7692:6.2-1 fragments", "41 03 f2 48 cd  80 04 c9 c9 07 00", []string{"Hello"}},
		{"7692:6.2-1 fragments and a ping", "41 03 f2 48 cd  89 00  00 00  80 04 c9 c9 07 00", []string{"Hello"}},
		{"7692:7.2.3-1 the window outlives plain messages", "c1 07 f2 48 cd c9 c9 07 00  81 05 57 6f 72 6c 64  c1 05 f2 00 11 00 00", []string{"Hello", "World", "Hello"}},
		{"7692:6.2-2 plain fragments", "c1 07 f2 48 cd c9 c9 07 00  01 02 57 6f 80 03 72 6c 64", []string{"Hello", "World"}},
		{"7692:7.2.1-2 stored", "c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00", []string{"Hello"}},
		{"7692:7.2.1-3 final block in the middle", "c1 0e f3 48 cd c9 c9 07 00 f2 48 cd c9 c9 07 00  81 00", []string{"HelloHello", ""}},
		{"7692:7.2.1-3 final block", "c1 08 f3 48 cd c9 c9 07 00 00", []string{"Hello"}},
		{"7692:7.2.3-2 empty", "c1 01 00  c1 00  41 00 80 01 00  c1 07 f2 48 cd c9 c9 07 00", []string{"", "", "", "Hello"}},
		{"7692:7.2.3-2 empty last fragment", "41 0b f2 48 cd c9 c9 07 00 00 00 ff ff  80 01 00", []string{"Hello"}},
		{"7692:6.1-6 compressed bytes are not UTF-8, text is", "c1 04 3a bc 12 00", []string{"é"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.in)
			for i := range 2 * len(wire) {
				cut, how := i/2, []string{"read", "messages"}[i%2]
				synctest.Test(t, func(t *testing.T) {
					ws, peer := rawDeflate(t, conn.Client, "", conn.Config{})
					go io.Copy(io.Discard, peer)
					go writeCut(peer, wire, cut)
					var got []string
					for len(got) < len(tt.want) {
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						data, err := readOne(ctx, ws, how)
						cancel()
						if err != nil {
							require.ErrorIs(t, err, context.DeadlineExceeded, "cut at %d", cut)
							continue
						}
						got = append(got, data)
					}
					require.Equal(t, tt.want, got, "%s, cut at %d", how, cut)
					ws.CloseNow()
					peer.Close()
				})
			}
		})
	}
}

// writeCut writes wire with a pause of two seconds before wire[cut].
func writeCut(to io.Writer, wire []byte, cut int) {
	to.Write(wire[:cut])
	time.Sleep(2 * time.Second)
	to.Write(wire[cut:])
}

// A stream whose context ends at any byte of a compressed message leaves the
// Conn usable: the next read skips the rest of that message, and the message
// behind it, which refers to it, is right.
func TestCompressedStreamCut(t *testing.T) {
	wire := unhex(t, "41 03 f2 48 cd  89 00  00 00  80 04 c9 c9 07 00  c1 05 f2 00 11 00 00")
	first := len(wire) - 7
	for cut := range wire {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := rawDeflate(t, conn.Client, "", conn.Config{})
			go io.Copy(io.Discard, peer)
			go writeCut(peer, wire, cut)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, r, err := ws.NextReader(ctx)
			var data []byte
			if err == nil {
				data, err = io.ReadAll(r)
			}
			if err == nil {
				require.GreaterOrEqual(t, cut, first)
				require.Equal(t, "Hello", string(data))
			} else {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Less(t, cut, first)
			}
			if r == nil { // the message had not begun
				_, data, err := ws.ReadMessage(t.Context())
				require.NoError(t, err)
				require.Equal(t, "Hello", string(data))
			}
			_, data, err = ws.ReadMessage(t.Context())
			require.NoError(t, err, "cut at %d", cut)
			require.Equal(t, "Hello", string(data), "cut at %d", cut)
			ws.CloseNow()
			peer.Close()
		})
	}
}

// A peer that breaks a rule of compression gets a Close frame with its code.
func TestPeerBreaksCompression(t *testing.T) {
	bomb := deflated(make([]byte, 100_000))
	bombFrame := func(op frame.Opcode, rsv frame.RSV) string {
		h := frame.Header{FIN: true, RSV: rsv, Opcode: op, Length: int64(len(bomb))}
		return fmt.Sprintf("%x", append(h.Append(nil), bomb...))
	}
	for _, tt := range []struct {
		name string
		in   string
		want *frame.Error
	}{
		{"7692:6.1-4 ping with RSV1", "c9 00", frame.ErrReservedBits},
		{"7692:6.1-4 close with RSV1", "c8 00", frame.ErrReservedBits},
		{"7692:6.1-4 fragment with RSV1", "41 03 f2 48 cd  c0 04 c9 c9 07 00", frame.ErrReservedBits},
		{"7692:6.1-4 fragment of a plain message with RSV1", "01 00 c0 00", frame.ErrReservedBits},
		{"RSV2", "a1 00", frame.ErrReservedBits},
		{"7692:7.2.2-1 garbage", "c1 05 ff ff ff ff ff", frame.ErrCompressedData},
		{"7692:7.2.2-1 cut short", "c1 03 f2 48 cd", frame.ErrCompressedData},
		{"7692:7.2.2-1 the tail is there twice", "c1 0b f2 48 cd c9 c9 07 00 00 00 ff ff", frame.ErrCompressedData},
		{"7692:7.2.2-1 fails before the frame has arrived", "c2 7f 00 00 00 00 00 ff ff ff  ff ff", frame.ErrCompressedData},
		{"a distance beyond everything", "c1 05 f2 00 11 00 00", frame.ErrCompressedData},
		{"7692:6.1-6 not UTF-8", "c1 07 00 01 00 fe ff ff 00", frame.ErrInvalidUTF8},
		{"7692:6.1-6 UTF-8 fails in an unfinished frame", "c1 7e ff ff 00 01 00 fe ff ff 00 00 00 ff ff 00", frame.ErrInvalidUTF8},
		{"7692:6.1-6 text that ends early", "c1 07 00 01 00 fe ff c3 00", frame.ErrInvalidUTF8},
		{"inflated beyond the limit", bombFrame(frame.Binary, frame.RSV1), frame.ErrMessageTooBig},
		{"fragments inflated beyond the limit", "42 05 00 00 00 ff ff " + bombFrame(frame.Continuation, 0), frame.ErrMessageTooBig},
		{"fragments without end", "42 00 00 00 00 00 00 00 00 00", frame.ErrTooManyFragments},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, how := range []string{"read", "messages", "stream"} {
				synctest.Test(t, func(t *testing.T) {
					ws, peer := rawDeflate(t, conn.Client, "", conn.Config{MaxFragments: 4, MaxMessageSize: 50_000})
					go peer.Write(unhex(t, tt.in))
					out := make(chan []byte)
					go func() {
						b, _ := io.ReadAll(peer)
						out <- b
					}()
					var err error
					if how == "stream" {
						var r io.Reader
						if _, r, err = ws.NextReader(t.Context()); err == nil {
							_, err = io.Copy(io.Discard, r)
						}
					} else {
						_, err = readOne(t.Context(), ws, how)
					}
					require.ErrorIs(t, err, tt.want)
					var rule *frame.Error
					require.ErrorAs(t, err, &rule)
					require.Equal(t, tt.want, rule)
					got := <-out
					h, n, err := frame.ParseHeader(got)
					require.NoError(t, err)
					require.Equal(t, frame.Close, h.Opcode)
					code := uint16(got[n]^h.Key[0])<<8 | uint16(got[n+1]^h.Key[1])
					require.Equal(t, uint16(tt.want.Code), code)
					peer.Close()
				})
			}
		})
	}
}

// A frame of a megabyte that would inflate to a gigabyte costs no more memory
// than the limit, and is refused as too big with what was inflated up to there.
// With a limit that allows it, it streams in constant memory.
func TestCompressionBomb(t *testing.T) {
	size := 1 << 30
	if raceEnabled {
		size >>= 4 // the detector slows the inflater down
	}
	// Each piece is of whole blocks and ends at a byte boundary.
	bomb := bytes.Repeat(append(deflated(make([]byte, 1<<20)), 0, 0, 0xff, 0xff), size>>20)
	bomb = bomb[:len(bomb)-4]
	require.Less(t, len(bomb), 5<<18)
	wire := append((&frame.Header{FIN: true, RSV: frame.RSV1, Opcode: frame.Binary, Length: int64(len(bomb))}).Append(nil), bomb...)
	for _, limit := range []int64{1 << 16, -1} {
		ws, peer := rawDeflate(t, conn.Client, "", conn.Config{MaxMessageSize: limit, CloseTimeout: time.Millisecond})
		go peer.Write(wire)
		go io.Copy(io.Discard, peer)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var err error
		if limit > 0 {
			_, _, err = ws.ReadMessage(t.Context())
			require.ErrorIs(t, err, frame.ErrMessageTooBig)
			require.LessOrEqual(t, ws.Stats().InflatedTo, limit+1)
		} else {
			_, r, err := ws.NextReader(t.Context())
			require.NoError(t, err)
			n, err := io.Copy(io.Discard, r)
			require.NoError(t, err)
			require.EqualValues(t, size, n)
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		ws.CloseNow()
		peer.Close()
	}
}

// A stream that is left unread is inflated all the same, because what follows
// may refer to it.
func TestUnreadCompressedStream(t *testing.T) {
	ws, peer := rawDeflate(t, conn.Client, "", conn.Config{})
	go peer.Write(unhex(t, "41 03 f2 48 cd  80 04 c9 c9 07 00  c1 05 f2 00 11 00 00"))
	_, r, err := ws.NextReader(t.Context())
	require.NoError(t, err)
	_, err = r.Read(make([]byte, 1))
	require.NoError(t, err)
	_, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Hello", string(data))
}

// A message that its context takes back leaves no trace in the window.
func TestCompressedWriteTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		hs, cfg := agreed(t, "permessage-deflate"), &conn.Config{Compression: &deflate.Options{Threshold: -1}}
		client, server := conn.New(a, conn.Client, hs, cfg), conn.New(b, conn.Server, hs, cfg)
		defer client.CloseNow()
		defer server.CloseNow()
		for i := range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := server.WriteMessage(ctx, conn.Text, []byte("taken back, and said again later"))
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			sent := make(chan error, 1)
			go func() { sent <- server.WriteMessage(t.Context(), conn.Text, []byte("said again later")) }()
			_, data, err := client.ReadMessage(t.Context())
			require.NoError(t, err, "round %d", i)
			require.Equal(t, "said again later", string(data))
			require.NoError(t, <-sent)
		}
	})
}

// counted counts what it compresses.
type counted struct {
	deflate.Compressor
	n *atomic.Int64
}

func (c counted) Compress(dst, p []byte) ([]byte, error) {
	c.n.Add(1)
	return c.Compressor.Compress(dst, p)
}

// A prepared message is compressed once for each setting, whoever sends it and
// how often, and leaves the windows of both ends in step.
func TestPreparedCompressed(t *testing.T) {
	ctx := t.Context()
	var n atomic.Int64
	own := &deflate.Options{}
	options := &deflate.Options{NewCompressor: func(level, bits int) deflate.Compressor {
		return counted{own.Compressor(bits, true), &n}
	}}
	m, err := conn.Prepare(conn.Text, prose(2000))
	require.NoError(t, err)
	for _, params := range []string{"", "; server_no_context_takeover", "; server_max_window_bits=10"} {
		for range 3 {
			a, b := net.Pipe()
			hs := agreed(t, "permessage-deflate"+params)
			client, server := conn.New(a, conn.Client, hs, &conn.Config{Compression: options}), conn.New(b, conn.Server, hs, &conn.Config{Compression: options})
			var sent sync.WaitGroup
			sent.Go(func() {
				for range 2 {
					server.WritePrepared(ctx, m)
					server.WriteBatch(ctx, []*conn.PreparedMessage{m, m.Uncompressed()})
				}
			})
			for range 6 {
				_, data, err := client.ReadMessage(ctx)
				require.NoError(t, err)
				require.True(t, bytes.Equal(m.Payload(), data))
			}
			sent.Wait()
			s := server.Stats()
			require.EqualValues(t, 4*2000, s.DeflatedFrom)
			require.Less(t, s.DeflatedTo, int64(4*1200))
			client.CloseNow()
			server.CloseNow()
		}
	}
	require.EqualValues(t, 2, n.Load(), "15 bits, and 10")
}

// Without context takeover and with it, messages cost no allocation, either
// way, in either role.
func TestCompressionNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops buffers at random under the race detector")
	}
	ctx := t.Context()
	for _, role := range []conn.Role{conn.Server, conn.Client} {
		for _, params := range []string{"", "; server_no_context_takeover; client_no_context_takeover"} {
			for _, size := range []int{200, 1024, 16 << 10} {
				t.Run(fmt.Sprint(role, params, size), func(t *testing.T) {
					p := prose(size)
					z := deflated(p)
					h := frame.Header{FIN: true, RSV: frame.RSV1, Opcode: frame.Text, Masked: role == conn.Server, Length: int64(len(z))}
					wire := append(h.Append(nil), z...)
					ws := conn.New(&source{wire: wire}, role, agreed(t, "permessage-deflate"+params), &conn.Config{Compression: &deflate.Options{}})
					dst := make([]byte, 0, size)
					step := func() {
						if err := ws.WriteMessage(ctx, conn.Text, p); err != nil {
							panic(err)
						}
						if _, data, err := ws.AppendMessage(ctx, dst); err != nil || len(data) != size {
							panic(err)
						}
					}
					for range 100 { // until the windows have grown
						step()
					}
					require.Zero(t, testing.AllocsPerRun(100, step))
				})
			}
		}
	}
}

// Many goroutines write in every way at once; each message is inflated right,
// whatever came before it.
func TestCompressionConcurrentWriters(t *testing.T) {
	ctx := t.Context()
	hs, cfg := agreed(t, "permessage-deflate"), &conn.Config{FrameSize: 200, Compression: &deflate.Options{}}
	a, b := net.Pipe()
	client, server := conn.New(a, conn.Client, hs, cfg), conn.New(b, conn.Server, hs, cfg)
	defer client.CloseNow()
	defer server.CloseNow()
	const writers, each = 6, 30
	shared, err := conn.Prepare(conn.Text, prose(3000))
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			p := prose(1000 + i)
			for n := range each {
				switch n % 5 {
				case 0:
					server.WriteMessage(ctx, conn.Text, p)
				case 1:
					server.BufferMessage(conn.Text, p)
				case 2:
					server.WritePrepared(ctx, shared)
				case 3:
					server.Uncompressed().WriteMessage(ctx, conn.Text, p)
				default:
					if w, err := server.NextWriter(ctx, conn.Text); err == nil {
						w.Write(p[:500])
						w.Write(p[500:])
						w.Close()
					}
				}
			}
		})
	}
	go func() { all.Wait(); server.Flush(ctx) }()
	got := make(map[string]int)
	for range writers * each {
		_, data, err := client.ReadMessage(ctx)
		require.NoError(t, err)
		got[string(data)]++
	}
	require.Equal(t, writers*each/5, got[string(shared.Payload())])
	for i := range writers {
		require.Equal(t, each*4/5, got[string(prose(1000+i))])
	}
}

// A setting for both sides; a secret is sent as it is.
func ExampleConn_Uncompressed() {
	s := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		if err := ws.WriteMessage(ctx, conn.Text, bytes.Repeat([]byte("news "), 200)); err != nil {
			return err
		}
		if err := ws.Uncompressed().WriteMessage(ctx, conn.Text, bytes.Repeat([]byte("secret "), 100)); err != nil {
			return err
		}
		fmt.Println(ws.Stats().PayloadSent, "bytes of payload,", ws.Stats().DeflatedFrom, "of them compressed")
		return nil
	}, &conn.Config{Compression: &deflate.Options{}}))
	defer s.Close()

	ctx := context.Background()
	ws, err := conn.Dial(ctx, s.URL, &conn.Config{Compression: &deflate.Options{Level: 6}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			break
		}
		_ = msg
	}
	fmt.Println(ws.Stats().InflatedTo, "bytes inflated from less than a tenth:", ws.Stats().InflatedFrom < 100)
	// Output:
	// 1700 bytes of payload, 1000 of them compressed
	// 1000 bytes inflated from less than a tenth: true
}

// serve answers every handshake with an extension field, in whatever shape.
func serve(t *testing.T, field string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", handshake.Accept(r.Header.Get("Sec-WebSocket-Key")))
		if field != "" {
			fmt.Fprintf(nc, "Sec-WebSocket-Extensions: %s\r\n", field)
		}
		io.WriteString(nc, "\r\n\x88\x02\x03\xe8")
		io.Copy(io.Discard, nc)
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// A client fails a handshake whose answer to compression is not right; that is
// also how it refuses a configuration that it can't proceed with.
// Proves 7692:5-8, 7692:5-10, 7692:5.1-1, 7692:7-5 to 7692:7-8.
func TestDialCompressionAnswers(t *testing.T) {
	for _, tt := range []struct {
		options *deflate.Options
		answer  string
		ok      bool
	}{
		{nil, "permessage-deflate", false},
		{&deflate.Options{}, "", true},
		{&deflate.Options{}, "permessage-deflate", true},
		{&deflate.Options{}, "permessage-deflate; server_no_context_takeover; server_max_window_bits=8", true},
		{&deflate.Options{}, "permessage-deflate, permessage-deflate", false},
		{&deflate.Options{}, "permessage-deflate; foo", false},
		{&deflate.Options{}, "permessage-deflate; server_max_window_bits=99", false},
		{&deflate.Options{}, "permessage-deflate; client_max_window_bits", false},
		{&deflate.Options{}, "permessage-deflate; server_no_context_takeover; server_no_context_takeover", false},
		{&deflate.Options{ServerMaxWindowBits: 10}, "permessage-deflate; server_max_window_bits=11", false},
		{&deflate.Options{ServerNoContextTakeover: true}, "permessage-deflate", false},
	} {
		ws, err := conn.Dial(t.Context(), serve(t, tt.answer), &conn.Config{Compression: tt.options})
		require.Equal(t, tt.ok, err == nil, "%+v, %q: %v", tt.options, tt.answer, err)
		if err == nil {
			ws.CloseNow()
			continue
		}
		var he *handshake.Error
		require.ErrorAs(t, err, &he)
		require.Equal(t, 101, he.Status)
	}
	_, err := conn.Dial(t.Context(), "ws://localhost", &conn.Config{Compression: &deflate.Options{Level: 99}})
	require.ErrorContains(t, err, "Config.Compression")
}

// Dial, Accept and Upgrade agree, or not, and an echo comes back; a server
// that declined fails RSV1. Proves 7692:5-9.
func TestCompressionHandshake(t *testing.T) {
	ctx := t.Context()
	for _, tt := range []struct{ client, server *deflate.Options }{
		{&deflate.Options{}, &deflate.Options{}},
		{nil, &deflate.Options{}},
		{&deflate.Options{}, nil},
		{&deflate.Options{ServerMaxWindowBits: 9, ClientNoContextTakeover: true}, &deflate.Options{ClientMaxWindowBits: 10, ServerNoContextTakeover: true}},
	} {
		s := httptest.NewServer(conn.Handler(echo, &conn.Config{Compression: tt.server}))
		l, err := net.Listen("tcp", "localhost:0")
		require.NoError(t, err)
		go func() {
			for {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					if ws, err := conn.Upgrade(ctx, nc, &conn.Config{Compression: tt.server}); err == nil {
						echo(ctx, ws)
					}
				}()
			}
		}()
		for _, url := range []string{s.URL, "ws://" + l.Addr().String()} {
			ws, err := conn.Dial(ctx, url, &conn.Config{Compression: tt.client})
			require.NoError(t, err)
			for _, size := range []int{100, 5000, 100_000, 5000} {
				p := prose(size)
				require.NoError(t, ws.WriteMessage(ctx, conn.Text, p))
				_, data, err := ws.ReadMessage(ctx)
				require.NoError(t, err)
				require.True(t, bytes.Equal(p, data))
			}
			both := tt.client != nil && tt.server != nil
			require.Equal(t, both, ws.Stats().DeflatedFrom > 0)
			require.Equal(t, both, ws.Stats().InflatedTo > 0)
			require.NoError(t, ws.Close())
		}
		s.Close()
		l.Close()
	}
	ws, peer := raw(conn.Server, &conn.Config{Compression: &deflate.Options{}})
	go func() {
		peer.Write(unhex(t, "c1 80 00 00 00 00"))
		peer.Read(make([]byte, 200))
		peer.Close()
	}()
	_, _, err := ws.ReadMessage(ctx)
	require.ErrorIs(t, err, frame.ErrReservedBits)
	require.Panics(t, func() {
		conn.New(peer, conn.Server, agreed(t, "x-webkit-deflate-frame"), nil)
	})
}

// Connections that have sent and received a compressed message, in a loop over
// Messages, and wait for the next one: without takeover they keep no more than
// those without compression. Proves 7692:7.2.2-2.
func TestIdleCompressedMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("memory is another under the race detector")
	}
	p := prose(16 << 10)
	kept := func(compress, takeover bool) int {
		const conns = 100
		var before, after runtime.MemStats
		l, err := net.Listen("tcp", "localhost:0")
		require.NoError(t, err)
		defer l.Close()
		measure := func(m *runtime.MemStats) {
			runtime.GC()
			runtime.GC() // what pools have kept aside
			runtime.ReadMemStats(m)
		}
		var result handshake.Result
		var cfg conn.Config
		wire := append((&frame.Header{FIN: true, Opcode: frame.Text, Masked: true, Length: int64(len(p))}).Append(nil), p...)
		if compress {
			params := "; server_no_context_takeover; client_no_context_takeover"
			if takeover {
				params = ""
			}
			result, cfg.Compression = agreed(t, "permessage-deflate"+params), &deflate.Options{}
			z := deflated(p)
			wire = append((&frame.Header{FIN: true, RSV: frame.RSV1, Opcode: frame.Text, Masked: true, Length: int64(len(z))}).Append(nil), z...)
		}
		measure(&before)
		var peers []net.Conn
		for range conns {
			peer, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			nc, err := l.Accept()
			require.NoError(t, err)
			ws := conn.New(nc, conn.Server, result, &cfg)
			defer ws.CloseNow()
			go func() {
				for msg, err := range ws.Messages(context.Background()) {
					if err != nil || ws.WriteMessage(context.Background(), msg.Type, msg.Data) != nil {
						return
					}
				}
			}()
			_, err = peer.Write(wire)
			require.NoError(t, err)
			in := bufio.NewReader(peer)
			h, err := frame.ReadHeader(in)
			require.NoError(t, err)
			require.Equal(t, compress, h.RSV == frame.RSV1)
			_, err = in.Discard(int(h.Length))
			require.NoError(t, err)
			peers = append(peers, peer)
		}
		// The last server has to come back to waiting: each answers a ping, and
		// then waits at once.
		for _, peer := range peers {
			peer.Write(unhex(t, "89 80 00 00 00 00"))
			io.ReadFull(peer, make([]byte, 2))
		}
		measure(&after)
		for _, peer := range peers {
			peer.Close()
		}
		return (int(after.HeapAlloc) - int(before.HeapAlloc)) / conns
	}
	kept(true, true) // what is made once
	plain, alone, takeover := kept(false, false), kept(true, false), kept(true, true)
	t.Logf("bytes of heap for each connection: %d without compression, %d without takeover, %d with it", plain, alone, takeover)
	// What other tests have left takes part: the bounds are wide, but far below
	// a message of 16 KiB, and below what the windows may be.
	require.Less(t, alone, 10<<10)
	require.Less(t, takeover, 90<<10)
}

// Offers as they may stand in a request, in one field or in several, and what a
// server answers, by Upgrade. Proves 7692:5-3.
func TestCompressionOffersOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		fields []string
		want   string
	}{
		{[]string{"permessage-deflate"}, "permessage-deflate"},
		{[]string{"permessage-deflate; server_max_window_bits=08, permessage-deflate; server_max_window_bits=9"}, "permessage-deflate; server_max_window_bits=9"},
		{[]string{"permessage-deflate; foo", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", `permessage-deflate; server_max_window_bits="10"`, "permessage-deflate"}, "permessage-deflate; server_max_window_bits=10"},
		{[]string{"x-webkit-deflate-frame, permessage-deflate; client_max_window_bits"}, "permessage-deflate"},
		{[]string{"permessage-deflate; client_max_window_bits=7, permessage-deflate; server_max_window_bits"}, ""},
	} {
		a, b := net.Pipe()
		done := make(chan error, 1)
		go func() {
			ws, err := conn.Upgrade(t.Context(), b, &conn.Config{Compression: &deflate.Options{}})
			if err == nil {
				ws.CloseNow()
			}
			done <- err
		}()
		request := "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		for _, field := range tt.fields {
			request += "Sec-WebSocket-Extensions: " + field + "\r\n"
		}
		go io.WriteString(a, request+"\r\n")
		res, err := http.ReadResponse(bufio.NewReader(a), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
		require.Equal(t, tt.want, res.Header.Get("Sec-WebSocket-Extensions"), "%q", tt.fields)
		require.NoError(t, <-done)
		a.Close()
	}
}
