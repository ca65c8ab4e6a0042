package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// wire is a listener in memory.
type wire struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *wire) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *wire) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *wire) Addr() net.Addr { return conntest.Addr("wire") }

// running is a wscat -listen in fake time.
type running struct {
	wire      *wire
	typed     *io.PipeWriter
	out, errs buffer
	cancel    context.CancelCauseFunc
	code      chan int
}

func listening(t *testing.T, args ...string) *running {
	t.Helper()
	r, w := io.Pipe()
	s := &running{wire: &wire{make(chan net.Conn), make(chan struct{})}, typed: w, code: make(chan int, 1)}
	ctx, cancel := context.WithCancelCause(context.Background())
	s.cancel = cancel
	e := &env{stdin: r, stdout: &s.out, stderr: &s.errs, listen: func(string, string) (net.Listener, error) { return s.wire, nil }}
	go func() { s.code <- run(ctx, e, append([]string{"-listen", "localhost:0"}, args...)) }()
	return s
}

// dial connects a client to it.
func (s *running) dial(t *testing.T, cfg *conn.Config) *conn.Conn {
	t.Helper()
	ws, err := s.try(cfg)
	require.NoError(t, err)
	return ws
}

func (s *running) try(cfg *conn.Config) (*conn.Conn, error) {
	if cfg == nil {
		cfg = &conn.Config{}
	}
	cfg.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := conntest.Pipe(conntest.Link{Latency: latency})
		select {
		case s.wire.conns <- far:
			return near, nil
		case <-s.wire.done:
			return nil, net.ErrClosed
		}
	}
	return conn.Dial(context.Background(), "ws://test/path", cfg)
}

// interrupt is Ctrl-C.
func (s *running) interrupt() result {
	s.cancel(errInterrupted)
	return s.wait()
}

func (s *running) wait() result {
	code := <-s.code
	s.typed.Close()
	settle()
	return result{code, s.out.String(), s.errs.String()}
}

// Two peers talk to the server, and what is typed goes to both.
func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := listening(t, "-i", "-time", "-subprotocol", "chat")
		go io.WriteString(s.typed, "to everybody\n") // before anybody is there
		synctest.Wait()
		one := s.dial(t, &conn.Config{Subprotocols: []string{"chat"}})
		_, data, err := one.ReadMessage(t.Context())
		require.NoError(t, err)
		require.Equal(t, "to everybody", string(data))
		two := s.dial(t, nil)
		require.NoError(t, two.WriteMessage(t.Context(), conn.Text, []byte("from two")))
		time.Sleep(time.Second)
		io.WriteString(s.typed, "to both\n")
		for _, ws := range []*conn.Conn{one, two} {
			_, data, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "to both", string(data))
		}
		require.NoError(t, one.CloseWith(4000, "bye"))
		time.Sleep(time.Second)
		read := make(chan error)
		go func() {
			_, _, err := two.ReadMessage(t.Context())
			read <- err
		}()
		r := s.interrupt()
		var closed *conn.CloseError
		require.ErrorAs(t, <-read, &closed)
		require.Equal(t, "1001 (going away)", closed.Code.String())
		require.Equal(t, exitInterrupted, r.code)
		require.Equal(t, "25ms #2 < from two\n", r.out)
		require.Equal(t, `* listening on wire
* #1 connected from a: /path, subprotocol chat
* #2 connected from a: /path
* #1 closed by the peer: 4000 "bye"
* received in 2.055s: 1 messages, 8 bytes
wscat: interrupted
`, r.err)
	})
}

func TestListenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := listening(t, "-once", "-q")
		ws := s.dial(t, nil)
		require.NoError(t, ws.WriteMessage(t.Context(), conn.Binary, []byte{1, 2}))
		_, err := s.try(nil)
		require.ErrorContains(t, err, "503")
		require.NoError(t, ws.CloseWith(4000, ""))
		require.Equal(t, result{exitClosed, "01 02\n", "wscat: closed by the peer: 4000 \"\"\n"}, s.wait())
	})
	t.Run("the end of the input closes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := listening(t, "-once", "-q")
			ws := s.dial(t, nil)
			go func() {
				io.WriteString(s.typed, "a\nb\n")
				s.typed.Close()
			}()
			for _, want := range []string{"a", "b"} {
				_, data, err := ws.ReadMessage(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
			_, _, err := ws.ReadMessage(t.Context())
			require.ErrorContains(t, err, "1000")
			require.Equal(t, result{exitOK, "", ""}, s.wait())
		})
	})
	t.Run("-n counts the messages of all", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := listening(t, "-n", "2", "-q")
			for range 2 {
				require.NoError(t, s.dial(t, nil).WriteMessage(t.Context(), conn.Text, []byte("x")))
			}
			require.Equal(t, result{exitOK, "x\nx\n", ""}, s.wait())
		})
	})
	t.Run("a foreign origin is refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := listening(t, "-origin", "good.example")
			for origin, ok := range map[string]bool{"https://bad.example": false, "https://good.example": true} {
				_, err := s.try(&conn.Config{Header: map[string][]string{"Origin": {origin}}})
				require.Equal(t, ok, err == nil, origin)
			}
			require.Contains(t, s.interrupt().err, "* a: handshake: the origin is not allowed")
		})
	})
}

// -listen with a certificate, on the real network, and a wscat that connects.
func TestListenTLS(t *testing.T) {
	cert, key := certificate(t)
	r, w := io.Pipe()
	ctx, cancel := context.WithCancelCause(t.Context())
	code := make(chan int, 1)
	e := &env{stdin: strings.NewReader(""), stdout: io.Discard, stderr: w}
	go func() {
		code <- run(ctx, e, []string{"-listen", "localhost:0", "-cert", cert, "-key", key, "-echo", "-trace"})
		w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	go io.Copy(io.Discard, r)
	addr := strings.TrimSpace(strings.TrimPrefix(line, "* listening on "))
	got := start(t.Context(), &env{stdin: strings.NewReader("hello\n")}, []string{"-q", "-insecure", "wss://" + addr, "-origin", "https://" + addr})
	require.Equal(t, result{exitOK, "hello\n", ""}, got)
	cancel(errInterrupted)
	require.Equal(t, exitInterrupted, <-code)
	missing := quiet(t, "-listen", "localhost:0", "-cert", cert, "-key", cert+".none")
	require.Equal(t, exitLocal, missing.code)
}

// certificate writes the one of net/http/httptest into files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	_, err = tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	return cert, key
}
