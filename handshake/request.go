package handshake

import (
	"bytes"
	"net/http"
	"strings"
)

// Request is a client's opening handshake as a server sees it. Make one with
// [ParseRequest] or [FromHTTP].
type Request struct {
	Method string
	// Target is the request target as sent: "/chat?x=1", or absolute as
	// "http://example.com/chat?x=1".
	Target string
	Proto  string
	// Host names the server. An absolute target takes the place of the Host
	// field (RFC 7230, section 5.4).
	Host string
	// Secure says that the request came over TLS. FromHTTP sets it; after
	// ParseRequest the caller does, or sets Server.Secure.
	Secure bool

	fields  []field     // from ParseRequest
	header  http.Header // from FromHTTP
	hosts   int         // how many Host fields there were
	hasBody bool
}

type field struct{ name, value string }

// ParseRequest parses the head of an HTTP/1 request and returns how many bytes
// it took; what follows belongs to the connection. It returns ErrIncomplete
// while the head's blank line is missing, and an [*Error] with status 400 when
// the head breaks the grammar (RFC 6455, section 4.2.1). Whether the request is
// a WebSocket handshake is for [Server.Check] to say.
//
// The Request does not refer to b.
func ParseRequest(b []byte) (*Request, int, error) {
	n, err := headEnd(b)
	if err == ErrIncomplete {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, badRequest("4.2.1", "malformed request", err)
	}
	rest := string(b[:n-2]) // without the blank line
	line, rest := cutLine(rest)
	r := new(Request)
	if !r.parseLine(line) {
		return nil, 0, badRequest("4.2.1", "malformed request", errStartLine)
	}
	r.fields = make([]field, 0, bytes.Count(b[:n], []byte{'\n'})-2)
	for rest != "" {
		line, rest = cutLine(rest)
		name, value, err := parseField(line)
		if err != nil {
			return nil, 0, badRequest("4.2.1", "malformed request", err)
		}
		r.fields = append(r.fields, field{name, value})
	}
	r.Host, r.hosts = r.lookup(fieldHost)
	if authority, _, ok := cutAbsolute(r.Target); ok {
		r.Host = authority
	}
	length, lengths := r.lookup("Content-Length")
	_, encodings := r.lookup("Transfer-Encoding")
	r.hasBody = encodings > 0 || lengths > 1 || lengths == 1 && length != "0"
	return r, n, nil
}

// parseLine parses "method target proto" with one space between.
func (r *Request) parseLine(line string) bool {
	method, rest, _ := strings.Cut(line, " ")
	target, proto, _ := strings.Cut(rest, " ")
	if !isToken(method) || !validTarget(target) || !validProto(proto) {
		return false
	}
	r.Method, r.Target, r.Proto = method, target, proto
	return true
}

func validTarget(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return s != ""
}

// cutAbsolute splits an absolute target into authority and resource name.
func cutAbsolute(target string) (authority, resource string, ok bool) {
	if target == "" || target[0] == '/' {
		return "", "", false
	}
	scheme, rest, found := strings.Cut(target, "://")
	if !found || defaultPort(lowerASCII(scheme)) == "" {
		return "", "", false
	}
	i := strings.IndexAny(rest, "/?")
	if i < 0 {
		return rest, "/", true
	}
	if rest[i] == '?' {
		return rest[:i], "/" + rest[i:], true
	}
	return rest[:i], rest[i:], true
}

// FromHTTP returns the handshake in a request that net/http has parsed. The
// Request refers to r's header.
func FromHTTP(r *http.Request) *Request {
	target := r.RequestURI
	if target == "" && r.URL != nil {
		target = r.URL.RequestURI()
	}
	hosts := 0
	if r.Host != "" {
		hosts = 1 // net/http refuses several
	}
	return &Request{
		Method: r.Method, Target: target, Proto: r.Proto, Host: r.Host, Secure: r.TLS != nil,
		header: r.Header, hosts: hosts,
		hasBody: r.ContentLength != 0 || len(r.TransferEncoding) > 0,
	}
}

// Resource returns the resource name: the path and query of Target, whichever
// form it has, or "" when it has neither form (RFC 6455, section 4.2.1).
func (r *Request) Resource() string {
	if strings.HasPrefix(r.Target, "/") {
		return r.Target
	}
	_, resource, _ := cutAbsolute(r.Target)
	return resource
}

// Header returns the first value of a field, or "". Case does not matter in name.
func (r *Request) Header(name string) string {
	v, _ := r.lookup(name)
	return v
}

// Values returns every value of a field in the order of the lines. The caller
// does not change the slice.
func (r *Request) Values(name string) []string {
	if r.header != nil {
		return r.header.Values(name)
	}
	var values []string
	for i := range r.fields {
		if equalFold(r.fields[i].name, name) {
			values = append(values, r.fields[i].value)
		}
	}
	return values
}

// lookup returns the first value of a field, and how many there are.
func (r *Request) lookup(name string) (first string, n int) {
	if r.header != nil {
		values := r.header.Values(name)
		if len(values) > 0 {
			first = trim(values[0])
		}
		return first, len(values)
	}
	for i := range r.fields {
		if equalFold(r.fields[i].name, name) {
			if n == 0 {
				first = r.fields[i].value
			}
			n++
		}
	}
	return first, n
}

// hasToken reports whether any line of a field lists token.
func (r *Request) hasToken(name, token string) bool {
	if r.header != nil {
		for _, v := range r.header.Values(name) {
			if listHas(v, token) {
				return true
			}
		}
		return false
	}
	for i := range r.fields {
		if equalFold(r.fields[i].name, name) && listHas(r.fields[i].value, token) {
			return true
		}
	}
	return false
}
