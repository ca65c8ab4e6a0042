package handshake

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Result is what both sides agreed on.
type Result struct {
	// Subprotocol is the one in use, or "".
	Subprotocol string
	// Extensions are those in use, in the order in which they apply to sent
	// data (RFC 6455, section 9.1).
	Extensions []Extension
	// Header is what the peer sent. On a server it is set after FromHTTP only.
	Header http.Header
	// Buffered holds bytes that came after the handshake. Whoever reads the
	// connection sets it.
	Buffered []byte
}

// Client is one opening handshake from the client's side. Use it for one
// connection only: the key is never used twice.
type Client struct {
	// URL is the server's address, from ParseURL. User information is sent as
	// basic authentication unless Header has Authorization.
	URL *url.URL
	// Header holds further fields, such as Cookie, Authorization or Origin. It
	// may replace Host; other fields of the handshake are refused.
	Header http.Header
	// Subprotocols are offered in this order, most preferred first.
	Subprotocols []string
	// Extensions are offered in this order, most preferred first.
	Extensions []Extension
	// Key is the Sec-WebSocket-Key. AppendRequest draws one when it is empty.
	Key string
}

// AppendRequest appends the request (RFC 6455, section 4.1). It refuses what
// could not stand in one, with an error that names the field of Client, and
// returns dst as it was.
func (c *Client) AppendRequest(dst []byte) ([]byte, error) {
	host, err := c.validate()
	if err != nil {
		return dst, err
	}
	if c.Key == "" {
		c.Key = NewKey()
	}
	begin := len(dst)
	dst = appendTarget(append(dst, "GET "...), c.URL)
	dst = append(dst, " HTTP/1.1\r\n"...)
	dst = appendField(dst, fieldHost, host)
	dst = append(dst, "Upgrade: websocket\r\nConnection: Upgrade\r\n"...)
	dst = appendField(dst, "Sec-WebSocket-Key", c.Key)
	dst = append(dst, "Sec-WebSocket-Version: 13\r\n"...)
	dst = appendAgreed(dst, c.Subprotocols, c.Extensions)
	if c.URL.User != nil && !hasField(c.Header, fieldAuthorization) {
		credentials, err := BasicAuth(c.URL.User)
		if err != nil {
			return dst[:begin], fmt.Errorf("handshake: URL: %w", err)
		}
		dst = appendField(dst, fieldAuthorization, credentials)
	}
	dst = appendHeader(dst, c.Header)
	return append(dst, "\r\n"...), nil
}

// BasicAuth returns the value of Authorization, or of Proxy-Authorization, for
// the user information of a URL (RFC 7617, section 2). A user name with a colon
// and control characters in either part are errors: they can't be sent so that
// they come out as they went in.
func BasicAuth(user *url.Userinfo) (string, error) {
	password, _ := user.Password()
	switch {
	case strings.Contains(user.Username(), ":"):
		return "", errors.New("a user name with a colon can't be sent as basic authentication")
	case !validValue(user.Username()) || !validValue(password):
		return "", errors.New("the user name or the password has a control character")
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)), nil
}

// appendAgreed appends the two fields that list what is offered or in use, and
// none that would be empty.
func appendAgreed(dst []byte, subprotocols []string, exts []Extension) []byte {
	for i, s := range subprotocols {
		if i == 0 {
			dst = append(dst, "Sec-WebSocket-Protocol: "...)
		} else {
			dst = append(dst, ", "...)
		}
		dst = append(dst, s...)
	}
	if len(subprotocols) > 0 {
		dst = append(dst, "\r\n"...)
	}
	if len(exts) > 0 {
		dst = append(dst, "Sec-WebSocket-Extensions: "...)
		dst = append(appendExtensions(dst, exts), "\r\n"...)
	}
	return dst
}

