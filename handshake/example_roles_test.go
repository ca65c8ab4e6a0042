package handshake_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed24abed78/rfc6455/handshake"
)

// A client writes its request, and judges whatever comes back.
func ExampleClient() {
	client := handshake.Client{
		URL:    &url.URL{Scheme: "ws", Host: "example.com", Path: "/chat"},
		Header: http.Header{"Origin": {"http://example.com"}},
		Key:    "dGhlIHNhbXBsZSBub25jZQ==", // of RFC 6455, section 1.3; leave it empty for a random one
	}
	request, err := client.AppendRequest(nil)
	fmt.Printf("%s%v\n", strings.ReplaceAll(string(request), "\r\n", "\n"), err)

	response, _, err := handshake.ParseResponse([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	if err == nil {
		_, err = client.Check(response)
	}
	var refusal *handshake.Error
	fmt.Println(errors.As(err, &refusal), err)
	// Output:
	// GET /chat HTTP/1.1
	// Host: example.com
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
	// Sec-WebSocket-Version: 13
	// Origin: http://example.com
	//
	// <nil>
	// true handshake: the server did not switch protocols (status 404) (RFC 6455, section 4.1)
}

// A server lets in its own pages and those of a partner.
func ExampleServer() {
	server := handshake.Server{OriginPatterns: []string{"https://*.partner.example"}}
	for _, origin := range []string{"http://example.com", "https://app.partner.example", "https://elsewhere.example"} {
		request, _, err := handshake.ParseRequest([]byte("GET / HTTP/1.1\r\nHost: example.com\r\n" +
			"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: " + origin + "\r\n\r\n"))
		if err == nil {
			_, err = server.Check(request)
		}
		var refusal *handshake.Error
		if errors.As(err, &refusal) {
			fmt.Println(origin, refusal.Status, refusal.Reason)
			continue
		}
		fmt.Println(origin, err)
	}
	// Output:
	// http://example.com <nil>
	// https://app.partner.example <nil>
	// https://elsewhere.example 403 the origin is not allowed
}

// A server answers a refusal of its own.
func ExampleError() {
	refusal := &handshake.Error{
		Status: http.StatusServiceUnavailable,
		Header: http.Header{"Retry-After": {"30"}},
		Reason: "the room is full",
	}
	fmt.Println(strings.ReplaceAll(string(refusal.AppendResponse(nil)), "\r\n", "\n"))
	// Output:
	// HTTP/1.1 503 Service Unavailable
	// Connection: close
	// Content-Type: text/plain; charset=utf-8
	// Retry-After: 30
	// Content-Length: 17
	//
	// the room is full
}

func ExampleParseExtensions() {
	offers, err := handshake.ParseExtensions([]string{`permessage-deflate; client_max_window_bits, x-other; level="9"`})
	for _, offer := range offers {
		for _, p := range offer.Params {
			fmt.Printf("%s: %s %q\n", offer.Name, p.Name, p.Value)
		}
	}
	fmt.Println(handshake.FormatExtensions(offers), err)
	// Output:
	// permessage-deflate: client_max_window_bits ""
	// x-other: level "9"
	// permessage-deflate; client_max_window_bits, x-other; level=9 <nil>
}
