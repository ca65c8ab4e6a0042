package fuzz

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/seed24abed78/rfc6455/handshake"
)

// The grammar of RFC 6455, section 9.1, as one expression; a quoted value is a
// token in which any byte may have a backslash before it.
var extensionGrammar = func() *regexp.Regexp {
	const (
		ows   = "[ \t]*"
		char  = "[-!#$%&'*+.^_`|~0-9A-Za-z]"
		token = char + "+"
		value = `(?:` + token + `|"(?:\\?` + char + `)+")`
		param = token + "(?:" + ows + "=" + ows + value + ")?"
		ext   = token + "(?:" + ows + ";" + ows + param + ")*"
	)
	return regexp.MustCompile("^" + ows + "(?:," + ows + ")*" + ext + "(?:" + ows + "," + ows + "(?:" + ext + ")?)*" + ows + "$")
}()

// FuzzExtensions: what is accepted is what the grammar has, and what was
// parsed is parsed the same again, in one line or one line each.
func FuzzExtensions(f *testing.F) {
	f.Fuzz(func(t *testing.T, line string) {
		exts, err := handshake.ParseExtensions([]string{line})
		if want := extensionGrammar.MatchString(line); (err == nil) != want {
			t.Fatalf("%q: %v, the grammar says %v", line, err, want)
		}
		if err != nil {
			return
		}
		again, err := handshake.ParseExtensions([]string{handshake.FormatExtensions(exts)})
		if err != nil || !reflect.DeepEqual(exts, again) {
			t.Fatalf("%q became %v became %v, %v", line, exts, again, err)
		}
		var each []string
		for _, e := range exts {
			each = append(each, e.String())
		}
		if again, err := handshake.ParseExtensions(each); err != nil || !reflect.DeepEqual(exts, again) {
			t.Fatalf("%q in lines became %v, %v", each, again, err)
		}
	})
}

// FuzzRequest: what ParseRequest accepts is what net/http makes of the same
// bytes, for the parts of a handshake; what Check accepts has all that section
// 4.2.1 asks for; no refusal and no response is anything but HTTP.
func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n, err := handshake.ParseRequest(b)
		if err != nil {
			requireRefusal(t, err)
			return
		}
		if n > len(b) || !bytes.HasSuffix(b[:n], []byte("\r\n\r\n")) {
			t.Fatalf("%q: %d bytes", b, n)
		}
		for i := range n {
			if _, _, err := handshake.ParseRequest(b[:i]); !errors.Is(err, handshake.ErrIncomplete) {
				t.Fatalf("%q: the first %d bytes: %v", b[:n], i, err)
			}
		}
		var s handshake.Server
		res, err := s.Check(r)
		if err != nil {
			requireRefusal(t, err)
			return
		}
		std, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b[:n])))
		if err != nil {
			t.Fatalf("%q: accepted, but net/http says %v", b[:n], err)
		}
		if std.Method != "GET" || std.RequestURI != r.Target || !std.ProtoAtLeast(1, 1) || len(std.TransferEncoding) > 0 || std.ContentLength > 0 {
			t.Fatalf("%q: net/http sees %+v", b[:n], std)
		}
		for name, values := range std.Header {
			if strings.HasPrefix(name, "Sec-Websocket-") && !reflect.DeepEqual(values, r.Values(name)) {
				t.Fatalf("%q: %s is %q, net/http sees %q", b[:n], name, r.Values(name), values)
			}
		}
		if std.Header.Get("Sec-WebSocket-Version") != "13" || len(std.Header.Get("Sec-WebSocket-Key")) != 24 {
			t.Fatalf("%q: accepted", b[:n])
		}
		out := s.AppendResponse(nil, r, res)
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), nil)
		if err != nil || resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != handshake.Accept(std.Header.Get("Sec-WebSocket-Key")) {
			t.Fatalf("%q: answered %q, %v", b[:n], out, err)
		}
	})
}

// requireRefusal checks that a refusal leaves as HTTP.
func requireRefusal(t *testing.T, err error) {
	if errors.Is(err, handshake.ErrIncomplete) {
		return
	}
	var refusal *handshake.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("%v is no *handshake.Error", err)
	}
	out := refusal.AppendResponse(nil)
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), nil)
	if err != nil || resp.StatusCode < 300 {
		t.Fatalf("%q: %v", out, err)
	}
}

const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// FuzzResponse: what a client accepts, net/http reads the same way, and has
// all that section 4.1 asks for.
func FuzzResponse(f *testing.F) {
	u, err := handshake.ParseURL("ws://server.example.com/chat")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n, err := handshake.ParseResponse(b)
		if err != nil {
			return
		}
		if n > len(b) || !bytes.HasSuffix(b[:n], []byte("\r\n\r\n")) {
			t.Fatalf("%q: %d bytes", b, n)
		}
		c := handshake.Client{URL: u, Key: sampleKey, Subprotocols: []string{"chat"},
			Extensions: []handshake.Extension{{Name: "x"}}}
		res, err := c.Check(r)
		if err != nil {
			var refusal *handshake.Error
			if !errors.As(err, &refusal) || refusal.Status != r.Status {
				t.Fatalf("%q: %v", b[:n], err)
			}
			return
		}
		std, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b[:n])), nil)
		if err != nil {
			t.Fatalf("%q: accepted, but net/http says %v", b[:n], err)
		}
		h := std.Header
		switch {
		case std.StatusCode != 101, !std.ProtoAtLeast(1, 1),
			!strings.EqualFold(h.Get("Upgrade"), "websocket") || len(h.Values("Upgrade")) != 1,
			!strings.Contains(strings.ToLower(strings.Join(h.Values("Connection"), ",")), "upgrade"),
			h.Get("Sec-WebSocket-Accept") != sampleAccept,
			res.Subprotocol != h.Get("Sec-WebSocket-Protocol") || res.Subprotocol != "" && res.Subprotocol != "chat",
			len(res.Extensions) > 1 || len(res.Extensions) == 1 && res.Extensions[0].Name != "x":
			t.Fatalf("%q: accepted as %+v", b[:n], res)
		}
	})
}
