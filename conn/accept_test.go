package conn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// bareServer echoes on loopback without net/http, and hands out the error of
// every handshake, of the first hundred at least.
func bareServer(t *testing.T, cfg *conn.Config) (addr string, errs <-chan error) {
	c := make(chan error, 100)
	return fakeProxy(t, func(nc net.Conn) {
		ws, err := conn.Upgrade(context.Background(), nc, cfg)
		select {
		case c <- err:
		default: // nobody looks
		}
		if err == nil {
			echo(context.Background(), ws)
		}
	}), c
}

// bothServers runs a test over net/http and without it.
func bothServers(t *testing.T, cfg *conn.Config, test func(t *testing.T, addr string)) {
	t.Run("Accept", func(t *testing.T) {
		s := httptest.NewServer(conn.Handler(echo, cfg))
		defer s.Close()
		test(t, strings.TrimPrefix(s.URL, "http://"))
	})
	t.Run("Upgrade", func(t *testing.T) {
		addr, _ := bareServer(t, cfg)
		test(t, addr)
	})
}

// A server behind a proxy that ends TLS is of origin https.
func TestSecure(t *testing.T) {
	for _, secure := range []bool{false, true} {
		bothServers(t, &conn.Config{Secure: secure}, func(t *testing.T, addr string) {
			for scheme, same := range map[string]bool{"https://": secure, "http://": !secure} {
				cfg := &conn.Config{Header: http.Header{"Origin": {scheme + addr}}}
				if same {
					requireEcho(t, "ws://"+addr, cfg)
					continue
				}
				_, err := conn.Dial(t.Context(), "ws://"+addr, cfg)
				require.ErrorContains(t, err, "403", "%s %v", scheme, secure) // 4.2.2-2
			}
		})
	}
}

// The server's log says what to do about an origin that only Secure keeps out.
func TestSecureUnset(t *testing.T) {
	addr, errs := bareServer(t, nil)
	for origin, hint := range map[string]bool{"https://" + addr: true, "https://evil.example": false} {
		_, err := conn.Dial(t.Context(), "ws://"+addr, &conn.Config{Header: http.Header{"Origin": {origin}}})
		require.NotContains(t, err.Error(), "set Secure")
		require.Equal(t, hint, strings.Contains((<-errs).Error(), "set Secure"), origin)
	}
}

// A refusal arrives whole though the request goes on behind its head.
func TestRefusalBeforeBody(t *testing.T) {
	body := strings.Repeat("x", 200_000)
	for status, request := range map[string]string{
		"405": "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + body,
		"400": strings.Replace(goodRequest, "\r\n\r\n", "\r\nContent-Length: 200000\r\n\r\n", 1) + body,
	} {
		addr, errs := bareServer(t, nil)
		answer := ask(t, addr, request) // writes all of it before it reads
		require.True(t, strings.HasPrefix(answer, "HTTP/1.1 "+status+" "), answer)
		require.True(t, strings.HasSuffix(answer, "\n"), answer)
		require.Error(t, <-errs)
	}
}

