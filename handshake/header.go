package handshake

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Field names in the canonical form of net/http, which matches every case.
const (
	fieldAccept        = "Sec-Websocket-Accept"
	fieldAuthorization = "Authorization"
	fieldConnection    = "Connection"
	fieldExtensions    = "Sec-Websocket-Extensions"
	fieldHost          = "Host"
	fieldKey           = "Sec-Websocket-Key"
	fieldOrigin        = "Origin"
	fieldProtocol      = "Sec-Websocket-Protocol"
	fieldUpgrade       = "Upgrade"
	fieldVersion       = "Sec-Websocket-Version"
)

var (
	errBareLineEnd = errors.New("a line does not end in CR LF")
	errFold        = errors.New("a header field is folded or begins with a space")
	errFieldName   = errors.New("a header field name is not a token")
	errFieldValue  = errors.New("a header field value has a control character")
	errStartLine   = errors.New("the first line is malformed")
)

// headEnd returns the length of the head with its blank line. While the blank
// line is missing it returns ErrIncomplete, or errBareLineEnd when no further
// byte could help.
func headEnd(b []byte) (int, error) {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4, nil
	}
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0, ErrIncomplete
		}
		if i += n; i == 0 || b[i-1] != '\r' {
			return 0, errBareLineEnd
		}
	}
}

// cutLine cuts the first line off a head whose every line ends in CR LF. A CR or
// LF left inside the line is for the line's own parser to refuse.
func cutLine(head string) (line, rest string) {
	line, rest, _ = strings.Cut(head, "\r\n")
	return line, rest
}

// parseField parses one header line (RFC 7230, section 3.2).
func parseField(line string) (name, value string, err error) {
	if line[0] == ' ' || line[0] == '\t' {
		return "", "", errFold
	}
	name, value, found := strings.Cut(line, ":")
	if !found || !isToken(name) { // a space before the colon is in the name
		return "", "", errFieldName
	}
	if value = trim(value); !validValue(value) {
		return "", "", errFieldValue
	}
	return name, value, nil
}

// validProto reports whether s is "HTTP/" digit "." digit.
func validProto(s string) bool {
	return len(s) == 8 && s[:5] == "HTTP/" && isDigit(s[5]) && s[6] == '.' && isDigit(s[7])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// upgradable reports whether proto is HTTP/1.1 or a later HTTP/1. HTTP/2 and
// HTTP/3 have no upgrade.
func upgradable(proto string) bool {
	return validProto(proto) && proto[5] == '1' && proto[7] >= '1'
}

// owned reports whether the handshake itself decides about a field, so that a
// caller's header may not have it.
func owned(name string) bool {
	for _, f := range [...]string{fieldHost, fieldUpgrade, fieldConnection, "Content-Length", "Transfer-Encoding"} {
		if equalFold(name, f) {
			return true
		}
	}
	return hasPrefixFold(name, "Sec-WebSocket-")
}

// hasField reports whether h has a field, in whatever case its name is.
func hasField(h http.Header, name string) bool {
	for n, values := range h {
		if len(values) > 0 && equalFold(n, name) {
			return true
		}
	}
	return false
}

// validHeader checks a caller's header. Names in except may stand although the
// handshake owns them.
func validHeader(h http.Header, except ...string) error {
	for name, values := range h {
		if !isToken(name) {
			return fmt.Errorf("handshake: Header: field name %q is not a token", name)
		}
		if owned(name) && !slices.Contains(except, name) {
			return fmt.Errorf("handshake: Header: field %s belongs to the handshake", name)
		}
		for _, v := range values {
			if !validValue(v) {
				return fmt.Errorf("handshake: Header: field %s has a control character such as CR, LF or NUL", name)
			}
		}
	}
	return nil
}

// appendHeader appends the fields of h that are valid and not owned, sorted by
// name so that equal headers give equal bytes.
func appendHeader(dst []byte, h http.Header) []byte {
	if len(h) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !isToken(name) || owned(name) {
			continue
		}
		for _, v := range h[name] {
			if validValue(v) {
				dst = appendField(dst, name, v)
			}
		}
	}
	return dst
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, trim(value)...), "\r\n"...)
}
