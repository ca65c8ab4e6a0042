package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// noProxy is for tests that must not look at the environment.
func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// overPipe returns a Config whose Dial talks to serve, which gets the head of
// the request.
func overPipe(serve func(nc net.Conn, head string)) *conn.Config {
	return &conn.Config{Proxy: noProxy, DialContext: func(context.Context, string, string) (net.Conn, error) {
		a, b := net.Pipe()
		go func() {
			var head []byte
			for buf := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
				if _, err := io.ReadFull(b, buf); err != nil {
					return
				}
				head = append(head, buf...)
			}
			serve(b, string(head))
		}()
		return a, nil
	}}
}

func keyOf(head string) string {
	_, rest, _ := strings.Cut(head, "Sec-WebSocket-Key: ")
	key, _, _ := strings.Cut(rest, "\r\n")
	return key
}

func accepted(head string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		handshake.Accept(keyOf(head)) + "\r\n\r\n"
}

// Proves 4.2.2-14: frames that share the segment of the response, or come
// with it split at any byte, are delivered.
func TestFramesWithResponse(t *testing.T) {
	frames := string(textTo(conn.Client, "Hello")) + string(textTo(conn.Client, "again"))
	size := len(accepted("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")) + len(frames)
	for cut := range size {
		synctest.Test(t, func(t *testing.T) {
			ws, err := conn.Dial(t.Context(), "ws://h/", overPipe(func(nc net.Conn, head string) {
				all := accepted(head) + frames
				io.WriteString(nc, all[:cut])
				time.Sleep(time.Second)
				io.WriteString(nc, all[cut:])
			}))
			require.NoError(t, err)
			for _, want := range []string{"Hello", "again"} {
				_, data, err := ws.ReadMessage(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
			ws.CloseNow()
		})
	}
}

// The server's side of it: frames behind the request, split at any byte.
// Beyond 4.1-29, which forbids a client to send them; a server can't tell.
func TestFramesWithRequest(t *testing.T) {
	all := "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" + string(textTo(conn.Server, "Hello"))
	for cut := range all {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			go io.Copy(io.Discard, b)
			go func() {
				io.WriteString(b, all[:cut])
				time.Sleep(time.Second)
				io.WriteString(b, all[cut:])
			}()
			ws, err := conn.Upgrade(t.Context(), a, nil)
			require.NoError(t, err)
			_, data, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "Hello", string(data))
			ws.CloseNow()
		})
	}
}

// Proves 4.1-29 and 7.2.2-1: after the request the client sends nothing, and
// when no response comes it closes without a frame.
func TestRequestThenSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rest := make(chan []byte, 1)
		begun := time.Now()
		_, err := conn.Dial(t.Context(), "ws://h/", overPipe(func(nc net.Conn, _ string) {
			b, _ := io.ReadAll(nc)
			rest <- b
		}))
		require.ErrorContains(t, err, "Config.HandshakeTimeout")
		require.Equal(t, conn.DefaultHandshakeTimeout, time.Since(begun))
		require.Empty(t, <-rest)
	})
}

// Proves 7.2.2-1: a handshake that is given up gets an HTTP error at most, and
// no frame, in both roles.
func TestAbortWithoutFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rest := make(chan []byte, 1)
		_, err := conn.Dial(t.Context(), "ws://h/", overPipe(func(nc net.Conn, head string) {
			io.WriteString(nc, strings.Replace(accepted(head), "Upgrade: websocket", "Upgrade: h2c", 1))
			b, _ := io.ReadAll(nc)
			rest <- b
		}))
		require.Error(t, err)
		require.Empty(t, <-rest)

		a, b := net.Pipe()
		out := collect(b)
		go io.WriteString(b, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		_, err = conn.Upgrade(t.Context(), a, nil)
		var refusal *handshake.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, string(refusal.AppendResponse(nil)), string(<-out))
	})
}

// A head without end is given up in both roles, at the bound.
func TestHeadWithoutEnd(t *testing.T) {
	endless := func(nc net.Conn) (sent int) {
		for {
			n, err := io.WriteString(nc, "X-Filler: yes\r\n")
			if sent += n; err != nil {
				return sent
			}
		}
	}
	a, b := net.Pipe()
	go io.Copy(io.Discard, b)
	sent := make(chan int, 1)
	go func() {
		io.WriteString(b, "GET / HTTP/1.1\r\n")
		sent <- endless(b)
	}()
	_, err := conn.Upgrade(t.Context(), a, nil)
	require.Error(t, err)
	b.Close()
	require.LessOrEqual(t, <-sent, 16<<10)

	_, err = conn.Dial(t.Context(), "ws://h/", overPipe(func(nc net.Conn, _ string) {
		io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\n")
		sent <- endless(nc)
	}))
	require.Error(t, err)
	require.LessOrEqual(t, <-sent, 16<<10)
}

