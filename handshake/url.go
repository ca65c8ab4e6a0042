package handshake

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ParseURL parses the address of a WebSocket server (RFC 6455, section 3). The
// scheme is ws or wss, or http or https, which come back as ws and wss; ASCII
// case does not matter. A fragment, an empty host and a port outside 1 to 65535
// are refused. User information stays in the URL; [Client.AppendRequest] sends
// it as basic authentication.
//
// A host that is not ASCII comes back in its "xn--" form, in lower case
// (RFC 6455, section 11.1; RFC 5891). That covers letters of Latin, Greek,
// Cyrillic, Armenian, Georgian, Hebrew, Arabic, Ethiopic, Chinese, Japanese and
// Korean, each as one character. Everything that would need Unicode's
// normalisation is refused, combining marks above all, and with them most names
// of India and South-East Asia: write the xn-- form of those. The rule on the
// direction of writing (RFC 5893) is left to the registries.
func ParseURL(s string) (*url.URL, error) {
	// Even an empty fragment is one (RFC 6455, section 3).
	if strings.Contains(s, "#") {
		return nil, errors.New("handshake: URL: a WebSocket address has no fragment; write # as %23")
	}
	u, err := url.Parse(s)
	if err != nil {
		// The text is left out: it may hold a password.
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		return nil, fmt.Errorf("handshake: URL: %w", err)
	}
	if err := convertHost(u); err != nil {
		return nil, err
	}
	if err := validURL(u); err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	}
	u.Host = strings.TrimSuffix(u.Host, ":")
	return u, nil
}

// convertHost puts a name that is not ASCII into its xn-- form.
func convertHost(u *url.URL) error {
	if isASCII(u.Host) {
		return nil
	}
	name, port, hasPort := strings.Cut(u.Host, ":")
	ascii, err := toASCII(name)
	if err != nil {
		return fmt.Errorf("handshake: URL: host %q: %w; write its xn-- form", u.Host, err)
	}
	u.Host = ascii
	if hasPort {
		u.Host += ":" + port
	}
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Address returns the host and port to dial for a URL that [ParseURL] returned.
// The port is 80 for ws and 443 for wss unless the URL has one
// (RFC 6455, section 3).
func Address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// validURL judges a URL from any source, for a caller may build one by hand.
func validURL(u *url.URL) error {
	if u == nil {
		return errors.New("handshake: URL: missing")
	}
	if defaultPort(lowerASCII(u.Scheme)) == "" {
		return fmt.Errorf("handshake: URL: scheme %q is none of ws, wss, http, https", u.Scheme)
	}
	if u.Fragment != "" {
		return errors.New("handshake: URL: a WebSocket address has no fragment")
	}
	if u.Opaque != "" || u.Host == "" || u.Host[0] == ':' {
		return errors.New("handshake: URL: the host is missing")
	}
	if !isASCII(u.Host) {
		return fmt.Errorf("handshake: URL: host %q is not ASCII; ParseURL converts it", u.Host)
	}
	if _, _, ok := splitHost(u.Host); !ok {
		return fmt.Errorf("handshake: URL: host %q is not a host with an optional port", u.Host)
	}
	if u.Path != "" && u.Path[0] != '/' {
		return errors.New("handshake: URL: the path does not begin with a slash")
	}
	if !validValue(u.RawQuery) {
		return errors.New("handshake: URL: the query has a control character")
	}
	return nil
}

// appendTarget appends the resource name (RFC 6455, section 3): the path, "/"
// when it is empty, and the query when there is one. Bytes that no URI has are
// percent-encoded (RFC 6455, section 11.1).
func appendTarget(dst []byte, u *url.URL) []byte {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	dst = append(dst, path...)
	if u.RawQuery == "" {
		return dst
	}
	dst = append(dst, '?')
	for i := range len(u.RawQuery) {
		switch c := u.RawQuery[i]; {
		case c <= ' ' || c >= 0x7f || c == '#':
			const hex = "0123456789ABCDEF"
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// hostField returns the value of Host: the port only when it is not the default
// of the scheme (RFC 6455, section 4.1), and no IPv6 zone, which means nothing
// to the peer.
func hostField(u *url.URL) string {
	host, port, _ := splitHost(u.Host)
	if port == "" || port == defaultPort(lowerASCII(u.Scheme)) {
		return host
	}
	return host + ":" + port
}
