package conn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// fakeProxy serves one connection after the other on loopback.
func fakeProxy(t *testing.T, serve func(nc net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				serve(nc)
			}()
		}
	}()
	return l.Addr().String()
}

// pipe connects nc to the backend, whatever the name was that was asked for.
func pipe(nc net.Conn, backend string) {
	b, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer b.Close()
	go io.Copy(b, nc)
	io.Copy(nc, b)
}

// httpProxy answers CONNECT, and pipes when the answer is a 200.
func httpProxy(answer, backend string, seen chan<- *http.Request) func(net.Conn) {
	return func(nc net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(nc))
		if err != nil {
			return
		}
		seen <- r
		io.WriteString(nc, answer)
		if strings.Contains(answer, " 200 ") {
			pipe(nc, backend)
		}
	}
}

// socksProxy expects each want in turn, sends the answer to it, and pipes.
func socksProxy(t *testing.T, backend string, script ...string) func(net.Conn) {
	return func(nc net.Conn) {
		for i := 0; i < len(script); i += 2 {
			b := make([]byte, len(script[i]))
			if _, err := io.ReadFull(nc, b); err != nil || string(b) != script[i] {
				t.Errorf("proxy read %q (%v), not %q", b, err, script[i])
				return
			}
			io.WriteString(nc, script[i+1])
		}
		if backend != "" {
			pipe(nc, backend)
		}
	}
}

func via(t *testing.T, proxy string) *conn.Config {
	u, err := url.Parse(proxy)
	require.NoError(t, err)
	return &conn.Config{Proxy: func(*http.Request) (*url.URL, error) { return u, nil }}
}

func requireEcho(t *testing.T, target string, cfg *conn.Config) {
	ws, err := conn.Dial(t.Context(), target, cfg)
	require.NoError(t, err)
	require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("hi")))
	_, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hi", string(data))
	require.NoError(t, ws.Close())
}

const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// Proves 4.1-5 and 4.1-13.
func TestProxyConnect(t *testing.T) {
	backend := make(chan *http.Request, 1)
	h := conn.Handler(echo)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backend <- r
		h.ServeHTTP(w, r)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig
	for target, want := range map[string]string{
		"ws://example.com/":      "example.com:80",
		"ws://[::1]:81/":         "[::1]:81",
		"ws://[fe80::1%25e]:81/": "[fe80::1]:81", // whose zone is no business of the proxy's
		"wss://example.com/":     "example.com:443",
		"wss://example.com:444/": "example.com:444",
	} {
		addr := plain.Listener.Addr().String()
		if strings.HasPrefix(target, "wss") {
			addr = secure.Listener.Addr().String()
		}
		seen := make(chan *http.Request, 1)
		serve := httpProxy(established, addr, seen)
		names := make(chan string, 1)
		settings := secure.TLS.Clone()
		settings.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			names <- hello.ServerName
			return nil, nil
		}
		for _, proxy := range []string{
			"http://user:pass@" + fakeProxy(t, serve),
			"https://user:pass@" + fakeProxy(t, func(nc net.Conn) { serve(tls.Server(nc, settings)) }),
		} {
			cfg := via(t, proxy)
			cfg.TLS = roots
			if strings.HasPrefix(proxy, "https") { // an address would not be sent as SNI
				addr := proxy[strings.Index(proxy, "@")+1:]
				cfg = via(t, "https://user:pass@proxy.example.com")
				cfg.TLS = roots.Clone()
				cfg.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
					if to != "proxy.example.com:443" {
						return nil, errors.New(to)
					}
					return new(net.Dialer).DialContext(ctx, network, addr)
				}
				cfg.TLS.InsecureSkipVerify = true
				cfg.TLS.ServerName = "example.com"
			}
			requireEcho(t, target, cfg)
			r := <-seen
			require.Equal(t, "CONNECT", r.Method)
			require.Equal(t, want, r.RequestURI)
			require.Equal(t, want, r.Host)
			require.Equal(t, http.Header{"Proxy-Authorization": {"Basic dXNlcjpwYXNz"}}, r.Header)
			r = <-backend
			require.Empty(t, r.Header.Get("Proxy-Authorization"))
			require.Empty(t, r.Header.Get("Authorization"))
			if strings.HasPrefix(proxy, "https") {
				require.Equal(t, "proxy.example.com", <-names)
			}
		}
	}
}

