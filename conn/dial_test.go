package conn_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// redirector redirects to location until it is "", and echoes then. It notes
// the requests it sees.
type redirector struct {
	status   int
	location string
	seen     []*http.Request
}

func (s *redirector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.seen = append(s.seen, r)
	if s.location == "" {
		conn.Handler(echo).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Location", s.location)
	w.WriteHeader(s.status)
}

func (s *redirector) start(t *testing.T) string {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

// Proves 4.1-30.
func TestRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			end := &redirector{}
			begin := &redirector{status: status, location: end.start(t) + "/there?q=%23#part"}
			from := begin.start(t)
			requireEcho(t, from, &conn.Config{MaxRedirects: 1})
			require.Equal(t, "/there?q=%23", end.seen[0].RequestURI)
			require.NotEqual(t, begin.seen[0].Header["Sec-Websocket-Key"], end.seen[0].Header["Sec-Websocket-Key"])

			for _, off := range []int{0, -1} {
				_, err := conn.Dial(t.Context(), from, &conn.Config{MaxRedirects: off})
				var refusal *handshake.Error
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, status, refusal.Status)
				require.Equal(t, begin.location, refusal.Header.Get("Location"))
			}
		})
	}
	for _, status := range []int{300, 304, 305} { // redirects of another kind
		begin := &redirector{status: status, location: "/"}
		_, err := conn.Dial(t.Context(), begin.start(t), &conn.Config{MaxRedirects: 9})
		require.ErrorContains(t, err, strconv.Itoa(status))
		require.Len(t, begin.seen, 1)
	}
}

func TestRedirectLoop(t *testing.T) {
	loop := &redirector{status: 302, location: "/again"}
	_, err := conn.Dial(t.Context(), loop.start(t), &conn.Config{MaxRedirects: 3})
	require.ErrorContains(t, err, "Config.MaxRedirects, 3 times")
	var refusal *handshake.Error
	require.ErrorAs(t, err, &refusal)
	require.Len(t, loop.seen, 4)
}

// No redirect leads out of TLS.
func TestRedirectOutOfTLS(t *testing.T) {
	end := &redirector{}
	ws := end.start(t)
	for _, location := range []string{ws, "http" + strings.TrimPrefix(ws, "ws")} {
		s := httptest.NewTLSServer(&redirector{status: 307, location: location})
		defer s.Close()
		tls := s.Client().Transport.(*http.Transport).TLSClientConfig
		_, err := conn.Dial(t.Context(), s.URL, &conn.Config{MaxRedirects: 1, TLS: tls})
		require.ErrorContains(t, err, "leave TLS")
		require.Empty(t, end.seen)
	}
	// Into TLS it does.
	s := httptest.NewTLSServer(conn.Handler(echo))
	defer s.Close()
	begin := &redirector{status: 301, location: s.URL}
	tls := s.Client().Transport.(*http.Transport).TLSClientConfig
	requireEcho(t, begin.start(t), &conn.Config{MaxRedirects: 1, TLS: tls})
}

func TestRedirectUnusable(t *testing.T) {
	for _, fields := range []string{
		"", "Location: /a\r\nLocation: /b\r\n", "Location: ://\r\n", "Location: ftp://h/\r\n",
		"Location: mailto:a\r\n", "Location: ws://h:0/\r\n", "Location: ws://\xff/\r\n",
	} {
		addr := scripted(t, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"+fields+"\r\n")
		_, err := conn.Dial(t.Context(), "ws://"+addr, &conn.Config{MaxRedirects: 5})
		require.ErrorContains(t, err, "redirect from "+addr, "%q", fields)
		var refusal *handshake.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, 302, refusal.Status)
	}
}

// Credentials stay with the origin that they are for, and don't come back from
// another one. A server can't choose the credentials for the next.
func TestRedirectCredentials(t *testing.T) {
	for name, tt := range map[string]struct {
		user, want string
		header     http.Header
	}{
		"header": {"", "Bearer x", http.Header{"authorization": {"Bearer x"}, "Cookie": {"a=b"}, "proxy-authorization": {"z"}, "X-Other": {"y"}}},
		"URL":    {"me:secret@", "Basic bWU6c2VjcmV0", http.Header{"cookie": {"a=b"}, "X-Other": {"y"}}},
	} {
		t.Run(name, func(t *testing.T) {
			next := map[string]string{"/": "/same"} // from / to /same to another origin, and back to /end
			var seen []*http.Request
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r)
				(&redirector{status: 302, location: next[r.URL.Path]}).ServeHTTP(w, r)
			}))
			defer s.Close()
			host := strings.TrimPrefix(s.URL, "http://")
			other := &redirector{status: 302, location: "http://evil:pw@" + host + "/end"}
			next["/same"] = other.start(t)

			requireEcho(t, "ws://"+tt.user+host+"/", &conn.Config{MaxRedirects: 3, Header: tt.header})
			require.Len(t, seen, 3)
			for _, r := range seen[:2] {
				require.Equal(t, tt.want, r.Header.Get("Authorization"))
				require.Equal(t, "a=b", r.Header.Get("Cookie"))
			}
			for _, r := range append(other.seen, seen[2]) {
				require.Empty(t, r.Header["Authorization"])
				require.Empty(t, r.Header["Cookie"])
				require.Empty(t, r.Header["Proxy-Authorization"])
				require.Equal(t, "y", r.Header.Get("X-Other"))
			}
			require.Equal(t, "/end", seen[2].RequestURI)
		})
	}
}

