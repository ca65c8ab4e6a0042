package handshake

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"
)

const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

	goldenRequest = "GET /chat HTTP/1.1\r\n" +
		"Host: server.example.com\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + sampleKey + "\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Protocol: chat, superchat\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_max_window_bits=10\r\n" +
		"Cookie: a=1\r\n" +
		"Origin: http://server.example.com\r\n" +
		"\r\n"

	goldenResponse = "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + sampleAccept + "\r\n" +
		"Sec-WebSocket-Protocol: superchat\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n" +
		"Set-Cookie: b=2\r\n" +
		"\r\n"
)

func sampleClient(t testing.TB) *Client {
	u, err := ParseURL("ws://server.example.com/chat")
	require.NoError(t, err)
	return &Client{
		URL:          u,
		Header:       http.Header{"Origin": {"http://server.example.com"}, "Cookie": {"a=1"}},
		Subprotocols: []string{"chat", "superchat"},
		Extensions: []Extension{{"permessage-deflate", []Param{
			{Name: "client_max_window_bits"}, {"server_max_window_bits", "10", true}}}},
		Key: sampleKey,
	}
}

func sampleServer() *Server {
	return &Server{
		Subprotocols: []string{"superchat", "chat"},
		Negotiate: func(offers []Extension) ([]Extension, error) {
			return []Extension{{offers[0].Name, offers[0].Params[1:]}}, nil
		},
		Header: http.Header{"Set-Cookie": {"b=2"}},
	}
}

// Proves 4.1-13, 4.1-15, 4.1-17, 4.1-18, 4.1-19, 4.1-20, 4.1-24, 4.1-25, 4.1-27,
// 4.2.2-6, 4.2.2-8, 4.2.2-10, 4.2.2-11, 4.2.2-12, 4.2.2-13 and 9.1-4: both
// sides, byte for byte.
func TestGolden(t *testing.T) {
	c := sampleClient(t)
	b, err := c.AppendRequest(nil)
	require.NoError(t, err)
	require.Equal(t, goldenRequest, string(b))
	_, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(b))) // Proves 4.1-14.
	require.NoError(t, err)

	r, n, err := ParseRequest(append(b, 0x81))
	require.NoError(t, err)
	require.Equal(t, len(goldenRequest), n)
	require.Equal(t, "/chat", r.Resource())
	s := sampleServer()
	res, err := s.Check(r)
	require.NoError(t, err)
	require.Equal(t, "superchat", res.Subprotocol)

	out := s.AppendResponse(nil, r, res)
	require.Equal(t, goldenResponse, string(out))
	std, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), nil)
	require.NoError(t, err)
	require.Equal(t, 101, std.StatusCode)

	resp, n, err := ParseResponse(append(out, 0x81))
	require.NoError(t, err)
	require.Equal(t, len(goldenResponse), n)
	require.Equal(t, "Switching Protocols", resp.Reason)
	got, err := c.Check(resp) // Proves 4.1-38.
	require.NoError(t, err)
	require.Equal(t, res.Subprotocol, got.Subprotocol)
	require.Equal(t, res.Extensions, got.Extensions)
	require.Equal(t, "b=2", got.Header.Get("set-cookie"))
}

func TestTruncated(t *testing.T) {
	for i := range goldenRequest {
		_, _, err := ParseRequest([]byte(goldenRequest[:i]))
		require.Equal(t, ErrIncomplete, err, i)
	}
	for i := range goldenResponse {
		_, _, err := ParseResponse([]byte(goldenResponse[:i]))
		require.Equal(t, ErrIncomplete, err, i)
	}
}

func TestKey(t *testing.T) {
	require.Equal(t, sampleAccept, Accept(sampleKey)) // Proves 4.2.2-13.
	seen := map[string]bool{}
	for range 10000 { // Proves 4.1-21.
		k := NewKey()
		require.True(t, validKey(k))
		require.False(t, seen[k])
		seen[k] = true
		sum := sha1.Sum([]byte(k + GUID))
		require.Equal(t, base64.StdEncoding.EncodeToString(sum[:]), Accept(k))
	}
	for key, want := range map[string]bool{ // Proves 4.2.1-6, 4.1-20.
		"AQIDBAUGBwgJCgsMDQ4PEA==":     true,
		"AQIDBAUGBwgJCgsMDQ4PEC==":     false, // pad bits, erratum 3150
		"AQIDBAUGBwgJCgsMDQ4P":         false, // 15 bytes
		"AQIDBAUGBwgJCgsMDQ4PAAA=":     false, // 17 bytes
		"AQIDBAUGBwgJCgsMDQ4PEA":       false,
		"AQIDBAUGBwgJCgsMDQ4P_-==":     false,
		"AQIDBAUGBwgJCgsMDQ4PE\r\n==":  false,
		"AQIDBAUGBwgJCgsMDQ4P\n\n\n\n": false,
		"":                             false,
		"AQIDBAUGBwgJCgsMDQ4PEA== ":    false,
	} {
		require.Equal(t, want, validKey(key), "%q", key)
	}
}