// Proves 4.1-8.
func TestProxyRefuses(t *testing.T) {
	for answer, status := range map[string]int{
		"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n": 407,
		"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno":                         502,
		established + "x":  0,
		"nonsense\r\n\r\n": 0,
		"":                 0,
	} {
		seen := make(chan *http.Request, 1)
		addr := fakeProxy(t, httpProxy(answer, "127.0.0.1:1", seen))
		_, err := conn.Dial(t.Context(), "ws://example.com/", via(t, "http://"+addr))
		require.ErrorContains(t, err, addr)
		require.Empty(t, (<-seen).Header, "no credentials, no Proxy-Authorization")
		var server *handshake.Error
		require.False(t, errors.As(err, &server), "%v", err)
		var refusal *conn.ProxyError
		require.Equal(t, status != 0, errors.As(err, &refusal), "%v", err)
		if status != 0 {
			require.Equal(t, status, refusal.Status)
		}
	}
}

// Credentials that can't be sent as they are aren't sent at all.
func TestProxyCredentials(t *testing.T) {
	for _, user := range []string{"a%3Ab:c", "a%0D%0AX:c", "a:%00"} {
		sent := make(chan int64, 1)
		addr := fakeProxy(t, func(nc net.Conn) {
			n, _ := io.Copy(io.Discard, nc)
			sent <- n
		})
		_, err := conn.Dial(t.Context(), "ws://example.com/", via(t, "http://"+user+"@"+addr))
		require.ErrorContains(t, err, "user name")
		require.Zero(t, <-sent)
	}
}

const (
	socksTarget = "\x05\x01\x00\x03\x0bexample.com\x00\x50"
	socksOK     = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
)

func TestSOCKS5(t *testing.T) {
	plain, secure := httptest.NewServer(conn.Handler(echo)), httptest.NewTLSServer(conn.Handler(echo))
	defer plain.Close()
	defer secure.Close()
	backend := plain.Listener.Addr().String()
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig

	addr := fakeProxy(t, socksProxy(t, backend, "\x05\x01\x00", "\x05\x00", socksTarget, socksOK))
	requireEcho(t, "ws://example.com/", via(t, "socks5://"+addr))
	requireEcho(t, "ws://example.com/", via(t, "socks5h://"+addr))
	addr = fakeProxy(t, socksProxy(t, backend, "\x05\x02\x00\x02", "\x05\x02",
		"\x01\x04user\x04pass", "\x01\x00", socksTarget, "\x05\x00\x00\x03\x01h\x00\x00"))
	requireEcho(t, "ws://example.com/", via(t, "socks5://user:pass@"+addr))
	addr = fakeProxy(t, socksProxy(t, backend, "\x05\x01\x00", "\x05\x00",
		"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x51", "\x05\x00\x00\x04"+strings.Repeat("\x00", 18)))
	requireEcho(t, "ws://127.0.0.1:81/", via(t, "socks5://"+addr))
	addr = fakeProxy(t, socksProxy(t, backend, "\x05\x01\x00", "\x05\x00",
		"\x05\x01\x00\x04"+strings.Repeat("\x00", 15)+"\x01\x00\x51", socksOK))
	requireEcho(t, "ws://[::1]:81/", via(t, "socks5://"+addr))
	addr = fakeProxy(t, socksProxy(t, secure.Listener.Addr().String(), "\x05\x01\x00", "\x05\x00",
		"\x05\x01\x00\x03\x0bexample.com\x01\xbb", socksOK))
	cfg := via(t, "socks5://"+addr)
	cfg.TLS = roots
	requireEcho(t, "wss://example.com/", cfg)
}

