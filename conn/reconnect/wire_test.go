package reconnect_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/handshake"
)

// TestWire has what a server, or the network, does to the first connection.
// The second is a good one: the Client is there, or has closed and is not.
func TestWire(t *testing.T) {
	const (
		fatal = true
		retry = false
	)
	status := func(code int) string { return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n", code) }
	const open = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n"
	for _, tt := range []struct {
		name     string
		response string // KEY becomes the right one
		frames   string // hex
		then     error  // of the client's next read; nil is silence
		want     bool
	}{
		{"400", status(400), "", io.EOF, fatal},
		{"401", status(401), "", io.EOF, fatal},
		{"403", status(403), "", io.EOF, fatal},
		{"404", status(404), "", io.EOF, fatal},
		{"405", status(405), "", io.EOF, fatal},
		{"no WebSocket there", status(200), "", io.EOF, fatal},
		{"a subprotocol that was not offered", open + "Sec-WebSocket-Protocol: mqtt\r\n\r\n", "", io.EOF, fatal},
		{"the wrong accept", strings.Replace(open, "KEY", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 1) + "\r\n", "", io.EOF, fatal},
		{"1000", open + "\r\n", "88 02 03 e8", io.EOF, fatal},
		{"1002", open + "\r\n", "88 02 03 ea", io.EOF, fatal},
		{"1003", open + "\r\n", "88 02 03 eb", io.EOF, fatal},
		{"1007", open + "\r\n", "88 02 03 ef", io.EOF, fatal},
		{"1008", open + "\r\n", "88 02 03 f0", io.EOF, fatal},
		{"1010", open + "\r\n", "88 02 03 f2", io.EOF, fatal},
		{"1002 of ours: a masked frame", open + "\r\n", "81 80 00 00 00 00", io.EOF, fatal},
		{"1007 of ours: no UTF-8", open + "\r\n", "81 01 ff", io.EOF, fatal},

		{"408", status(408), "", io.EOF, retry},
		{"429", status(429), "", io.EOF, retry},
		{"500", status(500), "", io.EOF, retry},
		{"502", status(502), "", io.EOF, retry},
		{"503", status(503), "", io.EOF, retry},
		{"504", status(504), "", io.EOF, retry},
		{"reset before the answer", "", "", syscall.ECONNRESET, retry},
		{"end before the answer", "", "", io.EOF, retry},
		{"end inside the answer", open, "", io.EOF, retry},
		{"no answer", "", "", nil, retry},
		{"an answer that does not end", open, "", nil, retry},
		{"1001", open + "\r\n", "88 02 03 e9", io.EOF, retry},
		{"1005", open + "\r\n", "88 00", io.EOF, retry},
		{"1006: end without a Close frame", open + "\r\n", "81 01 61", io.EOF, retry},
		{"1006: end inside a frame", open + "\r\n", "81 02 61", io.EOF, retry},
		{"1006: reset", open + "\r\n", "81 01 61", syscall.ECONNRESET, retry},
		{"1011", open + "\r\n", "88 02 03 f3", io.EOF, retry},
		{"1012", open + "\r\n", "88 02 03 f4", io.EOF, retry},
		{"1013", open + "\r\n", "88 02 03 f5", io.EOF, retry},
		{"silence, which the keepalive notices", open + "\r\n", "", nil, retry},
		{"silence inside a frame", open + "\r\n", "81 02 61", nil, retry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				s := newServer(listen)
				cfg := s.config()
				cfg.KeepaliveInterval = 0 // the default
				cfg.Subprotocols = []string{"graphql-transport-ws"}
				first := true
				cfg.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					if !first {
						return s.dial(ctx, network, addr)
					}
					first = false
					near, far := net.Pipe()
					t.Cleanup(func() { far.Close() })
					frames, err := hex.DecodeString(strings.ReplaceAll(tt.frames, " ", ""))
					require.NoError(t, err)
					go say(far, tt.response, frames, tt.then != nil)
					return &endsWith{near, tt.then}, nil
				}
				client := start(t, s, reconnect.Config{Conn: cfg})
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if tt.want == fatal {
					require.Equal(t, reconnect.Closed, client.State().Phase, "%v", client.State().Err)
					require.Empty(t, s.attempts())
				} else {
					require.Equal(t, reconnect.Open, client.State().Phase, "%v", client.State().Err)
					require.Len(t, s.attempts(), 1)
				}
			})
		})
	}
}

// say answers a request, sends some bytes, and reads until the client has gone.
func say(nc net.Conn, response string, frames []byte, end bool) {
	r := bufio.NewReader(nc)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	response = strings.Replace(response, "KEY", handshake.Accept(req.Header.Get("Sec-WebSocket-Key")), 1)
	for _, p := range [][]byte{[]byte(response), frames} {
		if len(p) > 0 {
			nc.Write(p)
		}
	}
	if end {
		nc.Close()
	}
	io.Copy(io.Discard, r)
}

// endsWith puts another error in the place of io.EOF.
type endsWith struct {
	net.Conn
	err error
}

func (c *endsWith) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = c.err
	}
	return n, err
}

// A certificate that does not verify is fatal; so is one for another name.
func TestCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error { listen(ctx, ws); return nil }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // that clients go is what is wanted
	s.StartTLS()
	defer s.Close()
	trusting := s.Client().Transport.(*http.Transport).TLSClientConfig
	for name, cfg := range map[string]*tls.Config{
		"unknown authority": nil,
		"another name":      {RootCAs: trusting.RootCAs, ServerName: "other.test"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := reconnect.New(t.Context(), "wss"+strings.TrimPrefix(s.URL, "https"), &reconnect.Config{Conn: &conn.Config{TLS: cfg}})
			require.NoError(t, err)
			<-client.Done()
			var e *tls.CertificateVerificationError
			require.ErrorAs(t, client.Err(), &e)
			require.Equal(t, 1, client.State().Attempts)
		})
	}
	client, err := reconnect.New(t.Context(), "wss"+strings.TrimPrefix(s.URL, "https"), &reconnect.Config{Conn: &conn.Config{TLS: trusting}})
	require.NoError(t, err)
	require.NoError(t, client.Ready(t.Context()))
	require.NoError(t, client.Close(t.Context()))
}