// Proves 4.1-21: a key is 16 bytes of crypto/rand, and the next one begins
// where it ended.
func TestKeyIsRandomBytes(t *testing.T) {
	var want [32]byte
	cryptotest.SetGlobalRandom(t, 7)
	rand.Read(want[:])
	cryptotest.SetGlobalRandom(t, 7)
	require.Equal(t, base64.StdEncoding.EncodeToString(want[:16]), NewKey())
	require.Equal(t, base64.StdEncoding.EncodeToString(want[16:]), NewKey())
}

func TestEqualFold(t *testing.T) { // Proves 2.1-1.
	require.True(t, equalFold("WebSocket", "WEBSOCKET"))
	require.False(t, equalFold("websoc\u212aet", "websocket"))
	require.False(t, equalFold("webso\u212aet", "websocket")) // same length in bytes
	require.False(t, equalFold("@", "`"))
	require.False(t, equalFold("[", "{"))
}

func TestParseExtensions(t *testing.T) { // Proves 9.1-1, 9.1-2, 11.3.2-1, 4.3-1.
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{[]string{"foo"}, "foo"},
		{[]string{"a, b"}, "a, b"},
		{[]string{"a", "b"}, "a, b"},
		{[]string{",a,,\t b ,", "", "c"}, "a, b, c"},
		{[]string{"a;x;y=1 ; z = 2,b"}, "a; x; y=1; z=2, b"},
		{[]string{`a; x="10"`}, "a; x=10"},
		{[]string{`a; x="1\0"`}, "a; x=10"},
	} {
		got, err := ParseExtensions(tt.lines)
		require.NoError(t, err, "%q", tt.lines)
		require.Equal(t, tt.want, FormatExtensions(got))
		again, err := ParseExtensions([]string{tt.want})
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	none, err := ParseExtensions(nil)
	require.NoError(t, err)
	require.Nil(t, none)
	for _, line := range []string{"", " ", ",", ";;", ";a", "a;", "a;;b", "a b", "a;=1", "a;x=", "a;x=,", `a;x="1`, `a;x="1\`,
		`a;x="a b"`, `a;x=""`, `a;x="a,b"`, `a;x="\""`, `"a"`, "a;x y", "a=1", "é", "a;x=é", "a\x00", `a;x="1"2`, "a\r\n"} {
		_, err := ParseExtensions([]string{line})
		require.Error(t, err, "%q", line)
	}
	require.Equal(t, "a; b=1; c", Extension{"a", []Param{{Name: "b", Value: "1"}, {Name: "c"}}}.String())
}

func FuzzParseExtensions(f *testing.F) {
	f.Add("a; x=\"1\\0\", b")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseExtensions([]string{s})
		if err != nil {
			return
		}
		again, err := ParseExtensions([]string{FormatExtensions(got)})
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

// Proves 4.1-1, 3-5: every address is judged before anything is dialled.
func TestParseURL(t *testing.T) {
	for _, tt := range []struct{ in, scheme, host, target, address string }{
		{"ws://h", "ws", "h", "/", "h:80"},                                                                 // Proves 3-1, 3-3.
		{"WSS://H:443/p", "wss", "h", "/p", "H:443"},                                                       // Proves 3-2, 4.1-17.
		{"wSs://h:80/", "wss", "h:80", "/", "h:80"},                                                        // Proves 4.1-17.
		{"http://h?x=1", "ws", "h", "/?x=1", "h:80"},                                                       // Proves 3-3.
		{"https://h:8443/a%20b?c", "wss", "h:8443", "/a%20b?c", "h:8443"},                                  // Proves 3-3.
		{"ws://h/?", "ws", "h", "/", "h:80"},                                                               // Proves 3-3.
		{"ws://h:/", "ws", "h", "/", "h:80"},                                                               // Proves 3-1.
		{"ws://[::1]:8080/", "ws", "[::1]:8080", "/", "[::1]:8080"},                                        // Proves 4.1-17.
		{"wss://[fe80::1%25eth0]/", "wss", "[fe80::1]", "/", "[fe80::1%eth0]:443"},                         // Proves 4.1-17.
		{"ws://h/é?ü=%20 x", "ws", "h", "/%C3%A9?%C3%BC=%20%20x", "h:80"},                                  // Proves 11.1-2.
		{"ws://h/.well-known/x", "ws", "h", "/.well-known/x", "h:80"},                                      // Proves 8307:1-1.
		{"ws://bücher.example/", "ws", "xn--bcher-kva.example", "/", "xn--bcher-kva.example:80"},           // Proves 11.1-1.
		{"wss://b%C3%BCcher.example:1/", "wss", "xn--bcher-kva.example:1", "/", "xn--bcher-kva.example:1"}, // Proves 11.1-1.
		{"ws://u:p@xn--bcher-kva.example/", "ws", "xn--bcher-kva.example", "/", "xn--bcher-kva.example:80"},
	} {
		u, err := ParseURL(tt.in)
		require.NoError(t, err, tt.in)
		require.Equal(t, tt.scheme, u.Scheme, tt.in)
		require.Equal(t, tt.host, hostField(u), tt.in)
		require.Equal(t, tt.target, string(appendTarget(nil, u)), tt.in) // Proves 4.1-16.
		require.Equal(t, tt.address, Address(u), tt.in)
	}
	for _, in := range []string{"", "h", "ftp://h", "ws:", "ws:h", "ws://", "ws:///p", "ws://:80/",
		"ws://h/p#f", "ws://h/#", // Proves 3-4.
		"ws://h:0/", "ws://h:65536/", "ws://h:x/", "ws://a b/", "ws://a,b/", "ws://[1.2.3.4]/", "ws://[::1/",
		"ws://h/\r\n", "ws://h/\x00", "\u017fs://h"} {
		_, err := ParseURL(in)
		require.Error(t, err, "%q", in)
	}
	_, err := ParseURL("ws://u:secret@h:x/")
	require.NotContains(t, err.Error(), "secret")
}

func TestAppendRequestRefuses(t *testing.T) { // Proves 4.1-14, 4.1-26, 4.1-28.
	for name, tt := range map[string]struct {
		set  func(*Client)
		want string
	}{
		"no URL":           {func(c *Client) { c.URL = nil }, "URL"},
		"scheme":           {func(c *Client) { c.URL.Scheme = "ftp" }, "URL"},
		"fragment":         {func(c *Client) { c.URL.Fragment = "x" }, "URL"},
		"host CRLF":        {func(c *Client) { c.URL.Host = "h\r\nX: y" }, "URL"},
		"relative path":    {func(c *Client) { c.URL.Path = "x" }, "URL"},
		"query LF":         {func(c *Client) { c.URL.RawQuery = "a\nb" }, "URL"},
		"header CR":        {func(c *Client) { c.Header.Set("X-A", "a\rb") }, "X-A"},
		"header LF":        {func(c *Client) { c.Header.Set("X-A", "a\nb") }, "X-A"},
		"header NUL":       {func(c *Client) { c.Header.Set("X-A", "a\x00b") }, "X-A"},
		"header name":      {func(c *Client) { c.Header["X A"] = nil }, "X A"},
		"header name CRLF": {func(c *Client) { c.Header["X\r\nA"] = nil }, "Header"},
		"owned key":        {func(c *Client) { c.Header.Set("sec-websocket-key", sampleKey) }, "Sec-Websocket-Key"},
		"owned version":    {func(c *Client) { c.Header["SEC-WEBSOCKET-VERSION"] = []string{"8"} }, "VERSION"},
		"owned upgrade":    {func(c *Client) { c.Header["upgrade"] = []string{"x"} }, "upgrade"},
		"body":             {func(c *Client) { c.Header.Set("Content-Length", "3") }, "Content-Length"},
		"two origins":      {func(c *Client) { c.Header.Add("Origin", "http://b") }, "Origin"},
		"two hosts":        {func(c *Client) { c.Header["Host"] = []string{"a", "b"} }, "Host"},
		"bad host":         {func(c *Client) { c.Header.Set("Host", "a/b") }, "Host"},
		"empty protocol":   {func(c *Client) { c.Subprotocols = []string{""} }, "Subprotocols"},
		"protocol space":   {func(c *Client) { c.Subprotocols = []string{"a b"} }, "Subprotocols"},
		"protocol comma":   {func(c *Client) { c.Subprotocols = []string{"a,b"} }, "Subprotocols"},
		"protocol é":       {func(c *Client) { c.Subprotocols = []string{"é"} }, "Subprotocols"}, // Proves 8.1-3.
		"protocol twice":   {func(c *Client) { c.Subprotocols = []string{"a", "b", "a"} }, "Subprotocols"},
		"extension":        {func(c *Client) { c.Extensions[0].Name = "a\r\n" }, "Extensions"},
		"extension param":  {func(c *Client) { c.Extensions[0].Params[0].Name = "" }, "Extensions"},
		"extension value":  {func(c *Client) { c.Extensions[0].Params[1].Value = "" }, "Extensions"},
		"key":              {func(c *Client) { c.Key = "short" }, "Key"},
		"user with colon":  {func(c *Client) { c.URL.User = url.UserPassword("a:b", "c") }, "URL: a user name with a colon"},
		"user CR":          {func(c *Client) { c.URL.User = url.User("a\r") }, "URL: the user name"},
		"password LF":      {func(c *Client) { c.URL.User = url.UserPassword("a", "\n") }, "URL: the user name or the password"},
		"password NUL":     {func(c *Client) { c.URL.User = url.UserPassword("a", "\x00") }, "URL: the user name or the password"},
	} {
		t.Run(name, func(t *testing.T) {
			c := sampleClient(t)
			tt.set(c)
			b, err := c.AppendRequest([]byte("x"))
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, "x", string(b))
		})
	}
}

func TestAppendRequestOptions(t *testing.T) {
	u, err := ParseURL("wss://user:pass@h/")
	require.NoError(t, err)
	c := &Client{URL: u, Header: http.Header{"Host": {"other:81"}}}
	b, err := c.AppendRequest(nil)
	require.NoError(t, err)
	require.True(t, validKey(c.Key))                                         // Proves 4.1-20.
	require.Equal(t, 1, strings.Count(string(b), "Sec-WebSocket-Key: "))     // Proves 11.3.1-1.
	require.Equal(t, 1, strings.Count(string(b), "Sec-WebSocket-Version: ")) // Proves 11.3.5-2.
	require.Contains(t, string(b), "\r\nHost: other:81\r\n")
	require.Equal(t, 1, strings.Count(string(b), "Host:"))
	require.Contains(t, string(b), "\r\nAuthorization: Basic dXNlcjpwYXNz\r\n")
	require.NotContains(t, string(b), "Sec-WebSocket-Protocol")
	require.NotContains(t, string(b), "Sec-WebSocket-Extensions") // Proves 9.1-3, IANA:ext-1.
	for _, name := range []string{"Authorization", "authorization"} {
		c.Header = http.Header{name: {"Bearer x"}}
		b, err = c.AppendRequest(nil)
		require.NoError(t, err)
		require.NotContains(t, string(b), "Basic")
	}
}

func TestClientCheck(t *testing.T) {
	accept := "Sec-WebSocket-Accept: " + sampleAccept + "\r\n"
	base := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + accept
	swap := func(old, new string) string { return strings.Replace(base, old, new, 1) }
	for _, tt := range []struct {
		id, head string
		ok       bool
	}{
		{"4.1-31 plain", base, true},
		{"4.1-37 lower names", swap("Upgrade: ", "upgrade: "), true},
		{"4.1-37 upper names", swap("Sec-WebSocket-Accept", "SEC-WEBSOCKET-ACCEPT"), true},
		{"4.1-31 case", swap("Upgrade: websocket", "Upgrade: WebSocket"), true},
		{"4.1-31 absent", swap("Upgrade: websocket\r\n", ""), false},
		{"4.1-31 h2c", swap("Upgrade: websocket", "Upgrade: h2c"), false},
		{"4.1-31 list", swap("Upgrade: websocket", "Upgrade: websocket, foo"), false},
		{"4.1-31 twice", base + "Upgrade: websocket\r\n", false},
		{"4.1-32 list", swap("Connection: Upgrade", "Connection: keep-alive, upgrade"), true},
		{"4.1-32 absent", swap("Connection: Upgrade\r\n", ""), false},
		{"4.1-32 close", swap("Connection: Upgrade", "Connection: close"), false},
		{"4.1-33 padded", swap(sampleAccept, " \t"+sampleAccept+"  "), true},
		{"4.1-33 absent", swap(accept, ""), false},
		{"4.1-33 wrong", swap(sampleAccept, Accept("x")), false},
		{"4.1-33 truncated", swap(sampleAccept, sampleAccept[:27]), false},
		{"4.1-33 lower case", swap(sampleAccept, strings.ToLower(sampleAccept)), false},
		{"11.3.3-1 twice", base + accept, false},
		{"4.1-34 foreign", base + "Sec-WebSocket-Extensions: foo\r\n", false},
		{"4.1-34 twice", base + "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n", false},
		{"4.1-34 offered", base + "Sec-WebSocket-Extensions: permessage-deflate\r\n", true},
		{"9.1-1 grammar", base + "Sec-WebSocket-Extensions: permessage-deflate;\r\n", false},
		{"4.1-35 offered", base + "Sec-WebSocket-Protocol: chat\r\n", true},
		{"4.1-35 other", base + "Sec-WebSocket-Protocol: other\r\n", false},
		{"7936:2-1 case", base + "Sec-WebSocket-Protocol: CHAT\r\n", false},
		{"4.2.2-7 empty", base + "Sec-WebSocket-Protocol:\r\n", false},
		{"11.3.4-2 twice", base + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n", false},
		{"11.3.4-2 list", base + "Sec-WebSocket-Protocol: chat, superchat\r\n", false},
		{"4.1-36 HTTP/1.0", swap("HTTP/1.1", "HTTP/1.0"), false},
		{"4.1-36 no reason", swap(" Switching Protocols", ""), true},
		{"4.1-30 200", swap("101", "200"), false},
		{"4.1-30 401", swap("101", "401"), false},
	} {
		t.Run(tt.id, func(t *testing.T) {
			r, _, err := ParseResponse([]byte(tt.head + "\r\n"))
			if err == nil {
				_, err = sampleClient(t).Check(r)
			}
			if tt.ok {
				require.NoError(t, err)
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Section)
			if r != nil { // the response is exposed
				require.Equal(t, r.Status, e.Status)
				require.Equal(t, r.Header, e.Header)
			}
		})
	}
	_, err := (&Client{}).Check(&Response{Proto: "HTTP/1.1", Status: 101, Header: http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {Accept("")}}})
	require.Error(t, err)
}

func TestMalformed(t *testing.T) { // Proves 4.1-36, 4.2.1-1.
	heads := []string{" A: b", "A : b", "A\t: b", "A", ": b", "A: b\r", "A: \x00", "A: b\x7f", "A: b\nC: d", "A: b\r\n c", "A\x00: b", "é: b", "A: \rb"}
	for _, h := range heads {
		_, _, err := ParseResponse([]byte("HTTP/1.1 101 X\r\n" + h + "\r\n\r\n"))
		require.ErrorAs(t, err, new(*Error), "%q", h)
		_, _, err = ParseRequest([]byte("GET / HTTP/1.1\r\n" + h + "\r\n\r\n"))
		var e *Error
		require.ErrorAs(t, err, &e, "%q", h)
		require.Equal(t, 400, e.Status)
	}
	for _, l := range []string{"", "HTTP/1.1", "HTTP/1.1 10", "HTTP/1.1 1x1 A", "HTTP/1.1 1010", "HTTP/1.1 099 A", "HTTP/1.1  101 A", "http/1.1 101 A", "HTTP/11 101 A..", "HTTP/1.1 101 a\x00", "HTTP/1.1 101 a\n"} {
		_, _, err := ParseResponse([]byte(l + "\r\n\r\n"))
		require.ErrorAs(t, err, new(*Error), "%q", l)
	}
	for _, l := range []string{"", "GET", "GET /", "GET / HTTP/1.1 ", "GET  / HTTP/1.1", " GET / HTTP/1.1", "G@T / HTTP/1.1", "GET /é HTTP/1.1", "GET /#f HTTP/1.1", "GET / HTTP/1", "GET / http/1.1", "GET /\x00 HTTP/1.1", "GET /\r HTTP/1.1"} {
		_, _, err := ParseRequest([]byte(l + "\r\n\r\n"))
		require.ErrorAs(t, err, new(*Error), "%q", l)
	}
	// A bare LF is refused before the blank line arrives.
	_, _, err := ParseRequest([]byte("GET / HTTP/1.1\nHost: h\n\n"))
	require.ErrorIs(t, err, errBareLineEnd)
	_, _, err = ParseResponse([]byte("\n"))
	require.ErrorIs(t, err, errBareLineEnd)
}

func TestServerCheck(t *testing.T) {
	base := "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + sampleKey + "\r\nSec-WebSocket-Version: 13\r\n"
	swap := func(old, new string) string { return strings.Replace(base, old, new, 1) }
	for _, tt := range []struct {
		id, head string
		status   int
	}{
		{"4.2.1-1 plain", base, 0},
		{"4.1-37 lower names", strings.Replace(swap("Upgrade:", "upgrade:"), "Sec-WebSocket-Key", "sec-websocket-key", 1), 0},
		{"4.2.1-2 POST", swap("GET", "POST"), 405},
		{"4.2.1-2 CONNECT", swap("GET /", "CONNECT h:1"), 405},
		{"4.2.1-2 HTTP/1.0", swap("HTTP/1.1", "HTTP/1.0"), 400},
		{"4.2.1-2 HTTP/1.9", swap("HTTP/1.1", "HTTP/1.9"), 0},
		{"4.2.1-2 HTTP/2.0", swap("HTTP/1.1", "HTTP/2.0"), 400},
		{"4.2.1-2 absolute", swap("GET /", "GET http://h/x"), 0},
		{"4.2.1-2 absolute ftp", swap("GET /", "GET ftp://h/x"), 400},
		{"4.2.1-2 asterisk", swap("GET /", "GET *"), 400},
		{"4.2.1-3 missing", swap("Host: h\r\n", ""), 400},
		{"4.2.1-3 empty", swap("Host: h", "Host:"), 400},
		{"4.2.1-3 twice", base + "host: h\r\n", 400},
		{"4.2.1-3 malformed", swap("Host: h", "Host: u@h"), 400},
		{"4.2.1-4 case", swap("Upgrade: websocket", "Upgrade: WebSocket"), 0},
		{"4.2.1-4 list", swap("Upgrade: websocket", "Upgrade: h2c, websocket"), 0},
		{"4.2.1-4 missing", swap("Upgrade: websocket\r\n", ""), 426},
		{"2.1-1 Kelvin", swap("Upgrade: websocket", "Upgrade: websoc\u212aet"), 426},
		{"4.2.1-5 list", swap("Connection: Upgrade", "Connection: keep-alive, upgrade"), 0},
		{"4.2.1-5 missing", swap("Connection: Upgrade\r\n", ""), 400},
		{"4.2.1-5 close", swap("Connection: Upgrade", "Connection: close"), 400},
		{"4.2.1-6 missing", swap("Sec-WebSocket-Key: "+sampleKey+"\r\n", ""), 400},
		{"4.2.1-6 short", swap(sampleKey, "AQIDBAUGBwgJCgsMDQ4P"), 400},
		{"11.3.1-1 twice", base + "Sec-WebSocket-Key: " + sampleKey + "\r\n", 400},
		{"4.2.1-7 absent", swap("Sec-WebSocket-Version: 13\r\n", ""), 426},
		{"4.2.2-4 0", swap("Version: 13", "Version: 0"), 426},
		{"4.2.2-4 8", swap("Version: 13", "Version: 8"), 426},
		{"IANA:version-1 12", swap("Version: 13", "Version: 12"), 426},
		{"4.3-2 013", swap("Version: 13", "Version: 013"), 426},
		{"4.3-2 256", swap("Version: 13", "Version: 256"), 426},
		{"4.2.1-7 list", swap("Version: 13", "Version: 13, 12"), 426},
		{"11.3.5-2 twice", base + "Sec-WebSocket-Version: 13\r\n", 400},
		{"4.2.1-9 unknown", base + strings.Repeat("X-Unknown: 1\r\n", 50), 0},
		{"4.2.1-8 no origin", base, 0},
		{"4.2.2-3 same origin", base + "Origin: http://h\r\n", 0},
		{"10.2-2 other origin", base + "Origin: http://evil\r\n", 403},
		{"4.2.2-2 null", base + "Origin: null\r\n", 403},
		{"4.2.2-3 two origins", base + "Origin: http://h\r\nOrigin: http://h\r\n", 400},
		{"4.2.2-3 origin list", base + "Origin: http://h http://h\r\n", 403},
		{"4.2.2-3 empty origin", base + "Origin:\r\n", 403},
		{"4.1-26 protocol", base + "Sec-WebSocket-Protocol: a b\r\n", 400},
		{"4.1-26 empty", base + "Sec-WebSocket-Protocol: ,\r\n", 400},
		{"4.1-26 twice", base + "Sec-WebSocket-Protocol: a, a\r\n", 400},
		{"11.3.4-1 lines", base + "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n", 0},
		{"9.1-1 ;;", base + "Sec-WebSocket-Extensions: ;;\r\n", 400},
		{"9.1-1 quote", base + "Sec-WebSocket-Extensions: a; b=\"1\r\n", 400},
		{"4.2.2-9 unknown", base + "Sec-WebSocket-Extensions: x\r\n", 0},
		{"body length", base + "Content-Length: 5\r\n", 400},
		{"body zero", base + "Content-Length: 0\r\n", 0},
		{"body chunked", base + "Transfer-Encoding: chunked\r\n", 400},
	} {
		t.Run(tt.id, func(t *testing.T) {
			r, _, err := ParseRequest([]byte(tt.head + "\r\n"))
			require.NoError(t, err)
			s := &Server{}
			res, err := s.Check(r)
			if tt.status == 0 {
				require.NoError(t, err)
				require.Empty(t, res.Extensions)
				out := string(s.AppendResponse(nil, r, res))
				require.NotContains(t, out, "Protocol:") // Proves 4.2.2-7.
				require.NotContains(t, out, "Extensions:")
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.status, e.Status)
			resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(e.AppendResponse(nil))), nil)
			require.NoError(t, err)
			require.Equal(t, tt.status, resp.StatusCode)
			require.True(t, resp.Close)
			if tt.status == 426 { // Proves 4.4-1.
				require.Equal(t, []string{"13"}, resp.Header["Sec-Websocket-Version"])
			}
		})
	}
}

func TestOrigin(t *testing.T) { // Proves 4.2.2-3, 10.2-1.
	for _, tt := range []struct {
		origin, host string
		secure       bool
		patterns     string
		want         bool
	}{
		{"http://h", "h", false, "", true},
		{"HTTP://H", "h:80", false, "", true},
		{"http://az-09.AZ_~", "az-09.AZ_~", false, "", true},
		{"http://h:80", "h", false, "", true},
		{"https://h", "h:443", true, "", true},
		{"https://h", "h", false, "", false},
		{"http://h", "h", true, "", false},
		{"http://h:8080", "h", false, "", false},
		{"http://[::1]:8080", "[0:0::1]:8080", false, "", true},
		{"http://h/", "h", false, "", false},
		{"http://u@h", "h", false, "", false},
		{"http://h:x", "h", false, "", false},
		{"http://[::1]x", "h", false, "*", false},
		{"1http://h", "h", false, "*", false},
		{"az09+-.://h", "h", false, "*", true},
		{"https://example.com", "h", false, "example.com", true},
		{"https://example.com:444", "h", false, "example.com", false},
		{"ftp://example.com", "h", false, "example.com", false},
		{"https://evil-example.com", "h", false, "example.com *.example.com", false},
		{"https://example.com.evil", "h", false, "example.com *.example.com", false},
		{"https://a.b.example.com", "h", false, "*.example.com", true},
		{"https://example.com", "h", false, "*.example.com", false},
		{"https://.example.com", "h", false, "*.example.com", false},
		{"https://app.example.com:8443", "h", false, "https://app.example.com:8443", true},
		{"http://app.example.com:8443", "h", false, "https://app.example.com:8443", false},
		{"http://localhost:3000", "h", false, "localhost:*", true},
		{"http://[::1]:3000", "h", false, "[::1]:*", true},
		{"http://x", "h", false, "*", true},
		{"null", "h", false, "*", false},
		{"null", "h", false, "null", true},
		{"http://x", "h", false, "null", false},
		{"app-x://abc", "h", false, "app-x://abc", true},
	} {
		s := &Server{OriginPatterns: strings.Fields(tt.patterns)}
		require.NoError(t, s.Validate(), tt.patterns)
		require.Equal(t, tt.want, s.originAllowed(tt.origin, tt.host, tt.secure), "%+v", tt)
	}
	for _, p := range []string{"", "*.", "a*", "http://", "1://h", "h/x", "*.[::1]", "h:1:*", "h:0", "a\r\n"} {
		require.ErrorContains(t, (&Server{OriginPatterns: []string{p}}).Validate(), "OriginPatterns", p)
	}
}

func TestNegotiate(t *testing.T) {
	r, _, err := ParseRequest([]byte(goldenRequest))
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		s      Server
		status int
	}{
		"error":               {Server{Negotiate: func([]Extension) ([]Extension, error) { return nil, errors.New("no") }}, 400},
		"own error":           {Server{Negotiate: func([]Extension) ([]Extension, error) { return nil, &Error{Status: 503} }}, 503},
		"4.2.2-9 not offered": {Server{Negotiate: func([]Extension) ([]Extension, error) { return []Extension{{Name: "x"}}, nil }}, 500},
		"twice":               {Server{Negotiate: func(o []Extension) ([]Extension, error) { return append(o, o...), nil }}, 500},
		"LF":                  {Server{Negotiate: func([]Extension) ([]Extension, error) { return []Extension{{Name: "x\n"}}, nil }}, 500},
		"subprotocol":         {Server{Subprotocols: []string{"a\r"}}, 500},
		"header":              {Server{Header: http.Header{"A": {"\x00"}}}, 500},
		"owned header":        {Server{Header: http.Header{"Upgrade": {"x"}}}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.s.Check(r)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.status, e.Status)
		})
	}
	s := &Server{Header: http.Header{"A": {"\n"}, "B\n": {"x"}}}
	out := string(s.AppendResponse(nil, r, Result{Subprotocol: "a\r\n", Extensions: []Extension{{Name: "\n"}}}))
	require.Equal(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+sampleAccept+"\r\n\r\n", out)
}

// Proves 9.1-6: offers reach Negotiate in the client's order, from one line or
// several, and what it agrees to stands in its own order in the response.
func TestExtensionOrder(t *testing.T) {
	head := strings.Replace(goldenRequest, "Cookie: a=1", "Sec-WebSocket-Extensions: b, a; x=1, c", 1)
	r, _, err := ParseRequest([]byte(head))
	require.NoError(t, err)
	s := &Server{Negotiate: func(offers []Extension) ([]Extension, error) {
		require.Equal(t, "permessage-deflate; client_max_window_bits; server_max_window_bits=10, b, a; x=1, c", FormatExtensions(offers))
		return []Extension{offers[3], offers[1]}, nil
	}}
	res, err := s.Check(r)
	require.NoError(t, err)
	require.Contains(t, string(s.AppendResponse(nil, r, res)), "\r\nSec-WebSocket-Extensions: c, b\r\n")
}

// Proves 11.3.5-1: every version that a server lists reaches the caller.
func TestVersionsOffered(t *testing.T) {
	r, _, err := ParseResponse([]byte("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nsec-websocket-version: 8, 7\r\n\r\n"))
	require.NoError(t, err)
	_, err = sampleClient(t).Check(r)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, []string{"13", "8, 7"}, e.Header.Values("Sec-WebSocket-Version"))
}

func TestFromHTTP(t *testing.T) {
	hr, err := http.ReadRequest(bufio.NewReader(strings.NewReader(goldenRequest)))
	require.NoError(t, err)
	r := FromHTTP(hr)
	s := sampleServer()
	res, err := s.Check(r)
	require.NoError(t, err)
	require.Equal(t, goldenResponse, string(s.AppendResponse(nil, r, res)))
	require.Equal(t, "a=1", r.Header("cookie"))
	require.Equal(t, []string{"a=1"}, res.Header.Values("Cookie"))

	for _, name := range []string{"Connection", "Upgrade"} {
		kept := hr.Header[name]
		for _, v := range [][]string{nil, {"keep-alive", "h2c"}} {
			hr.Header[name] = v
			_, err = s.Check(FromHTTP(hr))
			require.ErrorContains(t, err, name, "%q", v)
		}
		hr.Header[name] = append([]string{"other"}, kept...)
		_, err = s.Check(FromHTTP(hr))
		require.NoError(t, err)
		hr.Header[name] = kept
	}

	hr = httptest.NewRequest("GET", "/x?y", nil)
	hr.RequestURI, hr.TLS = "", new(tls.ConnectionState)
	r = FromHTTP(hr)
	require.Equal(t, "/x?y", r.Resource())
	require.True(t, r.Secure)
}

func TestResource(t *testing.T) { // Proves 4.2.1-2.
	for target, want := range map[string]string{"/a?b": "/a?b", "http://h": "/", "https://h?x": "/?x", "HTTP://h/p": "/p", "*": "", "h:1": "", "": ""} {
		require.Equal(t, want, (&Request{Target: target}).Resource(), target)
	}
	r, _, err := ParseRequest([]byte("GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n"))
	require.NoError(t, err)
	require.Equal(t, "a", r.Host)
}

func TestErrorResponse(t *testing.T) {
	require.Equal(t, "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nx\n",
		string(upgradeRequired("4.4", "x").AppendResponse(nil)))
	e := &Error{Header: http.Header{"Content-Type": {"a/b"}, "X": {"a\r\nb"}, "Content-Length": {"9"}}, Body: make([]byte, 2000)}
	out := string(e.AppendResponse(nil))
	require.True(t, strings.HasPrefix(out, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: a/b\r\nContent-Length: 1024\r\n\r\n"), out)
	cause := errors.New("why")
	e = &Error{Status: 400, Reason: "r", Err: cause, Section: "4.1"}
	require.Equal(t, "handshake: r (status 400): why (RFC 6455, section 4.1)", e.Error())
	require.ErrorIs(t, e, cause)
}
