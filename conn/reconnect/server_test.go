package reconnect_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/handshake"
)

// server is a server in memory that can go down and come back, for fake time.
type server struct {
	mu     sync.Mutex
	down   bool
	refuse []byte                                   // a whole HTTP response in place of the handshake
	serve  func(ctx context.Context, ws *conn.Conn) // of each connection
	live   map[net.Conn]bool
	dials  []time.Duration // when each attempt came, since begun
	begun  time.Time
}

func newServer(serve func(ctx context.Context, ws *conn.Conn)) *server {
	return &server{serve: serve, live: make(map[net.Conn]bool), begun: time.Now()}
}

// config is a client's Config for connections to the server.
func (s *server) config() *conn.Config {
	return &conn.Config{
		KeepaliveInterval: -1, // servers that sleep for hours are not what these tests are about
		DialContext:       s.dial,
		Proxy:             func(*http.Request) (*url.URL, error) { return nil, nil },
		CloseTimeout:      time.Second,
	}
}

func (s *server) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials = append(s.dials, time.Since(s.begun))
	if s.down {
		return nil, syscall.ECONNREFUSED
	}
	near, far := net.Pipe()
	if s.refuse != nil {
		go refuse(far, s.refuse)
		return near, nil
	}
	s.live[far] = true
	go s.handle(far)
	return near, nil
}

// refuse answers a request with a response.
func refuse(nc net.Conn, response []byte) {
	defer nc.Close()
	nc.Read(make([]byte, 4096))
	nc.Write(response)
}

func (s *server) handle(nc net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.live, nc)
		s.mu.Unlock()
		nc.Close()
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ws, err := conn.Upgrade(ctx, nc, &conn.Config{CloseTimeout: time.Second, KeepaliveInterval: -1})
	if err != nil {
		return
	}
	s.serve(ctx, ws)
	ws.CloseNow()
}

// kill cuts every connection and takes no new ones.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
	for nc := range s.live {
		nc.Close()
	}
}

func (s *server) up() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.refuse = false, nil
}

// answer makes the server refuse every attempt with an HTTP status.
func (s *server) answer(e *handshake.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.refuse = false, e.AppendResponse(nil)
}

// attempts returns how many there were, and forgets them.
func (s *server) attempts() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	dials := s.dials
	s.dials = nil
	return dials
}

// listen reads and drops what comes until the connection ends.
func listen(ctx context.Context, ws *conn.Conn) {
	for _, err := range ws.Messages(ctx) {
		if err != nil {
			return
		}
	}
}

// start returns a Client of the server. It is closed at the end of the test.
func start(t *testing.T, s *server, cfg reconnect.Config) *reconnect.Client {
	if cfg.Conn == nil {
		cfg.Conn = s.config()
	}
	client, err := reconnect.New(t.Context(), "ws://server.test/", &cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		client.Close(ctx)
	})
	return client
}

// play runs a test in fake time. What is left running when f and its cleanups
// have returned fails it.
func play(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