// sniffer keeps what passes under TLS.
type sniffer struct {
	net.Conn
	mu   *sync.Mutex
	wire *[]byte
}

func (s sniffer) note(p []byte) {
	s.mu.Lock()
	*s.wire = append(*s.wire, p...)
	s.mu.Unlock()
}

func (s sniffer) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.note(p[:n])
	return n, err
}

func (s sniffer) Write(p []byte) (int, error) {
	s.note(p)
	return s.Conn.Write(p)
}

// Proves 4.1-9, 4.1-11, 4.1-12, 4.1-13 and 4.2.2-1: with wss the server's
// name is in the TLS handshake, and nothing of a whole session, in either
// direction, shows below TLS.
func TestOnlyTLSOnTheWire(t *testing.T) {
	var name string
	s := httptest.NewUnstartedServer(conn.Handler(echo))
	s.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		name = hello.ServerName
		return nil, nil
	}}
	s.StartTLS()
	defer s.Close()
	var mu sync.Mutex
	var wire []byte
	ws, err := conn.Dial(t.Context(), "wss://example.com/secret-path", &conn.Config{
		Proxy: noProxy,
		TLS:   s.Client().Transport.(*http.Transport).TLSClientConfig,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			require.Equal(t, "tcp", network) // Proves 4.1-6, 3-1.
			require.Equal(t, "example.com:443", addr)
			nc, err := new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
			return sniffer{nc, &mu, &wire}, err
		},
	})
	require.NoError(t, err)
	require.Equal(t, "example.com", name)
	require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("secret-message")))
	_, _, err = ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.NoError(t, ws.Close())
	mu.Lock()
	defer mu.Unlock()
	require.NotContains(t, string(wire), "secret-")
	require.NotContains(t, string(wire), "HTTP/1.1 ")
	require.EqualValues(t, 0x16, wire[0], "a handshake record of TLS comes first")
}

// Proves 4.1-8, 4.1-10 and 10.6-3: when TLS can't be had as it must be, the
// connection is dropped and the server sees no request.
func TestTLSRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		server *tls.Config
		url    string
		want   string
	}{
		"unknown authority": {nil, "wss://example.com/", "certificate"},
		"wrong name":        {nil, "wss://other.example/", "certificate"},
		"TLS 1.1":           {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "wss://example.com/", "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
			s.TLS = tt.server
			s.Config.ErrorLog = quiet
			s.StartTLS()
			defer s.Close()
			cfg := &conn.Config{Proxy: noProxy, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
			}}
			if name == "wrong name" {
				cfg.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			}
			_, err := conn.Dial(t.Context(), tt.url, cfg)
			require.ErrorContains(t, err, tt.want)
		})
	}
	_, err := conn.Dial(t.Context(), "ws://h/", &conn.Config{Proxy: noProxy, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errBroken
	}})
	require.ErrorIs(t, err, errBroken)
}

// Proves 4.2.2-1: a bare TLS server closes a connection that isn't TLS,
// without a word of HTTP.
func TestPlainClientOfTLS(t *testing.T) {
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	a, b := net.Pipe()
	out := collect(b)
	go io.WriteString(b, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	_, err := conn.Upgrade(t.Context(), tls.Server(a, s.TLS), nil)
	require.Error(t, err)
	require.NotContains(t, string(<-out), "HTTP")
}

// Proves 5.8-1 and 9.1-5: without an extension agreed in the handshake the
// reserved bits fail a message in both roles, and none is ever sent.
func TestNoExtension(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, nil)
			out := collect(peer)
			in := textTo(role, "x")
			in[0] |= 0x40
			go peer.Write(in)
			require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, bytes.Repeat([]byte("a"), 5000)))
			_, _, err := ws.ReadMessage(t.Context())
			require.ErrorContains(t, err, "reserved bit")
			require.NotContains(t, err.Error(), "aaa") // Proves 7.1.7-2: a cause to log, and no payload.
			peer.Close()
			frames(t, role, <-out) // whose rules have no reserved bit
		})
	}
}
