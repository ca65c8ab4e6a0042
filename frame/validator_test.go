package frame_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/frame"
)

// header parses the literal bytes of a header.
func header(t testing.TB, s string) frame.Header {
	t.Helper()
	h, _, err := frame.ParseHeader(wire(t, s))
	require.NoError(t, err)
	return h
}

// TestValidator proves, a case each, the rules for one header after others. The
// first column is what the server receives, masked; the second what the client
// does. The requirement ids stand in the names.
func TestValidator(t *testing.T) {
	const key = " 37 fa 21 3d"
	for _, v := range []struct {
		name     string
		toServer []string
		toClient []string
		want     error // of the last header; those before it are fine
	}{
		{"5.5.2-1 ping of 125", []string{"89 fd" + key}, []string{"89 7d"}, nil},
		{"5.5-1 ping of 126", []string{"89 fe 00 7e" + key}, []string{"89 7e 00 7e"}, frame.ErrControlTooLong},
		{"5.5-1 pong of 65536", []string{"8a ff 00 00 00 00 00 01 00 00" + key}, []string{"8a 7f 00 00 00 00 00 01 00 00"}, frame.ErrControlTooLong},
		{"5.5-1 close of 126", []string{"88 fe 00 7e" + key}, []string{"88 7e 00 7e"}, frame.ErrControlTooLong},
		{"5.4-3 ping without FIN", []string{"09 80" + key}, []string{"09 00"}, frame.ErrFragmentedControl},
		{"5.4-3 pong without FIN", []string{"0a 80" + key}, []string{"0a 00"}, frame.ErrFragmentedControl},
		{"5.4-3 close without FIN", []string{"08 80" + key}, []string{"08 00"}, frame.ErrFragmentedControl},
		{"5.4-1 continuation first", []string{"80 80" + key}, []string{"80 00"}, frame.ErrUnexpectedContinuation},
		{"5.4-1 continuation after a whole message", []string{"81 80" + key, "00 80" + key}, []string{"81 00", "00 00"}, frame.ErrUnexpectedContinuation},
		{"5.4-9 text inside text", []string{"01 80" + key, "81 80" + key}, []string{"01 00", "81 00"}, frame.ErrExpectedContinuation},
		{"5.4-9 binary inside text", []string{"01 80" + key, "00 80" + key, "02 80" + key}, []string{"01 00", "00 00", "02 00"}, frame.ErrExpectedContinuation},
		{"5.4-2 ping inside a message", []string{"01 80" + key, "89 80" + key, "80 80" + key}, []string{"01 00", "89 00", "80 00"}, nil},
		{"6.2-3 message after a fragmented one", []string{"01 80" + key, "80 80" + key, "82 80" + key}, []string{"01 00", "80 00", "82 00"}, nil},
		{"5.2-1 RSV1 on text", []string{"c1 80" + key}, []string{"c1 00"}, frame.ErrReservedBits},
		{"IANA:opcode-1 opcode 3", []string{"83 80" + key}, []string{"83 00"}, frame.ErrReservedOpcode},
		{"IANA:opcode-1 opcode 11", []string{"8b 80" + key}, []string{"8b 00"}, frame.ErrReservedOpcode},
	} {
		t.Run(v.name, func(t *testing.T) {
			for role, headers := range map[frame.Role][]string{frame.Server: v.toServer, frame.Client: v.toClient} {
				val := frame.Validator{Role: role}
				last := len(headers) - 1
				for _, s := range headers[:last] {
					require.NoError(t, val.Check(header(t, s)))
				}
				require.Equal(t, v.want, val.Check(header(t, headers[last])), role)
			}
		})
	}
}

// TestValidatorMasking proves 5.1-2 and 5.1-4 for what comes in, and with the
// peer's role 5.1-1 and 5.1-3 for what goes out: every opcode, both roles.
func TestValidatorMasking(t *testing.T) {
	for op := range frame.Opcode(16) {
		masked := frame.Header{FIN: true, Opcode: op, Masked: true}
		plain := frame.Header{FIN: true, Opcode: op}

		server := frame.Validator{Role: frame.Server}
		require.Same(t, frame.ErrUnmasked, server.Check(plain), "5.1-2 %v", op)
		require.NotEqual(t, frame.ErrUnmasked, server.Check(masked), op)

		for _, role := range []frame.Role{frame.Client, 0} {
			client := frame.Validator{Role: role}
			require.Same(t, frame.ErrMasked, client.Check(masked), "5.1-4 %v", op)
			require.NotEqual(t, frame.ErrMasked, client.Check(plain), op)
		}
	}
}

