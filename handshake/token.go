package handshake

import "strings"

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

func isToken[T string | []byte](s T) bool {
	for i := range len(s) {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold compares as RFC 6455, section 2.1 has it: A to Z equal a to z, and
// no other characters fold. (strings.EqualFold would match the Kelvin sign.)
func equalFold[T string | []byte](a T, b string) bool {
	if len(a) != len(b) {
		return false
	}
	if string(a) == b {
		return true
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
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// cutByte is strings.Cut for one byte, which is found faster.
func cutByte(s string, c byte) (before, after string, found bool) {
	if i := strings.IndexByte(s, c); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// listHas reports whether a comma list contains token in any ASCII case.
func listHas(line, token string) bool {
	for more := true; more; {
		var e string
		e, line, more = cutByte(line, ',')
		if equalFold(trim(e), token) {
			return true
		}
	}
	return false
}

// validValue reports whether s may stand as a field value: no control
// characters but the tab, so neither CR, LF nor NUL.
func validValue(s string) bool {
	for i := range len(s) {
		if !validByte(s[i]) {
			return false
		}
	}
	return true
}

func validByte(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }
