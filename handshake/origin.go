package handshake

import (
	"net/netip"
	"strings"
)

// origin is a scheme, a host and a port, in comparable form: lower case, IPv6
// addresses in their canonical text, default ports filled in.
type origin struct{ scheme, host, port string }

// parseOrigin parses "scheme://host[:port]" and nothing longer
// (RFC 6454, section 6.2).
func parseOrigin(s string) (origin, bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !validScheme(scheme) {
		return origin{}, false
	}
	return originOf(lowerASCII(scheme), rest)
}

// originOf is the origin of a scheme in lower case and "host[:port]".
func originOf(scheme, authority string) (origin, bool) {
	host, port, ok := splitHost(authority)
	if !ok {
		return origin{}, false
	}
	if port == "" {
		port = defaultPort(scheme)
	}
	return origin{scheme, host, port}, true
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

func validScheme(s string) bool {
	for i := range len(s) {
		c := lower(s[i])
		letter := 'a' <= c && c <= 'z'
		other := '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for i := range b {
				b[i] = lower(b[i])
			}
			return string(b)
		}
	}
	return s
}

// splitHost parses "host", "host:port", "[ipv6]" or "[ipv6]:port". It returns
// the host in lower case, an IPv6 address in brackets and without its zone, and
// the port without leading zeros or "" for none. Anything else, user
// information and non-ASCII names among it, is refused.
func splitHost(s string) (host, port string, ok bool) {
	if strings.HasPrefix(s, "[") {
		host, port, ok = splitIPv6(s)
	} else {
		host, port, _ = cutByte(s, ':')
		host, ok = lowerName(host)
	}
	if !ok {
		return "", "", false
	}
	if port == "" { // "host:" is a host with the default port
		return host, "", true
	}
	port, ok = cleanPort(port)
	return host, port, ok
}

func splitIPv6(s string) (host, port string, ok bool) {
	literal, rest, found := strings.Cut(s[1:], "]")
	addr, err := netip.ParseAddr(literal)
	if !found || err != nil || !addr.Is6() {
		return "", "", false
	}
	if rest != "" && rest[0] != ':' {
		return "", "", false
	}
	return "[" + addr.WithZone("").String() + "]", strings.TrimPrefix(rest, ":"), true
}

// nameChars has the lower case of the bytes that stand in a host's name, and 0
// for the others.
var nameChars = func() (t [256]byte) {
	for _, c := range "-._~0123456789abcdefghijklmnopqrstuvwxyz" {
		t[c] = byte(c)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = lower(byte(c))
	}
	return t
}()

func lowerName(s string) (name string, ok bool) {
	upper := false
	for i := range len(s) {
		c := nameChars[s[i]]
		if c == 0 {
			return "", false
		}
		upper = upper || c != s[i]
	}
	if upper {
		s = lowerASCII(s)
	}
	return s, s != ""
}

func cleanPort(s string) (string, bool) {
	port, n := strings.TrimLeft(s, "0"), 0
	for i := range len(port) {
		if !isDigit(port[i]) || n >= 1<<16 {
			return "", false
		}
		n = n*10 + int(port[i]-'0')
	}
	return port, 0 < n && n < 1<<16
}

// originPattern is a parsed element of Server.OriginPatterns.
type originPattern struct {
	any, null bool
	scheme    string // "" is http and https
	suffix    bool   // host begins with "*.", and is kept as ".example.com"
	host      string
	port      string // "" is the default port of the scheme, "*" is any
}

func parseOriginPattern(s string) (p originPattern, ok bool) {
	switch s {
	case "*":
		return originPattern{any: true}, true
	case "null":
		return originPattern{null: true}, true
	}
	if scheme, rest, found := strings.Cut(s, "://"); found {
		if !validScheme(scheme) {
			return p, false
		}
		p.scheme, s = lowerASCII(scheme), rest
	}
	anyPort := false
	if s, anyPort = strings.CutSuffix(s, ":*"); anyPort && strings.Contains(s, ":") && !strings.HasSuffix(s, "]") {
		return p, false
	}
	s, p.suffix = strings.CutPrefix(s, "*.")
	if p.host, p.port, ok = splitHost(s); !ok || p.suffix && p.host[0] == '[' {
		return p, false
	}
	if p.suffix {
		p.host = "." + p.host
	}
	if anyPort {
		p.port = "*"
	}
	return p, true
}

func (p originPattern) match(o origin) bool {
	if p.any {
		return true
	}
	if p.null {
		return false
	}
	if p.scheme != o.scheme && (p.scheme != "" || o.scheme != "http" && o.scheme != "https") {
		return false
	}
	if p.port != "*" && o.port != p.port && (p.port != "" || o.port != defaultPort(o.scheme)) {
		return false
	}
	if p.suffix {
		return len(o.host) > len(p.host) && strings.HasSuffix(o.host, p.host)
	}
	return o.host == p.host
}

// originAllowed judges one Origin field. Without a matching pattern it must be
// the origin that the request went to: same scheme, host and port. The host has
// been judged.
func (s *Server) originAllowed(value, host string, secure bool) bool {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	// Mostly it is that in the same letters, and need not be taken apart.
	rest, found := strings.CutPrefix(value, scheme)
	if rest, ok := strings.CutPrefix(rest, "://"); found && ok && rest == host {
		return true
	}
	return s.originMatches(value, scheme, host)
}

func (s *Server) originMatches(value, scheme, host string) bool {
	o, ok := parseOrigin(value)
	if !ok && value != "null" {
		return false
	}
	for _, text := range s.OriginPatterns {
		p, valid := parseOriginPattern(text)
		if valid && (p.null && value == "null" || ok && p.match(o)) {
			return true
		}
	}
	self, valid := originOf(scheme, host)
	return ok && valid && o == self
}