func TestCheckRequest(t *testing.T) {
	cfg := &conn.Config{CheckRequest: func(r *handshake.Request) error {
		switch r.Resource() {
		case "/missing":
			return fmt.Errorf("router: %w", &handshake.Error{Status: http.StatusNotFound, Reason: "no such room"}) // 4.2.2-5
		case "/login":
			return &handshake.Error{Status: http.StatusUnauthorized, Body: []byte("log in"), Header: http.Header{"Www-Authenticate": {"Basic"}}}
		case "/json":
			return &handshake.Error{Status: http.StatusTooManyRequests, Body: []byte("{}"), Header: http.Header{"Content-Type": {"application/json"}}}
		case "/zero":
			return &handshake.Error{Reason: "no status"}
		case "/secret":
			return errors.New("the secret reason")
		}
		if r.Header("X-Token") != "t" || r.Values("X-Token")[0] != "t" || r.Host == "" {
			return errors.New("the header can't be seen")
		}
		return nil
	}}
	bothServers(t, cfg, func(t *testing.T, addr string) {
		requireEcho(t, "ws://"+addr, &conn.Config{Header: http.Header{"X-Token": {"t"}}})
		for path, want := range map[string]struct {
			status int
			body   string
		}{
			"/missing": {404, "no such room"}, "/login": {401, "log in"}, "/json": {429, "{}"}, "/zero": {400, "no status"},
			"/secret": {403, "the server refuses this request"},
		} {
			_, err := conn.Dial(t.Context(), "ws://"+addr+path, nil)
			var refusal *handshake.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, want.status, refusal.Status, path)
			require.Equal(t, want.body, strings.TrimSpace(string(refusal.Body)), path)
			switch want.status {
			case 401:
				require.Equal(t, "Basic", refusal.Header.Get("Www-Authenticate"))
			case 429:
				require.Equal(t, "application/json", refusal.Header.Get("Content-Type"))
			default:
				require.Equal(t, "text/plain; charset=utf-8", refusal.Header.Get("Content-Type"))
			}
		}
		// The rules come first: the function isn't asked about a foreign origin.
		_, err := conn.Dial(t.Context(), "ws://"+addr+"/missing", &conn.Config{Header: http.Header{"Origin": {"http://evil"}}})
		require.ErrorContains(t, err, "403")
	})
	addr, errs := bareServer(t, cfg)
	_, err := conn.Dial(t.Context(), "ws://"+addr+"/secret", nil)
	require.Error(t, err)
	var refusal *handshake.Error
	err = <-errs
	require.ErrorAs(t, err, &refusal) // the server's own error keeps the cause
	require.ErrorContains(t, err, "the secret reason")
}

func TestMaxHandshakeSize(t *testing.T) {
	_, err := conn.Dial(t.Context(), "ws://h", &conn.Config{MaxHandshakeSize: -1})
	require.ErrorContains(t, err, "Config.MaxHandshakeSize is -1")

	for _, size := range []int{0, 1 << 10, 100 << 10} {
		limit := size
		if limit == 0 {
			limit = conn.DefaultMaxHandshakeSize
		}
		addr, errs := bareServer(t, &conn.Config{MaxHandshakeSize: size})
		fits := &conn.Config{Header: http.Header{"X-Pad": {strings.Repeat("x", limit-300)}}}
		requireEcho(t, "ws://"+addr, fits)
		require.NoError(t, <-errs)

		// The client sends far more than is read, and still learns why.
		over := &conn.Config{Header: http.Header{"X-Pad": {strings.Repeat("x", limit+20<<10)}}}
		_, err := conn.Dial(t.Context(), "ws://"+addr, over)
		var refusal *handshake.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, refusal.Status)
		require.ErrorContains(t, <-errs, "Config.MaxHandshakeSize")

		// And so does a client with what a server sends.
		addr = upgradeServer(t, "HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", limit-300)+"\r\n\r\n", "")
		ws, err := conn.Dial(t.Context(), "ws://"+addr, &conn.Config{MaxHandshakeSize: size})
		require.NoError(t, err)
		ws.CloseNow()
		addr = upgradeServer(t, "HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", limit)+"\r\n\r\n", "")
		_, err = conn.Dial(t.Context(), "ws://"+addr, &conn.Config{MaxHandshakeSize: size})
		require.ErrorContains(t, err, "Config.MaxHandshakeSize")
	}
}