// TestValidatorRSV proves 5.2-1, IANA:rsv-1 and 7692:6.1-4: all patterns of
// bits on all opcodes, for all sets of bits an extension may use.
func TestValidatorRSV(t *testing.T) {
	for allowed := range frame.RSV(8) {
		for rsv := range frame.RSV(8) {
			for op := range frame.Opcode(16) {
				v := frame.Validator{Role: frame.Client, RSV: allowed}
				if op == frame.Continuation {
					require.NoError(t, v.Check(frame.Header{Opcode: frame.Text}))
				}
				var want error
				switch op {
				case 0, 8, 9, 10:
					if rsv != 0 {
						want = frame.ErrReservedBits
					}
				case 1, 2:
					for _, bit := range []frame.RSV{4, 2, 1} {
						if rsv&bit != 0 && allowed&bit == 0 {
							want = frame.ErrReservedBits
						}
					}
				default:
					want = frame.ErrReservedOpcode
				}
				got := v.Check(frame.Header{FIN: true, RSV: rsv, Opcode: op})
				require.Equal(t, want, got, "allowed %03b, rsv %03b, %v", allowed, rsv, op)
			}
		}
	}
}

// TestValidatorByHand is about headers made by hand: 5.2-4, and an
// opcode that no parser returns.
func TestValidatorByHand(t *testing.T) {
	v := frame.Validator{Role: frame.Client}
	require.Same(t, frame.ErrReservedOpcode, v.Check(frame.Header{FIN: true, Opcode: 0x12}))
	require.Same(t, frame.ErrLengthTooLarge, v.Check(frame.Header{FIN: true, Opcode: frame.Binary, Length: -1}))
	require.Same(t, frame.ErrReservedBits, v.Check(frame.Header{FIN: true, Opcode: frame.Binary, RSV: 8}))
}

// modelOK is the slow second opinion on a sequence of frames: it looks for the
// message that each data frame belongs to by going back to the last data frame
// (RFC 6455, section 5.4).
func modelOK(seq []frame.Header) bool {
	for i, h := range seq {
		if h.Opcode >= 8 {
			if !h.FIN {
				return false
			}
			continue
		}
		open := false
		for j := i - 1; j >= 0; j-- {
			if seq[j].Opcode < 8 {
				open = !seq[j].FIN
				break
			}
		}
		if open != (h.Opcode == 0) {
			return false
		}
	}
	return true
}

// TestValidatorSequences proves 5.4-1, 5.4-2, 5.4-3, 5.4-6, 5.4-9 and 6.2-3
// on all sequences of up to five frames; and that a refused frame leaves the
// state as it was.
func TestValidatorSequences(t *testing.T) {
	var alphabet []frame.Header
	for _, op := range []frame.Opcode{frame.Continuation, frame.Text, frame.Binary, frame.Close, frame.Ping, frame.Pong} {
		alphabet = append(alphabet, frame.Header{Opcode: op}, frame.Header{Opcode: op, FIN: true})
	}
	checked := 0
	var walk func(v frame.Validator, seq []frame.Header)
	walk = func(v frame.Validator, seq []frame.Header) {
		if len(seq) == 5 {
			return
		}
		for _, h := range alphabet {
			next := append(seq[:len(seq):len(seq)], h)
			after := v
			err := after.Check(h)
			checked++
			if ok := modelOK(next); ok != (err == nil) {
				t.Fatalf("%v: got %v, model says %v", next, err, ok)
			}
			if err != nil {
				if after != v {
					t.Fatalf("%v: state changed by a refused frame", next)
				}
				continue
			}
			open := v.InMessage()
			if h.Opcode < 8 {
				open = !h.FIN
			}
			if after.InMessage() != open {
				t.Fatalf("%v: InMessage is %v", next, after.InMessage())
			}
			walk(after, next)
		}
	}
	walk(frame.Validator{Role: frame.Client}, nil)
	require.Greater(t, checked, 12*5*5*5*5)
}

