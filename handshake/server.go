package handshake

import (
	"errors"
	"fmt"
	"net/http"
)

// Server holds what a server accepts. The zero Server accepts its own origin,
// no subprotocol and no extension. It may serve many requests at once.
type Server struct {
	// Subprotocols are what the server speaks, most preferred first.
	Subprotocols []string
	// OriginPatterns are origins that may connect beside the server's own:
	//
	//	example.com                   http or https, at its default port
	//	example.com:8080              that port; ":*" is any port
	//	*.example.com                 any subdomain, but not example.com itself
	//	https://app.example.com:8443  that scheme too
	//	*                             any origin but null
	//	null                          opaque origins, such as sandboxed frames
	//
	// Requests without an Origin come from programs that are not browsers, and
	// pass (RFC 6455, section 10.2).
	OriginPatterns []string
	// Secure says that clients reach the server over TLS although it doesn't see
	// that itself, as behind a proxy. The server's own origin is https then.
	Secure bool
	// Negotiate picks among the client's offers, which come in its order of
	// preference. What it returns goes into the response in that order. It is
	// not called when there are no offers. An error refuses the handshake: as
	// it is when it is an *Error, with status 400 otherwise. Nil accepts none.
	Negotiate func(offers []Extension) (agreed []Extension, err error)
	// Header holds further fields for the response, such as Set-Cookie. Fields
	// of the handshake are refused.
	Header http.Header
}

// Validate reports the first setting that can't be used. [Server.Check] does the
// same for each request, with status 500.
func (s *Server) Validate() error {
	if err := validSubprotocols(s.Subprotocols); err != nil {
		return err
	}
	for _, p := range s.OriginPatterns {
		if _, ok := parseOriginPattern(p); !ok {
			return fmt.Errorf("handshake: OriginPatterns: %q is not a pattern", p)
		}
	}
	return validHeader(s.Header)
}

// Check judges a request (RFC 6455, section 4.2.1) and decides what to agree on
// (RFC 6455, section 4.2.2). A refusal is an [*Error] with the status to answer:
// 405 for the method, 426 for a request that doesn't ask for WebSocket or asks
// for another version, 403 for the origin, 500 for what the server's own
// settings got wrong, 400 otherwise.
func (s *Server) Check(r *Request) (Result, error) {
	if err := s.Validate(); err != nil {
		return Result{}, misconfigured(err)
	}
	if err := s.judge(r); err != nil {
		return Result{}, err
	}
	var one [1]string // mostly
	offers, err := parseSubprotocols(r.appendLines(one[:0], knownProtocol))
	if err != nil {
		return Result{}, badRequest("4.2.1", "malformed Sec-WebSocket-Protocol field", err)
	}
	exts, err := s.negotiate(r)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Subprotocol: selectSubprotocol(s.Subprotocols, offers),
		Extensions:  exts,
		Header:      r.header,
	}, nil
}

// judge says whether r is a handshake, and from an origin that may have one.
func (s *Server) judge(r *Request) *Error {
	if err := checkRequest(r); err != nil {
		return err
	}
	if err := checkVersion(r); err != nil {
		return err
	}
	if err := checkKey(r); err != nil {
		return err
	}
	return s.checkOrigin(r)
}

func misconfigured(err error) *Error {
	return &Error{Status: http.StatusInternalServerError, Reason: "the server is misconfigured", Err: err}
}

func checkRequest(r *Request) *Error {
	if r.Method != http.MethodGet {
		e := refuse(http.StatusMethodNotAllowed, "4.2.1", "the method is not GET")
		e.Header = http.Header{"Allow": {http.MethodGet}}
		return e
	}
	if !upgradable(r.Proto) {
		return refuse(http.StatusBadRequest, "4.2.1", "the request is not HTTP/1.1")
	}
	if r.Resource() == "" {
		return refuse(http.StatusBadRequest, "4.2.1", "the request target is neither a path nor an http URI")
	}
	if _, _, ok := splitHost(r.Host); r.hosts != 1 || !ok {
		return refuse(http.StatusBadRequest, "4.2.1", "the Host field is missing, repeated or malformed")
	}
	// Its bytes would be taken for frames.
	if r.hasBody {
		return refuse(http.StatusBadRequest, "4.2.1", "the request has a body")
	}
	if !r.hasToken(knownUpgrade, "websocket") {
		return upgradeRequired("4.2.1", "the Upgrade field does not list websocket")
	}
	if !r.hasToken(knownConnection, "Upgrade") {
		return refuse(http.StatusBadRequest, "4.2.1", "the Connection field does not list Upgrade")
	}
	return nil
}

