package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// errNoMeans is the answer of an idiom that lacks what a row needs.
var errNoMeans = errors.New("the library has no means for it")

// scriptConn is a net.Conn in memory whose peer always has more to say: first
// its part of a handshake, then wire, over and over. What is written goes
// nowhere. It counts what would be system calls.
type scriptConn struct {
	wire []byte
	at   int

	head    []byte        // the peer's part of a handshake
	written []byte        // what was written before there was a head
	ready   chan struct{} // closed when there is a head; nil when there is none to wait for
	closed  chan struct{}

	reads, writes int
}

// newScript returns a connection whose peer says wire. A client's handshake on
// it is answered when answer is set.
func newScript(wire []byte, answer bool) *scriptConn {
	c := &scriptConn{wire: wire, closed: make(chan struct{})}
	if answer {
		c.ready = make(chan struct{})
	}
	return c
}

func (c *scriptConn) Read(p []byte) (int, error) {
	c.reads++
	if c.ready != nil {
		select {
		case <-c.ready:
		case <-c.closed:
			return 0, io.EOF
		}
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	if len(c.wire) == 0 {
		<-c.closed
		return 0, io.EOF
	}
	n := copy(p, c.wire[c.at:])
	if c.at += n; c.at == len(c.wire) {
		c.at = 0
	}
	return n, nil
}

func (c *scriptConn) Write(p []byte) (int, error) {
	c.writes++
	if c.ready != nil && c.head == nil {
		c.written = append(c.written, p...)
		if bytes.HasSuffix(c.written, []byte("\r\n\r\n")) {
			c.head = append([]byte(nil), clientAnswer(c.written)...)
			close(c.ready)
		}
	}
	return len(p), nil
}

func (c *scriptConn) Close() error {
	if c.closed == nil { // made for a handshake alone
		return nil
	}
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return nil
}

func (c *scriptConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (c *scriptConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (c *scriptConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }

// keepWrites is a scriptConn that remembers what was written.
type keepWrites struct {
	scriptConn
	sent []byte
}

func (k *keepWrites) Write(p []byte) (int, error) {
	k.sent = append(k.sent, p...)
	return k.scriptConn.Write(p)
}

// clientAnswer is a server's answer to the request of a client.
func clientAnswer(request []byte) []byte {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		return []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n")
}

// requestHead is a browser's request, as the handshake rows send it.
const requestHead = "GET /echo HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://bench\r\n"

// upgradeRequest is that request as net/http hands it to a handler.
func upgradeRequest() *http.Request {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(requestHead + "\r\n"))))
	if err != nil {
		panic(err) // the request is a constant
	}
	return req
}

// hijacker is what a handler is given by net/http, as far as an upgrade needs.
type hijacker struct {
	nc     net.Conn
	header http.Header
}

func hijackable(nc net.Conn) http.ResponseWriter {
	return &hijacker{nc: nc, header: make(http.Header)}
}

func (h *hijacker) Header() http.Header         { return h.header }
func (h *hijacker) Write(p []byte) (int, error) { return h.nc.Write(p) }
func (h *hijacker) WriteHeader(int)             {}

// Hijack has buffers of the sizes that net/http's have.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.nc, bufio.NewReadWriter(bufio.NewReaderSize(h.nc, 4096), bufio.NewWriterSize(h.nc, 4096)), nil
}