func BenchmarkValidator(b *testing.B) {
	v := frame.Validator{Role: frame.Server}
	h := header(b, "82 fd 01 02 03 04")
	b.ReportAllocs()
	for b.Loop() {
		if v.Check(h) != nil {
			b.Fatal(fmt.Errorf("refused %v", h))
		}
	}
}

// Next says of every beginning of every header what ParseHeader and Check say.
func TestNext(t *testing.T) {
	for b0 := range 256 {
		for _, b1 := range []byte{0x00, 0x7d, 0x7e, 0x7f, 0x80, 0xfd, 0xfe, 0xff} {
			wire := []byte{byte(b0), b1, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4}
			for n := range len(wire) + 1 {
				one := frame.Validator{Role: frame.Server, RSV: frame.RSV1}
				two := one
				var h frame.Header
				got, gotErr := one.Next(wire[:n], &h)
				want, size, wantErr := frame.ParseHeader(wire[:n])
				if wantErr == nil {
					wantErr = two.Check(want)
				}
				require.Equal(t, wantErr, gotErr, "% x", wire[:n])
				if gotErr == nil {
					require.Equal(t, size, got)
					require.Equal(t, want, h)
				}
				require.Equal(t, two, one)
			}
		}
	}
}

// Whole takes a message of one frame with its payload, and nothing less or else;
// what it leaves is Next's to judge.
func TestWhole(t *testing.T) {
	long := func(head string, n int) string { return head + strings.Repeat(" 00", n) }
	for _, tt := range []struct {
		name   string
		server bool
		before string // a header that is judged first
		in     string
		op     frame.Opcode
		n      int // bytes of header
	}{
		{"empty text", true, "", "81 80 37 fa 21 3d", frame.Text, 6},
		{"Hello", true, "", "81 85 37 fa 21 3d 7f 9f 4d 51 58", frame.Text, 6},
		{"Hello to a client", false, "", "81 05 48 65 6c 6c 6f", frame.Text, 2},
		{"125 bytes", false, "", long("82 7d", 125), frame.Binary, 2},
		{"126 bytes", true, "", long("82 fe 00 7e 37 fa 21 3d", 126), frame.Binary, 8},
		{"65535 bytes", false, "", long("82 7e ff ff", 65535), frame.Binary, 4},
		{"after a message", true, "81 80 37 fa 21 3d", "82 80 37 fa 21 3d", frame.Binary, 6},
		{"65536 bytes", false, "", long("82 7f 00 00 00 00 00 01 00 00", 65536), 0, 0},
		{"125 bytes in two", false, "", long("82 7e 00 7d", 125), 0, 0},
		{"no mask", true, "", "81 00", 0, 0},
		{"a mask", false, "", "81 80 37 fa 21 3d", 0, 0},
		{"first fragment", true, "", "01 80 37 fa 21 3d", 0, 0},
		{"last fragment", true, "01 80 37 fa 21 3d", "80 80 37 fa 21 3d", 0, 0},
		{"inside a message", true, "01 80 37 fa 21 3d", "81 80 37 fa 21 3d", 0, 0},
		{"RSV1", true, "", "c1 80 37 fa 21 3d", 0, 0},
		{"ping", true, "", "89 80 37 fa 21 3d", 0, 0},
		{"reserved", true, "", "83 80 37 fa 21 3d", 0, 0},
		{"nothing", true, "", "", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := frame.Validator{Role: frame.Client, RSV: frame.RSV1}
			if tt.server {
				v.Role = frame.Server
			}
			if tt.before != "" {
				require.NoError(t, v.Check(header(t, tt.before)))
			}
			b := wire(t, tt.in)
			op, key, payload, n := v.Whole(append(b, 0xff))
			require.Equal(t, tt.op, op)
			if tt.op == 0 {
				return
			}
			require.Equal(t, len(b), n)
			require.Equal(t, b[tt.n:], payload)
			require.Equal(t, len(payload), cap(payload), "what follows is no part of it")
			require.Equal(t, header(t, tt.in).Key, key)
			for cut := range b {
				op, _, _, _ = v.Whole(b[:cut])
				require.Zero(t, op, "the first %d bytes", cut)
			}
		})
	}
}
