package handshake

import (
	"iter"
	"strings"
)

// tokenChars marks the bytes of a token: printable ASCII without separators
// (RFC 7230, section 3.2.6).
var tokenChars = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return s != ""
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold compares as RFC 6455, section 2.1 has it: A to Z equal a to z, and
// no other characters fold. (strings.EqualFold would match the Kelvin sign.)
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}

// trim removes optional whitespace: spaces and tabs, nothing else.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// elements yields the non-empty elements of a comma list (RFC 7230, section 7
// lets empty elements stand and has them ignored). No element may be quoted.
func elements(line string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for more := true; more; {
			var e string
			e, line, more = strings.Cut(line, ",")
			if e = trim(e); e != "" && !yield(e) {
				return
			}
		}
	}
}

// listHas reports whether a comma list contains token in any ASCII case.
func listHas(line, token string) bool {
	for e := range elements(line) {
		if equalFold(e, token) {
			return true
		}
	}
	return false
}

// validValue reports whether s may stand as a field value: no control
// characters but the tab, so neither CR, LF nor NUL.
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