// A Host of the caller's names the first server only.
func TestRedirectHost(t *testing.T) {
	end := &redirector{}
	begin := &redirector{status: 302, location: end.start(t)}
	requireEcho(t, begin.start(t), &conn.Config{MaxRedirects: 1, Header: http.Header{"Host": {"virtual.example"}}})
	require.Equal(t, "virtual.example", begin.seen[0].Host)
	require.Equal(t, strings.TrimPrefix(begin.location, "ws://"), end.seen[0].Host)
}

func TestCookies(t *testing.T) {
	var got []string
	mux := http.NewServeMux()
	note := func(w http.ResponseWriter, r *http.Request) {
		got = append(got, strings.Join(r.Header["Cookie"], "|"))
		http.SetCookie(w, &http.Cookie{Name: "n" + strconv.Itoa(len(got)), Value: "v", Path: "/"})
	}
	mux.HandleFunc("/no", func(w http.ResponseWriter, r *http.Request) {
		note(w, r)
		http.Error(w, "no", http.StatusUnauthorized)
	})
	mux.HandleFunc("/on", func(w http.ResponseWriter, r *http.Request) {
		note(w, r)
		http.Redirect(w, r, "/yes", http.StatusFound)
	})
	mux.HandleFunc("/yes", func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		note(rec, r)
		conn.Handler(echo, &conn.Config{Header: rec.Header()}).ServeHTTP(w, r)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	ws := "ws" + strings.TrimPrefix(s.URL, "http")
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	cfg := &conn.Config{Jar: jar, MaxRedirects: 1}
	_, err = conn.Dial(t.Context(), ws+"/no", cfg) // on a refusal too
	require.ErrorContains(t, err, "401")
	requireEcho(t, ws+"/on", cfg)
	cfg.Header = http.Header{"Cookie": {"own=1", "two=2"}}
	requireEcho(t, ws+"/yes", cfg)
	require.Equal(t, []string{"", "n1=v", "n1=v; n2=v", "own=1; two=2; n1=v; n2=v; n3=v"}, got)
	require.Equal(t, []string{"own=1", "two=2"}, cfg.Header["Cookie"]) // the caller's is as it was
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	require.Len(t, jar.Cookies(u), 4)
}

// badJar is a jar whose cookie would split the request.
type badJar struct{ http.CookieJar }

func (badJar) Cookies(*url.URL) []*http.Cookie {
	return []*http.Cookie{{Name: "a", Value: "b\r\nX: y"}}
}

// A cookie that can't be sent as it is isn't sent as another one.
func TestCookieWithLineEnd(t *testing.T) {
	_, err := conn.Dial(t.Context(), "ws://h/", &conn.Config{Jar: badJar{}, DialContext: func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialed")
		return nil, errBroken
	}})
	require.ErrorContains(t, err, `Config.Jar: cookie "a"`)
}

// The jar knows https as what wss is: cookies marked Secure go along.
func TestCookiesSecure(t *testing.T) {
	var got string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Cookie")
		conn.Handler(echo).ServeHTTP(w, r)
	}))
	defer s.Close()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	jar.SetCookies(u, []*http.Cookie{{Name: "a", Value: "b", Secure: true}})
	tls := s.Client().Transport.(*http.Transport).TLSClientConfig
	requireEcho(t, "wss"+strings.TrimPrefix(s.URL, "https"), &conn.Config{Jar: jar, TLS: tls})
	require.Equal(t, "a=b", got)
}

// scripted answers every request with the same bytes, and closes.
func scripted(t *testing.T, answer string) string {
	return fakeProxy(t, func(nc net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
			io.WriteString(nc, answer)
		}
	})
}

// upgradeServer answers with prefix, the right 101, and suffix.
func upgradeServer(t *testing.T, prefix, suffix string) string {
	return fakeProxy(t, func(nc net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(nc))
		if err != nil {
			return
		}
		io.WriteString(nc, prefix+"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+handshake.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n"+suffix)
		io.Copy(io.Discard, nc)
	})
}

// Interim responses are skipped, within the bound of the handshake.
func TestInterimResponses(t *testing.T) {
	interim := "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
	addr := upgradeServer(t, interim, "\x81\x02hi")
	ws, err := conn.Dial(t.Context(), "ws://"+addr, nil)
	require.NoError(t, err)
	_, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hi", string(data))
	ws.CloseNow()

	addr = upgradeServer(t, strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000), "")
	_, err = conn.Dial(t.Context(), "ws://"+addr, nil)
	require.ErrorContains(t, err, "Config.MaxHandshakeSize")
}

