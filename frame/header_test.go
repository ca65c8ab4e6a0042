package frame_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// wire turns "81 05 48" into bytes.
func wire(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// vectors are headers without payload: the examples of RFC 6455, section 5.7,
// and each side of each boundary of the length (5.2-5, 5.2-6, 5.2-7, 5.3-1).
var vectors = []struct {
	name string
	wire string
	want frame.Header
}{
	{"5.7 unmasked text", "81 05", frame.Header{FIN: true, Opcode: frame.Text, Length: 5}},
	{"5.7 masked text", "81 85 37 fa 21 3d", frame.Header{FIN: true, Opcode: frame.Text, Masked: true, Key: mask.Key{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"5.7 first fragment", "01 03", frame.Header{Opcode: frame.Text, Length: 3}},
	{"5.7 last fragment", "80 02", frame.Header{FIN: true, Opcode: frame.Continuation, Length: 2}},
	{"5.7 ping", "89 05", frame.Header{FIN: true, Opcode: frame.Ping, Length: 5}},
	{"5.7 masked pong", "8a 85 37 fa 21 3d", frame.Header{FIN: true, Opcode: frame.Pong, Masked: true, Key: mask.Key{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"5.7 256 bytes", "82 7e 01 00", frame.Header{FIN: true, Opcode: frame.Binary, Length: 256}},
	{"5.7 64 KiB", "82 7f 00 00 00 00 00 01 00 00", frame.Header{FIN: true, Opcode: frame.Binary, Length: 65536}},
	{"empty", "82 00", frame.Header{FIN: true, Opcode: frame.Binary}},
	{"empty masked, key zero", "82 80 00 00 00 00", frame.Header{FIN: true, Opcode: frame.Binary, Masked: true}},
	{"125", "82 7d", frame.Header{FIN: true, Opcode: frame.Binary, Length: 125}},
	{"126", "82 7e 00 7e", frame.Header{FIN: true, Opcode: frame.Binary, Length: 126}},
	{"126 masked", "82 fe 00 7e 01 02 03 04", frame.Header{FIN: true, Opcode: frame.Binary, Masked: true, Key: mask.Key{1, 2, 3, 4}, Length: 126}},
	{"65535", "82 7e ff ff", frame.Header{FIN: true, Opcode: frame.Binary, Length: 65535}},
	{"65536 masked", "82 ff 00 00 00 00 00 01 00 00 01 02 03 04", frame.Header{FIN: true, Opcode: frame.Binary, Masked: true, Key: mask.Key{1, 2, 3, 4}, Length: 65536}},
	{"2^56", "82 7f 01 00 00 00 00 00 00 00", frame.Header{FIN: true, Opcode: frame.Binary, Length: 1 << 56}},
	{"2^63-1", "82 7f 7f ff ff ff ff ff ff ff", frame.Header{FIN: true, Opcode: frame.Binary, Length: 1<<63 - 1}},
	{"all reserved bits", "72 00", frame.Header{RSV: frame.RSV1 | frame.RSV2 | frame.RSV3, Opcode: frame.Binary}},
}

// TestParseHeader proves 5.2-5, 5.2-6, 5.2-7, 5.3-1, 6.1-3 and 6.2-1: each
// vector whole, with bytes behind it, cut at every place, and written again.
func TestParseHeader(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			b := wire(t, v.wire)
			for _, tail := range []string{"", "ff", "00 00 00 00 00 00 00 00 00 00 00 00 00 00"} {
				h, n, err := frame.ParseHeader(append(b[:len(b):len(b)], wire(t, tail)...))
				require.NoError(t, err)
				require.Equal(t, len(b), n)
				require.Equal(t, v.want, h)
			}
			for cut := range b {
				h, n, err := frame.ParseHeader(b[:cut:cut])
				require.Equal(t, frame.ErrIncomplete, err, "cut at %d", cut)
				require.Zero(t, n)
				require.Zero(t, h)
			}
			require.Equal(t, b, v.want.Append(nil), "5.2-5 Append takes the shortest form")
			require.Equal(t, append([]byte("before"), b...), v.want.Append([]byte("before")))
		})
	}
}

// Every header there is, but for the values of long lengths and of keys: cut
// anywhere it says that it needs more, and nothing else; for both roles.
func TestEveryHeaderCut(t *testing.T) {
	lengths := []string{"00", "01", "7d", "7e 00 7e", "7e ff ff", "7f 00 00 00 00 00 01 00 00", "7f 7f ff ff ff ff ff ff ff"}
	for b0 := range 256 {
		for _, length := range lengths {
			for _, role := range []frame.Role{frame.Client, frame.Server} {
				b := append([]byte{byte(b0)}, wire(t, length)...)
				if role == frame.Server {
					b[1] |= 0x80
					b = append(b, 0xff, 0x00, 0x80, 0x7f)
				}
				for cut := range b {
					v := frame.Validator{Role: role, RSV: frame.RSV1}
					var into frame.Header
					h, n, err := frame.ParseHeader(b[:cut])
					nextN, nextErr := v.Next(b[:cut], &into)
					if err != frame.ErrIncomplete || nextErr != frame.ErrIncomplete || n != 0 || nextN != 0 || h != (frame.Header{}) || into != h || v.InMessage() {
						t.Fatalf("% x cut at %d: %v, %v", b, cut, err, nextErr)
					}
				}
				h, n, err := frame.ParseHeader(b)
				if err != nil || n != len(b) || !bytes.Equal(h.Append(nil), b) {
					t.Fatalf("% x: %v", b, err)
				}
			}
		}
	}
}

// TestParseHeaderBits proves 5.2-1 and IANA:opcode-1 for the parser: all first
// bytes come apart and together again, alone among them those that Validator
// refuses.
func TestParseHeaderBits(t *testing.T) {
	for b0 := range 256 {
		b := []byte{byte(b0), 0x01}
		h, n, err := frame.ParseHeader(b)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, frame.Header{
			FIN:    b0 >= 128,
			RSV:    frame.RSV(b0 / 16 % 8),
			Opcode: frame.Opcode(b0 % 16),
			Length: 1,
		}, h)
		require.Equal(t, b, h.Append(nil))
	}
	h := frame.Header{RSV: 0xff, Opcode: 0xf2}
	require.Equal(t, wire(t, "72 00"), h.Append(nil), "what does not fit does not spill over")
}

// badLengths are headers whose length is wrong, cut right behind the byte that
// shows it.
var badLengths = []struct {
	name string
	wire string
	want *frame.Error
}{
	{"5.2-5 0 in 16 bits", "82 7e 00 00", frame.ErrLengthNotMinimal},
	{"5.2-5 125 in 16 bits", "82 7e 00 7d", frame.ErrLengthNotMinimal},
	{"5.2-5 125 in 16 bits, masked", "82 fe 00 7d", frame.ErrLengthNotMinimal},
	{"5.2-5 up to 65535 in 64 bits", "82 7f 00 00 00 00 00 00", frame.ErrLengthNotMinimal},
	{"5.2-5 up to 65535 in 64 bits, masked", "82 ff 00 00 00 00 00 00", frame.ErrLengthNotMinimal},
	{"5.2-4 2^63 and more", "82 7f 80", frame.ErrLengthTooLarge},
	{"5.2-4 2^64-1", "82 7f ff", frame.ErrLengthTooLarge},
	{"5.2-4 2^63 and more, masked", "82 ff 80", frame.ErrLengthTooLarge},
}

// TestParseHeaderBadLength proves 5.2-4 and 5.2-5: the error comes with the
// byte that decides, not before it, and stays with more bytes.
func TestParseHeaderBadLength(t *testing.T) {
	for _, v := range badLengths {
		t.Run(v.name, func(t *testing.T) {
			b := wire(t, v.wire)
			for cut := range b {
				_, _, err := frame.ParseHeader(b[:cut:cut])
				require.Equal(t, frame.ErrIncomplete, err, "cut at %d", cut)
			}
			for _, fill := range []byte{0x00, 0xff} {
				for more := range 12 {
					h, n, err := frame.ParseHeader(append(b[:len(b):len(b)], bytes.Repeat([]byte{fill}, more)...))
					require.Same(t, v.want, err, "%d more", more)
					require.Zero(t, n)
					require.Zero(t, h)
				}
			}
		})
	}
	t.Run("5.2-5 65535 in 64 bits, whole", func(t *testing.T) {
		_, _, err := frame.ParseHeader(wire(t, "82 7f 00 00 00 00 00 00 ff ff"))
		require.Same(t, frame.ErrLengthNotMinimal, err)
	})
}

func TestAppendNegativeLength(t *testing.T) {
	require.PanicsWithValue(t, "frame: Header.Append: negative Length", func() {
		(&frame.Header{Length: -1}).Append(nil)
	})
}

// TestReadHeader proves 6.2-1 for a stream: whole, byte by byte and cut.
func TestReadHeader(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			b := wire(t, v.wire)
			whole := append(b[:len(b):len(b)], "payload"...)
			for _, r := range []io.Reader{bytes.NewReader(whole), iotest.OneByteReader(bytes.NewReader(whole))} {
				br := bufio.NewReader(r)
				h, err := frame.ReadHeader(br)
				require.NoError(t, err)
				require.Equal(t, v.want, h)
				rest, err := io.ReadAll(br)
				require.NoError(t, err)
				require.Equal(t, "payload", string(rest))
			}

			// Nothing behind the header is asked for: a stream that would
			// block there is as good as one that fails.
			br := bufio.NewReader(io.MultiReader(iotest.OneByteReader(bytes.NewReader(b)), iotest.ErrReader(errors.New("read too far"))))
			_, err := frame.ReadHeader(br)
			require.NoError(t, err)

			for cut := range b {
				want := io.ErrUnexpectedEOF
				if cut == 0 {
					want = io.EOF
				}
				br := bufio.NewReader(bytes.NewReader(b[:cut]))
				_, err := frame.ReadHeader(br)
				require.Equal(t, want, err, "cut at %d", cut)
				require.Equal(t, cut, br.Buffered(), "a failed read takes nothing")

				broken := errors.New("broken")
				br = bufio.NewReader(io.MultiReader(bytes.NewReader(b[:cut]), iotest.ErrReader(broken)))
				_, err = frame.ReadHeader(br)
				require.Equal(t, broken, err, "cut at %d", cut)
			}
		})
	}
	for _, v := range badLengths {
		t.Run(v.name, func(t *testing.T) {
			b := wire(t, v.wire)
			tooFar := iotest.ErrReader(errors.New("read too far"))
			br := bufio.NewReader(io.MultiReader(iotest.OneByteReader(bytes.NewReader(b)), tooFar))
			_, err := frame.ReadHeader(br)
			require.Same(t, v.want, err)
		})
	}
}

