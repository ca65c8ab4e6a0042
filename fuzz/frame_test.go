package fuzz

import (
	"bytes"
	"errors"
	"testing"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// FuzzHeader: what is parsed and written again is the bytes it was, and the
// model agrees on what can be parsed.
func FuzzHeader(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := frame.ParseHeader(b)
		switch {
		case errors.Is(err, frame.ErrIncomplete):
			if len(b) >= frame.MaxHeaderSize {
				t.Fatalf("%x: incomplete", b)
			}
		case err == nil:
			if again := h.Append(nil); !bytes.Equal(again, b[:n]) {
				t.Fatalf("%x became %+v became %x", b[:n], h, again)
			}
			for i := range n {
				if _, _, err := frame.ParseHeader(b[:i]); err != frame.ErrIncomplete {
					t.Fatalf("%x: the first %d bytes: %v", b[:n], i, err)
				}
			}
		}
		// The model refuses more than ParseHeader, which judges lengths only.
		v := frame.Validator{Role: frame.Server}
		ok := err == nil && v.Check(h) == nil
		m := model{server: true}
		size, head, code := m.header(b)
		if want := head > 0 && code == 0; ok != want {
			t.Fatalf("%x: ok is %v, the model says %v (code %d)", b, ok, want, code)
		}
		if ok && (head != n || size != uint64(h.Length)) {
			t.Fatalf("%x: %+v of %d bytes, the model says length %d of %d bytes", b, h, n, size, head)
		}
	})
}

// FuzzMask: every way to mask, whole, in two pieces, in place and shifted in
// memory, gives what one byte at a time gives.
func FuzzMask(f *testing.F) {
	f.Fuzz(func(t *testing.T, p []byte, key uint32, pos int, cut, shift uint16) {
		k := mask.Key{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)}
		want := make([]byte, len(p))
		for i := range p {
			want[i] = p[i] ^ k[(uint(pos)+uint(i))%4]
		}
		memory := make([]byte, len(p)+64)
		got := memory[shift%32:][:len(p)]
		at := int(cut) % (len(p) + 1)
		next := mask.XOR(got, p[:at], k, pos)
		next = mask.XOR(got[at:], p[at:], k, next)
		if !bytes.Equal(got, want) || next != int((uint(pos)+uint(len(p)))%4) {
			t.Fatalf("key %x, pos %d, cut %d: %x, next %d, want %x", k, pos, at, got, next, want)
		}
		ascii := true
		for _, c := range p {
			ascii = ascii && c < 0x80
		}
		if _, saw := mask.XORASCII(got, got, k, pos); !bytes.Equal(got, p) || saw != ascii {
			t.Fatalf("unmasked to %x, was %x; ASCII is %v, not %v", got, p, saw, ascii)
		}
		for i, c := range memory {
			if i < int(shift%32) || i >= int(shift%32)+len(p) {
				if c != 0 {
					t.Fatalf("byte %d outside was written", i)
				}
			}
		}
	})
}

// FuzzSequence: a sequence of headers, one a pair of bytes, is judged as the
// model judges it, whatever reserved bits an extension uses; a refused header
// changes nothing.
func FuzzSequence(f *testing.F) {
	f.Fuzz(func(t *testing.T, server bool, rsv uint8, b []byte) {
		v := frame.Validator{Role: frame.Client, RSV: frame.RSV(rsv & 7)}
		if server {
			v.Role = frame.Server
		}
		m := model{server: server, rsv: rsv & 7}
		for ; len(b) >= 2; b = b[2:] {
			wire := []byte{b[0], b[1]}
			switch b[1] & 127 {
			case 126:
				wire = append(wire, 1, 0)
			case 127:
				wire = append(wire, 0, 0, 0, 0, 0, 1, 0, 0)
			}
			if b[1] >= 128 {
				wire = append(wire, "key!"...)
			}
			h, _, err := frame.ParseHeader(wire)
			if err != nil {
				t.Fatalf("%x: %v", wire, err)
			}
			checkWhole(t, &v, wire, h)
			err = v.Check(h)
			if _, _, code := m.header(wire); (err == nil) != (code == 0) {
				t.Fatalf("%x, inside a message %v: %v, the model says %d", wire, m.open, err, code)
			}
			if err == nil && h.Opcode < 8 {
				m.open = !h.FIN
			}
			if v.InMessage() != m.open {
				t.Fatalf("%x: inside a message is %v", wire, v.InMessage())
			}
		}
	})
}

// checkWhole has v recognize a frame with header wire and a payload of as many
// zeros as it takes, and every beginning of it, before v has judged h.
func checkWhole(t *testing.T, v *frame.Validator, wire []byte, h frame.Header) {
	whole := h.FIN && h.RSV == 0 && (h.Opcode == frame.Text || h.Opcode == frame.Binary) &&
		h.Masked == (v.Role == frame.Server) && h.Length <= 65535 && !v.InMessage()
	b := append(bytes.Clone(wire), make([]byte, min(h.Length, 1<<10))...)
	op, key, p, n := v.Whole(append(b, 1, 2, 3))
	if !whole && op != 0 {
		t.Fatalf("%x is taken for a whole message", wire)
	}
	if whole && (op != h.Opcode || key != h.Key || !bytes.Equal(p, b[len(wire):]) || n != len(b)) {
		t.Fatalf("%x: opcode %v, key %x, payload %x, %d bytes", b, op, key, p, n)
	}
	for cut := range b {
		if op, _, _, _ := v.Whole(b[:cut]); op != 0 {
			t.Fatalf("%x: the first %d bytes are taken for a whole message", b, cut)
		}
	}
}

// FuzzClose: a Close payload is judged as the model judges it, and what
// was parsed is written as the same bytes.
func FuzzClose(f *testing.F) {
	f.Fuzz(func(t *testing.T, p []byte) {
		code, reason, err := frame.ParseClose(p)
		if len(p) > 125 {
			if !errors.Is(err, frame.ErrControlTooLong) {
				t.Fatalf("%d bytes: %v", len(p), err)
			}
			return
		}
		var m model
		m.control(8, p)
		end := int(code)
		var rule *frame.Error
		if errors.As(err, &rule) {
			end = int(rule.Code)
		}
		if end != m.out.end {
			t.Fatalf("%x: %v %v, the model says %d", p, code, err, m.out.end)
		}
		if err != nil {
			return
		}
		if again, err := frame.AppendClose(nil, code, reason); err != nil || !bytes.Equal(again, p) {
			t.Fatalf("%x became %v %q became %x, %v", p, code, reason, again, err)
		}
	})
}
