package fuzz

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed24abed78/rfc6455/frame"
)

// FuzzUTF8 checks text whole and in pieces of the sizes that cuts gives; the
// second opinions are utf8.Valid and the same check one byte at a time.
func FuzzUTF8(f *testing.F) {
	long := strings.Repeat("κόσμε, 世界 and 😀 ", 20)
	for _, seed := range []string{
		"", "Hello", long, long[:97], long[1:],
		strings.Repeat("a", 95) + "\xf0\x9f\x98",
		strings.Repeat("a", 127) + "\xed\xa0\x80" + strings.Repeat("a", 64),
		strings.Repeat("\xf4\x8f\xbf\xbf", 40),
		strings.Repeat("\xe0\xa0\x80", 60) + "\xe0\x9f\xbf",
		strings.Repeat("é", 47) + "\xc0\xaf",
		strings.Repeat("a", 63) + "\xf4\x90\x80\x80",
	} {
		f.Add([]byte(seed), []byte{1, 30, 64, 3, 200})
	}
	f.Fuzz(func(t *testing.T, text, cuts []byte) {
		want := utf8.Valid(text)
		if got := frame.ValidUTF8(text); got != want {
			t.Fatalf("ValidUTF8: got %v, want %v", got, want)
		}

		// Byte by byte, and where it fails.
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
