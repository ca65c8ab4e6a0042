package handshake

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
)

// browserRequest is what a browser sends.
const browserRequest = "GET /chat?room=1 HTTP/1.1\r\n" +
	"Host: server.example.com:8080\r\n" +
	"Connection: Upgrade\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36\r\n" +
	"Upgrade: websocket\r\n" +
	"Origin: http://server.example.com:8080\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-GB,en;q=0.9\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n" +
	"Sec-WebSocket-Key: " + sampleKey + "\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
	"\r\n"

var benchRequests = map[string]string{
	"small":   "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + sampleKey + "\r\nSec-WebSocket-Version: 13\r\nOrigin: http://h\r\n\r\n",
	"browser": browserRequest,
}

// BenchmarkServer parses, judges and answers a request.
func BenchmarkServer(b *testing.B) {
	for name, text := range benchRequests {
		b.Run(name, func(b *testing.B) {
			head := []byte(text)
			var s Server
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				r, _, err := ParseRequest(head)
				if err != nil {
					b.Fatal(err)
				}
				res, err := s.Check(r)
				if err != nil {
					b.Fatal(err)
				}
				dst = s.AppendResponse(dst[:0], r, res)
			}
		})
	}
}

// BenchmarkServerHTTP is the same with a request of net/http.
func BenchmarkServerHTTP(b *testing.B) {
	std, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(browserRequest))))
	if err != nil {
		b.Fatal(err)
	}
	var s Server
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		r := FromHTTP(std)
		res, err := s.Check(r)
		if err != nil {
			b.Fatal(err)
		}
		dst = s.AppendResponse(dst[:0], r, res)
	}
}