func TestSOCKS5Refuses(t *testing.T) {
	for _, tt := range []struct {
		user, want string
		script     []string
	}{
		{"", "reply 5: connection refused", []string{"\x05\x01\x00", "\x05\x00", socksTarget, "\x05\x05\x00\x01"}},
		{"", "reply 99: unassigned", []string{"\x05\x01\x00", "\x05\x00", socksTarget, "\x05\x63\x00\x01"}},
		{"", "version 4 in the reply", []string{"\x05\x01\x00", "\x05\x00", socksTarget, "\x04\x00\x00\x01"}},
		{"", "address type 9", []string{"\x05\x01\x00", "\x05\x00", socksTarget, "\x05\x00\x00\x09"}},
		{"", "EOF", []string{"\x05\x01\x00", "\x05\x00", socksTarget, "\x05\x00\x00\x03"}},
		{"", "no acceptable", []string{"\x05\x01\x00", "\x05\xff"}},
		{"", "method 2 was not offered", []string{"\x05\x01\x00", "\x05\x02"}},
		{"", "version 4", []string{"\x05\x01\x00", "\x04\x00"}},
		{"u:p@", "password refused", []string{"\x05\x02\x00\x02", "\x05\x02", "\x01\x01u\x01p", "\x01\x01"}},
		{":p@", "1 to 255", []string{"\x05\x02\x00\x02", "\x05\x02"}},
	} {
		addr := fakeProxy(t, socksProxy(t, "", tt.script...))
		_, err := conn.Dial(t.Context(), "ws://example.com/", via(t, "socks5://"+tt.user+addr))
		require.ErrorContains(t, err, tt.want)
	}
	addr := fakeProxy(t, func(net.Conn) {})
	_, err := conn.Dial(t.Context(), "ws://"+strings.Repeat("a", 256)+"/", via(t, "socks5://"+addr))
	require.ErrorContains(t, err, "255")
}

// A silent proxy holds Dial no longer than the context.
func TestProxySilent(t *testing.T) {
	for _, scheme := range []string{"http", "https", "socks5"} {
		addr := fakeProxy(t, func(nc net.Conn) { io.Copy(io.Discard, nc) })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := conn.Dial(ctx, "ws://example.com/", via(t, scheme+"://"+addr))
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

func TestProxyChoice(t *testing.T) {
	for target, want := range map[string]string{"ws://u:p@h/a": "http://h/a", "wss://h:1/?q": "https://h:1/?q"} {
		stop := errors.New("stop")
		_, err := conn.Dial(t.Context(), target, &conn.Config{Proxy: func(r *http.Request) (*url.URL, error) {
			require.Equal(t, want, r.URL.String())
			return nil, stop
		}})
		require.ErrorIs(t, err, stop)
	}
	_, err := conn.Dial(t.Context(), "ws://h/", via(t, "ftp://user:secret@h"))
	require.ErrorContains(t, err, "socks5h")
	require.NotContains(t, err.Error(), "secret")
	_, err = conn.Dial(t.Context(), "ws://h/", via(t, "http://127.0.0.1:1"))
	require.ErrorContains(t, err, "dial proxy")
}

// net/http reads the environment once, hence the process.
func TestProxyEnvironment(t *testing.T) {
	if os.Getenv("TEST_PROXY_CHILD") != "" {
		requireEcho(t, "ws://example.com/", nil)
		return
	}
	seen := make(chan *http.Request, 1)
	addr := fakeProxy(t, httpProxy(established, strings.TrimPrefix(echoServer(t), "ws://"), seen))
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyEnvironment$")
	cmd.Env = append(os.Environ(), "TEST_PROXY_CHILD=1", "HTTP_PROXY=http://"+addr, "http_proxy=http://"+addr, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "example.com:80", (<-seen).RequestURI)
}