func TestHeaderAllocs(t *testing.T) {
	b := wire(t, "82 ff 00 00 00 00 00 01 00 00 01 02 03 04")
	bad := wire(t, "82 7e 00 7d")
	buf := make([]byte, 0, frame.MaxHeaderSize)
	v := frame.Validator{Role: frame.Server}
	src := bytes.NewReader(b)
	br := bufio.NewReader(src)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h, _, _ := frame.ParseHeader(b)
		_, _, _ = frame.ParseHeader(bad)
		_ = v.Check(h)
		h.Masked = false
		_ = v.Check(h)
		_ = h.Append(buf)
		src.Reset(b)
		br.Reset(src)
		_, _ = frame.ReadHeader(br)
	}))
}

func BenchmarkParseHeader(b *testing.B) {
	for _, s := range []string{"82 7d", "82 fd 01 02 03 04", "82 fe 40 00 01 02 03 04", "82 ff 00 00 00 00 00 10 00 00 01 02 03 04"} {
		w := wire(b, s)
		b.Run(fmt.Sprintf("%d", len(w)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = frame.ParseHeader(w)
			}
		})
	}
}

// The opcode is the same whatever else the first byte says.
func TestOpcodeIn(t *testing.T) {
	for first := range 256 {
		h, _, err := frame.ParseHeader([]byte{byte(first), 0})
		require.NoError(t, err)
		require.Equal(t, h.Opcode, frame.OpcodeIn(byte(first)))
		require.Equal(t, frame.Opcode(first%16), frame.OpcodeIn(byte(first)))
	}
}