// validate checks everything the caller set and returns the value of Host.
func (c *Client) validate() (host string, err error) {
	if err := validURL(c.URL); err != nil {
		return "", err
	}
	if err := validHeader(c.Header, fieldHost); err != nil {
		return "", err
	}
	if len(c.Header[fieldOrigin]) > 1 {
		return "", errors.New("handshake: Header: field Origin has several values")
	}
	host = hostField(c.URL)
	if values, ok := c.Header[fieldHost]; ok {
		if len(values) != 1 {
			return "", errors.New("handshake: Header: field Host needs one value")
		}
		if _, _, ok := splitHost(values[0]); !ok {
			return "", fmt.Errorf("handshake: Header: field Host %q is not a host with an optional port", values[0])
		}
		host = values[0]
	}
	if err := validSubprotocols(c.Subprotocols); err != nil {
		return "", err
	}
	for _, e := range c.Extensions {
		if err := e.valid(); err != nil {
			return "", fmt.Errorf("handshake: Extensions: %w", err)
		}
	}
	if c.Key != "" && !validKey(c.Key) {
		return "", errors.New("handshake: Key is not the base64 of 16 bytes")
	}
	return host, nil
}

// Check judges the server's answer (RFC 6455, section 4.1). Any failure is an
// [*Error] with the response's status and header; the client then fails the
// connection. Interim responses other than 101 are for the caller to skip.
func (c *Client) Check(r *Response) (Result, error) {
	if err := c.checkUpgrade(r); err != nil {
		return Result{}, err
	}
	exts, err := c.checkExtensions(r)
	if err != nil {
		return Result{}, err
	}
	subprotocol, err := c.checkSubprotocol(r)
	if err != nil {
		return Result{}, err
	}
	return Result{Subprotocol: subprotocol, Extensions: exts, Header: r.Header}, nil
}

func (c *Client) checkUpgrade(r *Response) error {
	// Any other status is plain HTTP: a redirect, a demand for a password.
	if r.Status != http.StatusSwitchingProtocols {
		return r.refused("the server did not switch protocols", nil)
	}
	if !upgradable(r.Proto) {
		return r.refused("the response is not HTTP/1.1", nil)
	}
	// Upgrade is exactly websocket: no list, no second line.
	if v := r.Header.Values(fieldUpgrade); len(v) != 1 || !equalFold(trim(v[0]), "websocket") {
		return r.refused("the Upgrade field is not websocket", nil)
	}
	hasUpgrade := func(line string) bool { return listHas(line, "Upgrade") }
	if !slices.ContainsFunc(r.Header.Values(fieldConnection), hasUpgrade) {
		return r.refused("the Connection field does not list Upgrade", nil)
	}
	// The server proves that it read this very request.
	v := r.Header.Values(fieldAccept)
	if len(v) != 1 || c.Key == "" || trim(v[0]) != Accept(c.Key) {
		return r.refused("the Sec-WebSocket-Accept field does not answer the key", nil)
	}
	return nil
}

func (c *Client) checkExtensions(r *Response) ([]Extension, error) {
	exts, err := ParseExtensions(r.Header.Values(fieldExtensions))
	if err != nil {
		e := r.refused("malformed Sec-WebSocket-Extensions field", err)
		e.Section = "9.1"
		return nil, e
	}
	if !offered(exts, c.Extensions) {
		return nil, r.refused("the server named an extension that was not offered", nil)
	}
	return exts, nil
}

// offered reports whether every extension in answer was offered, and none more
// often than that.
func offered(answer, offers []Extension) bool {
	if len(answer) > len(offers) {
		return false
	}
	count := func(exts []Extension, name string) (n int) {
		for i := range exts {
			if exts[i].Name == name {
				n++
			}
		}
		return n
	}
	for i := range answer {
		if count(answer, answer[i].Name) > count(offers, answer[i].Name) {
			return false
		}
	}
	return true
}

func (c *Client) checkSubprotocol(r *Response) (string, error) {
	switch v := r.Header.Values(fieldProtocol); {
	case len(v) == 0:
		return "", nil
	case len(v) > 1: // at most once in a response (RFC 6455, section 11.3.4)
		return "", r.refused("the Sec-WebSocket-Protocol field is repeated", nil)
	case !slices.Contains(c.Subprotocols, trim(v[0])):
		return "", r.refused("the server named a subprotocol that was not offered", nil)
	default:
		return trim(v[0]), nil
	}
}

func (r *Response) refused(reason string, err error) *Error {
	return &Error{Status: r.Status, Header: r.Header, Section: "4.1", Reason: reason, Err: err}
}