// upgradeRequired tells the client what the server would accept
// (RFC 6455, section 4.4).
func upgradeRequired(section, reason string) *Error {
	e := refuse(http.StatusUpgradeRequired, section, reason)
	e.Header = http.Header{fieldConnection: {"Upgrade"}, fieldUpgrade: {"websocket"}, fieldVersion: {"13"}}
	return e
}

func checkVersion(r *Request) *Error {
	switch version, n := r.lookup(knownVersion); {
	case n > 1: // once in a request (RFC 6455, section 11.3.5)
		return refuse(http.StatusBadRequest, "11.3.5", "the Sec-WebSocket-Version field is repeated")
	case version != "13":
		return upgradeRequired("4.2.2", "the WebSocket version is not 13")
	}
	return nil
}

func checkKey(r *Request) *Error {
	switch key, n := r.lookup(knownKey); {
	case n > 1: // once in a request (RFC 6455, section 11.3.1)
		return refuse(http.StatusBadRequest, "11.3.1", "the Sec-WebSocket-Key field is repeated")
	case !validKey(key):
		return refuse(http.StatusBadRequest, "4.2.1", "the Sec-WebSocket-Key field is not the base64 of 16 bytes")
	}
	return nil
}

func (s *Server) checkOrigin(r *Request) *Error {
	switch value, n := r.lookup(knownOrigin); {
	case n == 0:
		return nil
	case n > 1:
		return refuse(http.StatusBadRequest, "4.2.1", "the Origin field is repeated")
	case !s.originAllowed(value, r.Host, s.Secure || r.Secure):
		e := refuse(http.StatusForbidden, "10.2", "the origin is not allowed")
		if s.originAllowed(value, r.Host, true) {
			e.Err = errSecureUnset
		}
		return e
	}
	return nil
}

var errSecureUnset = errors.New("it would be if the request had come over TLS; behind a proxy that ends TLS, set Secure")

func (s *Server) negotiate(r *Request) ([]Extension, error) {
	// Offers are judged even by a server that accepts none.
	offers := extensionParser{keep: s.Negotiate != nil}
	var one [1]string // mostly
	if err := offers.parse(r.appendLines(one[:0], knownExtensions)); err != nil {
		return nil, badRequest("9.1", "malformed Sec-WebSocket-Extensions field", err)
	}
	if len(offers.exts) == 0 {
		return nil, nil
	}
	agreed, err := s.Negotiate(offers.exts)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, badRequest("9.1", "the extension offers can't be accepted", err)
	}
	for _, e := range agreed {
		if err := e.valid(); err != nil {
			return nil, misconfigured(fmt.Errorf("handshake: Negotiate: %w", err))
		}
	}
	// Only what the client offered may be accepted (RFC 6455, section 4.2.2).
	if !offered(agreed, offers.exts) {
		return nil, misconfigured(errors.New("handshake: Negotiate: an extension was not offered"))
	}
	return agreed, nil
}

// AppendResponse appends the 101 that accepts r (RFC 6455, section 4.2.2). The
// request and the result are those of a [Server.Check] that succeeded. What
// could not stand in a header is left out.
func (s *Server) AppendResponse(dst []byte, r *Request, res Result) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"...)
	key, _ := r.lookup(knownKey)
	dst = append(appendAccept(append(dst, "Sec-WebSocket-Accept: "...), key), "\r\n"...)
	var subprotocols []string
	if isToken(res.Subprotocol) {
		subprotocols = []string{res.Subprotocol}
	}
	exts := res.Extensions
	for _, e := range exts {
		if e.valid() != nil {
			exts = nil
			break
		}
	}
	dst = appendAgreed(dst, subprotocols, exts)
	dst = appendHeader(dst, s.Header)
	return append(dst, "\r\n"...)
}
