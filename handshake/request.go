package handshake

import (
	"iter"
	"net/http"
	"slices"
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

	hasBody bool
	hosts   int // how many Host fields there were

	// From ParseRequest: the head as sent, and where its fields are.
	head string
	seen [unknown + 1]seen

	header http.Header // from FromHTTP
}

// seen is what a head has of one field.
type seen struct {
	value span // of the first line
	lines uint32
}

// ParseRequest parses the head of an HTTP/1 request and returns how many bytes
// it took; what follows belongs to the connection. It returns ErrIncomplete
// while the head's blank line is missing, and an [*Error] with status 400 as
// soon as a line breaks the grammar (RFC 6455, section 4.2.1). Whether the
// request is a WebSocket handshake is for [Server.Check] to say.
//
// The Request does not refer to b.
func ParseRequest(b []byte) (*Request, int, error) {
	// This is inlined, so a Request that stays with the caller is not on the
	// heap.
	return new(Request).parse(b)
}

func (r *Request) parse(b []byte) (*Request, int, error) {
	first, n, err := scanHead(b, func(k known, _, value span) {
		s := &r.seen[k]
		if s.lines == 0 {
			s.value = value
		}
		s.lines++
	})
	if err == nil {
		r.head = string(b[:n])
		if !r.parseLine(r.head[:first]) {
			err = errStartLine
		}
	}
	switch {
	case err == ErrIncomplete:
		return nil, 0, err
	case err != nil:
		return nil, 0, badRequest("4.2.1", "malformed request", err)
	}
	r.Host, r.hosts = r.lookup(knownHost)
	if authority, _, ok := cutAbsolute(r.Target); ok {
		r.Host = authority
	}
	length, lengths := r.lookup(knownLength)
	_, encodings := r.lookup(knownEncoding)
	r.hasBody = encodings > 0 || lengths > 1 || lengths == 1 && length != "0"
	return r, n, nil
}

// parseLine parses "method target proto" with one space between.
func (r *Request) parseLine(line string) bool {
	method, rest, _ := cutByte(line, ' ')
	target, proto, _ := cutByte(rest, ' ')
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
	for v := range r.values(name) {
		return v
	}
	return ""
}

// Values returns every value of a field in the order of the lines. The caller
// does not change the slice.
func (r *Request) Values(name string) []string {
	if r.header != nil {
		return r.header.Values(name)
	}
	return slices.Collect(r.values(name))
}

// values yields every value of a field.
func (r *Request) values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, v := range r.header.Values(name) {
			if !yield(trim(v)) {
				return
			}
		}
		_, lines, _ := strings.Cut(r.head, "\r\n")
		for lines != "" {
			var line string
			line, lines, _ = strings.Cut(lines, "\r\n")
			n, value, _ := strings.Cut(line, ":")
			if equalFold(n, name) && !yield(trim(value)) {
				return
			}
		}
	}
}

// lookup returns the first value of a known field, and how many there are.
func (r *Request) lookup(k known) (first string, n int) {
	if r.header == nil {
		s := &r.seen[k]
		return r.head[s.value.from:s.value.to], int(s.lines)
	}
	values := r.header[canonicalNames[k]]
	if len(values) > 0 {
		first = trim(values[0])
	}
	return first, len(values)
}

// hasToken reports whether any line of a known field lists token.
func (r *Request) hasToken(k known, token string) bool {
	first, n := r.lookup(k)
	if n <= 1 {
		return listHas(first, token)
	}
	for v := range r.values(knownNames[k]) {
		if listHas(v, token) {
			return true
		}
	}
	return false
}

// appendLines appends every value of a known field.
func (r *Request) appendLines(dst []string, k known) []string {
	switch first, n := r.lookup(k); n {
	case 0:
		return dst
	case 1:
		return append(dst, first)
	}
	return append(dst, r.Values(knownNames[k])...)
}
