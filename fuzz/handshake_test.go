package fuzz

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/seed24abed78/rfc6455/handshake"
)

// FuzzExtensions: what is accepted is what the grammar has, it comes out as the
// model takes it apart, and what was parsed is parsed the same again, in one
// line or one line each.
func FuzzExtensions(f *testing.F) {
	f.Fuzz(func(t *testing.T, line string) {
		exts, err := handshake.ParseExtensions([]string{line})
		if want := extensionGrammar.MatchString(line); (err == nil) != want {
			t.Fatalf("%q: %v, the grammar says %v", line, err, want)
		}
		if err != nil {
			return
		}
		if want := modelExtensions(line); !reflect.DeepEqual(exts, want) {
			t.Fatalf("%q became %+v, the model has %+v", line, exts, want)
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

// FuzzRequest: ParseRequest and Check accept what the model accepts, and
// nothing else; net/http reads the same in what was accepted; every refusal
// and every response is HTTP.
func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n, err := handshake.ParseRequest(b)
		want, size := modelHead(requestLine, b)
		switch {
		case (err == nil) != (size > 0):
			t.Fatalf("%q: %v, the model says %d bytes", b, err, size)
		case err != nil:
			requireRefusal(t, err)
			return
		case n != size:
			t.Fatalf("%q: %d bytes, the model says %d", b, n, size)
		}
		for i := range n {
			if _, _, err := handshake.ParseRequest(b[:i]); !errors.Is(err, handshake.ErrIncomplete) {
				t.Fatalf("%q: the first %d bytes: %v", b[:n], i, err)
			}
		}
		var s handshake.Server
		res, err := s.Check(r)
		if fault := want.requestFault(); (err == nil) != (fault == "") {
			t.Fatalf("%q: %v, the model says %q", b[:n], err, fault)
		}
		if err != nil {
			requireRefusal(t, err)
			return
		}
		std, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b[:n])))
		if err != nil {
			t.Fatalf("%q: accepted, but net/http says %v", b[:n], err)
		}
		if std.Method != "GET" || std.RequestURI != r.Target || std.Host != r.Host || len(std.TransferEncoding) > 0 || std.ContentLength > 0 {
			t.Fatalf("%q: net/http sees %+v", b[:n], std)
		}
		for name, values := range std.Header {
			if strings.HasPrefix(name, "Sec-Websocket-") && !reflect.DeepEqual(values, r.Values(name)) {
				t.Fatalf("%q: %s is %q, net/http sees %q", b[:n], name, r.Values(name), values)
			}
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

// FuzzResponse: ParseResponse and Check accept what the model accepts, and
// nothing else; net/http reads the same in what was accepted.
func FuzzResponse(f *testing.F) {
	u, err := handshake.ParseURL("ws://server.example.com/chat")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n, err := handshake.ParseResponse(b)
		want, size := modelHead(statusLine, b)
		switch {
		case (err == nil) != (size > 0):
			t.Fatalf("%q: %v, the model says %d bytes", b, err, size)
		case err != nil:
			return
		case n != size:
			t.Fatalf("%q: %d bytes, the model says %d", b, n, size)
		}
		c := handshake.Client{URL: u, Key: sampleKey, Subprotocols: []string{"chat"},
			Extensions: []handshake.Extension{{Name: "x"}}}
		res, err := c.Check(r)
		if fault := want.responseFault(); (err == nil) != (fault == "") {
			t.Fatalf("%q: %v, the model says %q", b[:n], err, fault)
		}
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
		if std.StatusCode != 101 || res.Subprotocol != std.Header.Get("Sec-WebSocket-Protocol") {
			t.Fatalf("%q: accepted as %+v, net/http sees %+v", b[:n], res, std)
		}
	})
}
