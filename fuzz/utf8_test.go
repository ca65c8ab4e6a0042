package fuzz

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/seed24abed78/rfc6455/frame"
)

// FuzzUTF8: a text whole, cut in two anywhere, and in pieces of the sizes that
// cuts gives, is judged as unicode/utf8 judges the whole, and refused no later
// and no earlier than the first byte that can't be right.
func FuzzUTF8(f *testing.F) {
	f.Fuzz(func(t *testing.T, text, cuts []byte) {
		want := utf8.Valid(text)
		if got := frame.ValidUTF8(text); got != want {
			t.Fatalf("ValidUTF8: got %v, want %v", got, want)
		}

		// Byte by byte, and where it fails; unicode/utf8 agrees on the place.
		bad := len(text)
		var slow frame.UTF8
		for i := range text {
			if !slow.Check(text[i : i+1]) {
				bad = i
				break
			}
		}
		if got := slow.Complete(); got != want {
			t.Fatalf("byte by byte: got %v, want %v", got, want)
		}
		if bad < len(text) && (hopeless(text[:bad]) || !hopeless(text[:bad+1])) {
			t.Fatalf("%x: byte %d can't be right", text, bad)
		}

		// Every cut of a short text; of a long one, those around the pieces
		// that the fast ways work on.
		for cut := range len(text) + 1 {
			if cut > 80 && cut < len(text)-80 && cut%61 != 0 {
				continue
			}
			var two frame.UTF8
			if got := two.Check(text[:cut]); got != (cut <= bad) {
				t.Fatalf("%x: the first %d bytes can be right: %v", text, cut, got)
			}
			if got := two.Check(text[cut:]) && two.Complete(); got != want {
				t.Fatalf("%x cut at %d: got %v", text, cut, got)
			}
		}

		var u frame.UTF8
		rest := bytes.Clone(text)
		for at := 0; ; {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, int(cuts[0]))
				cuts = cuts[1:]
			} else if n > 0 && at > 0 {
				n = max(1, n/2)
			}
			at += n
			if got := u.Check(rest[:n]); got != (at <= bad) {
				t.Fatalf("piece %d..%d: got %v, and byte %d can't be right", at-n, at, got, bad)
			}
			if rest = rest[n:]; len(rest) == 0 {
				break
			}
		}
		if got := u.Complete(); got != want {
			t.Fatalf("in pieces: got %v, want %v", got, want)
		}
	})
}