// What a refusal says, however its end is marked, 1 KiB at most.
func TestRefusalBody(t *testing.T) {
	long := strings.Repeat("x", 4000)
	for name, tt := range map[string]struct{ head, body, want string }{
		"length":         {"403 Forbidden\r\nContent-Length: 3", "no!more", "no!"},
		"shorter":        {"403 Forbidden\r\nContent-Length: 300", "no!", "no!"},
		"chunked":        {"403 Forbidden\r\nTransfer-Encoding: Chunked", "3\r\nno!\r\n1\r\n!\r\n0\r\n\r\n", "no!!"},
		"broken chunk":   {"403 Forbidden\r\nTransfer-Encoding: chunked", "3\r\nno!\r\nz\r\n", "no!"},
		"until closed":   {"403 Forbidden", "no!", "no!"},
		"bad length":     {"403 Forbidden\r\nContent-Length: x", "no!", "no!"},
		"long":           {"403 Forbidden\r\nContent-Length: 4000", long, long[:1024]},
		"long, chunked":  {"403 Forbidden\r\nTransfer-Encoding: chunked", "fa0\r\n" + long + "\r\n0\r\n\r\n", long[:1024]},
		"none":           {"204 No Content", "x", ""},
		"not modified":   {"304 Not Modified\r\nContent-Length: 5", "x", ""},
		"no longer HTTP": {"200 OK\r\nContent-Length: 0", "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			addr := scripted(t, "HTTP/1.1 "+tt.head+"\r\n\r\n"+tt.body)
			_, err := conn.Dial(t.Context(), "ws://"+addr, nil)
			var refusal *handshake.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, tt.want, string(refusal.Body))
		})
	}
}

// A refusal whose body never ends is a refusal nevertheless.
func TestRefusalBodyStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() {
			http.ReadRequest(bufio.NewReader(server))
			io.WriteString(server, "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 9\r\n\r\nlater")
		}()
		begun := time.Now()
		_, err := conn.Dial(t.Context(), "ws://h/", &conn.Config{
			Proxy:       func(*http.Request) (*url.URL, error) { return nil, nil },
			DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil },
		})
		var refusal *handshake.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, "later", string(refusal.Body))
		require.Equal(t, "3", refusal.Header.Get("Retry-After"))
		require.Equal(t, conn.DefaultHandshakeTimeout, time.Since(begun))
		server.Close()
	})
}

// Proves 3-4, 4.1-1, 4.1-8: what can't be sent is an error before a connection.
func TestDialBadURL(t *testing.T) {
	cfg := &conn.Config{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("dialed")
	}, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}
	for _, in := range []string{"", "ftp://h/", "ws://h/#f", "ws://h/\r\n", "ws://bu\u0308cher.example/"} { // 4.1-1, 3-4
		_, err := conn.Dial(t.Context(), in, cfg)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "dialed", "%q", in)
	}
	_, err := conn.Dial(t.Context(), "ws://h/", cfg)
	require.ErrorContains(t, err, "dialed") // 4.1-8
}

// The address to dial, and the name for SNI and Host, of every kind of host.
// Proves 3-1, 3-2, 11.1-1, 4.1-6, 4.1-17.
func TestDialHosts(t *testing.T) {
	for in, want := range map[string][2]string{
		"ws://h/":                     {"h:80", "h"},
		"WS://h":                      {"h:80", "h"},
		"ws://h:8080":                 {"h:8080", "h:8080"},
		"ws://bücher.example:81/":     {"xn--bcher-kva.example:81", "xn--bcher-kva.example:81"},
		"ws://[::1]/":                 {"[::1]:80", "[::1]"},
		"http://[fe80::1%25eth0]:81/": {"[fe80::1%eth0]:81", "[fe80::1]:81"},
	} {
		client, server := net.Pipe()
		cfg := &conn.Config{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}
		cfg.DialContext = func(_ context.Context, network, addr string) (net.Conn, error) {
			require.Equal(t, "tcp", network)
			require.Equal(t, want[0], addr)
			return client, nil
		}
		host := make(chan string, 1)
		go func() {
			defer server.Close()
			if r, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
				host <- r.Host
			}
			close(host)
		}()
		_, err := conn.Dial(t.Context(), in, cfg)
		require.Error(t, err)
		require.Equal(t, want[1], <-host)
	}
}

// A zone is for this machine's routing: no certificate has it, and the server
// doesn't see it.
func TestDialZoneTLS(t *testing.T) {
	s := httptest.NewTLSServer(conn.Handler(echo)) // its certificate has ::1
	defer s.Close()
	tls := s.Client().Transport.(*http.Transport).TLSClientConfig
	requireEcho(t, "wss://[::1%25lo]:1/", &conn.Config{TLS: tls, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		require.Equal(t, "[::1%lo]:1", addr)
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}})
}