const goodRequest = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// A faulty request over a socket gets an HTTP error, never a 101, and the
// server closes.
// Proves 4.2.1-1.
func TestRequestFaults(t *testing.T) {
	replace := func(old, new string) string { return strings.Replace(goodRequest, old, new, 1) }
	add := func(line string) string { return replace("\r\n\r\n", "\r\n"+line+"\r\n\r\n") }
	faults := map[string]struct{ request, status string }{
		"POST":              {replace("GET", "POST"), "405"},                                         // 4.2.1-2
		"HTTP/1.0":          {replace("HTTP/1.1", "HTTP/1.0"), "400"},                                // 4.2.1-2
		"no Host":           {replace("Host: example.com\r\n", ""), "400"},                           // 4.2.1-3
		"two Hosts":         {add("Host: example.com"), "400"},                                       // 4.2.1-3
		"bad Host":          {replace("example.com", "a/b"), "400"},                                  // 4.2.1-3
		"no Upgrade":        {replace("Upgrade: websocket\r\n", ""), "426"},                          // 4.2.1-4
		"h2c":               {replace("websocket", "h2c"), "426"},                                    // 4.2.1-4
		"no Connection":     {replace("Connection: Upgrade\r\n", ""), "400"},                         // 4.2.1-5
		"Connection: close": {replace("Connection: Upgrade", "Connection: close"), "400"},            // 4.2.1-5
		"no key":            {replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400"}, // 4.2.1-6
		"15 byte key":       {replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"), "400"},    // 4.2.1-6
		"pad bits":          {replace("ZQ==", "ZR=="), "400"},                                        // 4.2.1-6
		"two keys":          {add("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), "400"},             // 11.3.1-1
		"no version":        {replace("Sec-WebSocket-Version: 13\r\n", ""), "426"},                   // 4.2.1-7
		"version 8":         {replace(": 13", ": 8"), "426"},                                         // 4.2.2-4, 4.4-1
		"two versions":      {add("Sec-WebSocket-Version: 13"), "400"},                               // 11.3.5-2
		"foreign origin":    {add("Origin: http://evil.example"), "403"},                             // 4.2.2-2
		"null origin":       {add("Origin: null"), "403"},                                            // 4.2.2-3
		"two origins":       {add("Origin: http://example.com\r\nOrigin: http://example.com"), "400"},
		"subprotocol":       {add("Sec-WebSocket-Protocol: a b"), "400"},
		"subprotocol twice": {add("Sec-WebSocket-Protocol: a, a"), "400"},
		"extension":         {add("Sec-WebSocket-Extensions: a; b=\"c d\""), "400"}, // 4.3-1
		"extension grammar": {add("Sec-WebSocket-Extensions: a;"), "400"},           // 9.1-1
		"body":              {add("Content-Length: 3"), "400"},
		"chunked body":      {add("Transfer-Encoding: chunked"), "400"},
	}
	bothServers(t, nil, func(t *testing.T, addr string) {
		for name, tt := range faults {
			t.Run(name, func(t *testing.T) {
				answer := ask(t, addr, tt.request)
				require.True(t, strings.HasPrefix(answer[min(len(answer), 8):], " "+tt.status+" "), "%s", answer)
				if tt.status == "426" {
					require.Contains(t, strings.ToLower(answer), "\r\nsec-websocket-version: 13\r\n")
					require.Contains(t, answer, "\r\nUpgrade: websocket\r\n")
					require.Regexp(t, "\r\nConnection: (close, )?Upgrade\r\n", answer)
				}
				_, body, _ := strings.Cut(answer, "\r\n\r\n")
				require.NotEmpty(t, body)
			})
		}
	})
	// net/http is laxer, or closes without a word.
	addr, errs := bareServer(t, nil)
	for _, request := range []string{
		"GET\r\n\r\n", "\r\n\r\n", "GET / HTTP/1.1\n\n", replace("Host: ", "Host : "), replace("Host:", " Host:"),
		add("X: a\x00b"), add("X: a\rb"), add(" folded"), replace("/chat", "chat"), replace("/chat", "/a b"),
		"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03\r\n\r\n", // TLS where none is spoken
	} {
		answer := ask(t, addr, request)
		require.True(t, strings.HasPrefix(answer, "HTTP/1.1 400 "), "%q: %q", request, answer)
		var refusal *handshake.Error
		require.ErrorAs(t, <-errs, &refusal)
		require.NotEmpty(t, refusal.Section)
	}
	// A request that ends early, at every byte, gets no answer.
	for i := range len(goodRequest) - 1 {
		require.Empty(t, ask(t, addr, goodRequest[:i]))
		require.ErrorIs(t, <-errs, io.EOF)
	}
}

// ask sends a request and returns everything that comes back.
func ask(t *testing.T, addr, request string) string {
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	_, err = io.WriteString(nc, request)
	require.NoError(t, err)
	nc.(*net.TCPConn).CloseWrite()
	b, err := io.ReadAll(nc)
	require.NoError(t, err)
	return string(b)
}

// A faulty response over a socket fails the connection.
// Proves 4.1-30, 4.1-31, 4.1-32, 4.1-33, 4.1-34, 4.1-35, 4.1-36.
func TestResponseFaults(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"200":               {"101 Switching Protocols", "200 OK", "did not switch"},
		"401":               {"101 Switching Protocols", "401 Unauthorized", "401"},
		"HTTP/1.0":          {"HTTP/1.1", "HTTP/1.0", "not HTTP/1.1"},
		"HTTP/2":            {"HTTP/1.1", "HTTP/2.0", "not HTTP/1.1"},
		"no Upgrade":        {"Upgrade: websocket\r\n", "", "Upgrade field"},
		"h2c":               {"websocket\r\n", "h2c\r\n", "Upgrade field"},
		"two Upgrades":      {"websocket\r\n", "websocket, x\r\n", "Upgrade field"},
		"no Connection":     {"Connection: Upgrade\r\n", "", "Connection field"},
		"Connection: close": {"Connection: Upgrade", "Connection: close", "Connection field"},
		"no accept":         {"Sec-WebSocket-Accept", "X", "Sec-WebSocket-Accept"},
		"wrong accept":      {"Accept: ", "Accept: x", "Sec-WebSocket-Accept"},
		"two accepts":       {"\r\n\r\n", "\r\nSec-WebSocket-Accept: x\r\n\r\n", "Sec-WebSocket-Accept"},
		"extension":         {"\r\n\r\n", "\r\nSec-WebSocket-Extensions: foo\r\n\r\n", "not offered"},
		"extension grammar": {"\r\n\r\n", "\r\nSec-WebSocket-Extensions: foo;\r\n\r\n", "malformed"},
		"subprotocol":       {"\r\n\r\n", "\r\nSec-WebSocket-Protocol: CHAT\r\n\r\n", "not offered"},
		"two subprotocols":  {"\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n", "repeated"},
		"folded":            {"Connection:", " Connection:", "malformed"},
		"bare LF":           {"\r\nConnection:", "\nConnection:", "malformed"},
		"no status":         {"HTTP/1.1 101 Switching Protocols", "hello", "malformed"},
		"cut":               {"\r\n\r\n", "\r\n", "EOF"},
		"silent":            {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var left error
			closed := make(chan struct{})
			addr := fakeProxy(t, func(nc net.Conn) {
				defer close(closed)
				r, err := http.ReadRequest(bufio.NewReader(nc))
				if err != nil {
					return
				}
				answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
					"Sec-WebSocket-Accept: " + handshake.Accept(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n"
				if tt.old == "" {
					return
				}
				require.Contains(t, answer, tt.old)
				io.WriteString(nc, strings.Replace(answer, tt.old, tt.new, 1))
				nc.(*net.TCPConn).CloseWrite()
				_, left = io.ReadAll(nc)
			})
			_, err := conn.Dial(t.Context(), "ws://"+addr, &conn.Config{Subprotocols: []string{"chat"}})
			require.ErrorContains(t, err, tt.want)
			if tt.want == "EOF" || tt.want == "" {
				require.ErrorIs(t, err, io.EOF)
			} else {
				var refusal *handshake.Error
				require.ErrorAs(t, err, &refusal)
			}
			<-closed // the client has closed its side
			require.NoError(t, left)
		})
	}
}

// Bytes that come with the handshake are delivered, wherever the stream is cut.
func TestServerEveryByte(t *testing.T) {
	frames := "\x81\x82\x00\x00\x00\x00hi\x82\x81\x00\x00\x00\x00x" // masked with zeros
	stream := goodRequest + frames
	want := "\x81\x02hi\x82\x01x\x88\x02\x03\xe8"
	for _, secure := range []bool{false, true} {
		s := httptest.NewUnstartedServer(conn.Handler(echo))
		dial := net.Dial
		if secure {
			s.StartTLS()
			cfg := s.Client().Transport.(*http.Transport).TLSClientConfig
			dial = func(network, addr string) (net.Conn, error) { return tls.Dial(network, addr, cfg) }
		} else {
			s.Start()
		}
		addrs := []string{strings.TrimPrefix(strings.TrimPrefix(s.URL, "http://"), "https://")}
		if !secure {
			bare, _ := bareServer(t, nil)
			addrs = append(addrs, bare)
		}
		for _, addr := range addrs {
			for i := range len(stream) + 1 {
				nc, err := dial("tcp", addr)
				require.NoError(t, err)
				io.WriteString(nc, stream[:i])
				io.WriteString(nc, stream[i:]+"\x88\x82\x00\x00\x00\x00\x03\xe8")
				b, err := io.ReadAll(nc)
				require.NoError(t, err, "cut at %d %s %q", i, addr, b)
				_, got, _ := strings.Cut(string(b), "\r\n\r\n")
				require.Equal(t, want, got, "cut at %d", i)
				nc.Close()
			}
		}
		s.Close()
	}
}

// Proves 4.2.2-14.
func TestClientEveryByte(t *testing.T) {
	frames := "\x81\x02hi\x82\x01x"
	for i := 0; ; i++ {
		done := false
		addr := fakeProxy(t, func(nc net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(nc))
			if err != nil {
				return
			}
			stream := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Accept: " + handshake.Accept(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n" + frames
			done = i == len(stream)
			io.WriteString(nc, stream[:i])
			io.WriteString(nc, stream[i:])
			io.Copy(io.Discard, nc)
		})
		ws, err := conn.Dial(t.Context(), "ws://"+addr, nil)
		require.NoError(t, err)
		for _, want := range []string{"hi", "x"} {
			_, data, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, string(data))
		}
		ws.CloseNow()
		if done {
			return
		}
	}
}

// A peer that drops TLS without close_notify has lost the connection, in the
// handshake as later: its end stands for no closing handshake.
func TestTLSWithoutCloseNotify(t *testing.T) {
	certificate := httptest.NewTLSServer(nil)
	defer certificate.Close()
	pool := certificate.Client().Transport.(*http.Transport).TLSClientConfig
	serve := func(after func(ws *conn.Conn)) string {
		return fakeProxy(t, func(nc net.Conn) { // closes nc, below TLS
			secure := tls.Server(nc, certificate.TLS)
			if after == nil {
				http.ReadRequest(bufio.NewReader(secure))
				io.WriteString(secure, "HTTP/1.1 101 Switching")
				return
			}
			if ws, err := conn.Upgrade(context.Background(), secure, nil); err == nil {
				after(ws)
			}
		})
	}
	_, err := conn.Dial(t.Context(), "wss://"+serve(nil), &conn.Config{TLS: pool})
	require.ErrorIs(t, err, io.EOF)

	addr := serve(func(ws *conn.Conn) { ws.WriteMessage(context.Background(), conn.Text, []byte("last")) })
	ws, err := conn.Dial(t.Context(), "wss://"+addr, &conn.Config{TLS: pool})
	require.NoError(t, err)
	_, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "last", string(data))
	_, _, err = ws.ReadMessage(t.Context())
	require.ErrorContains(t, err, "EOF")
	var lost *conn.CloseError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, frame.StatusAbnormalClosure, lost.Code)

	// And the other way round.
	got := make(chan error, 1)
	addr = serve(func(ws *conn.Conn) {
		_, _, err := ws.ReadMessage(context.Background())
		got <- err
	})
	below, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	ws, err = conn.Dial(t.Context(), "wss://"+addr, &conn.Config{TLS: pool, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return below, nil
	}})
	require.NoError(t, err)
	below.Close()
	require.ErrorAs(t, <-got, &lost)
	require.ErrorContains(t, lost, "EOF")
	require.Equal(t, frame.StatusAbnormalClosure, lost.Code)
	ws.CloseNow()
}
