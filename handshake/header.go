package handshake

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

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
