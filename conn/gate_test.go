package conn_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
)

var quiet = log.New(io.Discard, "", 0)

// addressed is a pipe that says that it leads to an address.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }

// pending counts the opening handshakes that are under way, and the most.
type pending struct {
	mu         sync.Mutex
	now, most  int
	seen, each map[string]int
}

func (p *pending) count(name string, by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen, p.each = make(map[string]int), make(map[string]int)
	}
	p.now += by
	p.most = max(p.most, p.now)
	p.seen[name] += by
	p.each[name] = max(p.each[name], p.seen[name])
}

// slowly answers handshakes after a second, and counts those under way.
func (p *pending) slowly(name string, addr net.Addr) (net.Conn, error) {
	cfg := overPipe(func(nc net.Conn, head string) {
		p.count(name, 1)
		time.Sleep(time.Second)
		p.count(name, -1)
		io.WriteString(nc, accepted(head))
		io.Copy(io.Discard, nc)
	})
	nc, err := cfg.DialContext(context.Background(), "", "")
	return addressed{nc, addr}, err
}

// Proves 4.1-2: many dials at once, to two addresses, are in the opening
// handshake one at a time with each address, but for those that opt out.
func TestOneHandshakePerAddress(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var p pending
			cfg := &conn.Config{Proxy: noProxy, ParallelHandshakes: parallel, HandshakeTimeout: time.Minute}
			cfg.DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
				host, _, _ := net.SplitHostPort(addr)
				return p.slowly(host, &net.TCPAddr{IP: net.ParseIP(host), Port: 80})
			}
			begun := time.Now()
			var all sync.WaitGroup
			for i := range 32 {
				all.Go(func() {
					ws, err := conn.Dial(t.Context(), "ws://192.0.2."+string(rune('1'+i%2))+"/", cfg)
					require.NoError(t, err)
					ws.CloseNow()
				})
			}
			all.Wait()
			if parallel {
				require.Equal(t, time.Second, time.Since(begun))
				require.Equal(t, 32, p.most)
				return
			}
			require.Equal(t, 16*time.Second, time.Since(begun))
			require.Equal(t, map[string]int{"192.0.2.1": 1, "192.0.2.2": 1}, p.each)
		})
	}
}

// A dial that waits gives up with its context, and says for what it waited.
func TestWaitingDialGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := overPipe(func(net.Conn, string) {})
		dial := cfg.DialContext
		cfg.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := dial(ctx, network, addr)
			return addressed{nc, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7)}}, err
		}
		first := make(chan error)
		go func() {
			_, err := conn.Dial(t.Context(), "ws://h/", cfg)
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := conn.Dial(ctx, "ws://h/", cfg)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "192.0.2.7")
		require.ErrorContains(t, err, "Config.ParallelHandshakes")
		require.ErrorContains(t, <-first, "Config.HandshakeTimeout")
	})
}

// The default dialer waits before it connects, and lets the next one in.
func TestDefaultDialerInTurn(t *testing.T) {
	var now, most atomic.Int32
	url := "ws://" + tcpServer(t, func(nc net.Conn) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		buf := make([]byte, 1)
		nc.Read(buf) // the request has begun
		now.Add(-1)
		ws, err := conn.Upgrade(context.Background(), prefixed{nc, buf}, nil)
		if err == nil {
			echo(context.Background(), ws)
		}
	})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			ws, err := conn.Dial(t.Context(), url, &conn.Config{Proxy: noProxy})
			if err != nil {
				t.Error(err)
				return
			}
			ws.Close()
		})
	}
	all.Wait()
	require.EqualValues(t, 1, most.Load())
}

// prefixed gives back what was read ahead.
type prefixed struct {
	net.Conn
	head []byte
}

func (p prefixed) Read(b []byte) (int, error) {
	if p.head[0] != 0 {
		b[0], p.head[0] = p.head[0], 0
		return 1, nil
	}
	return p.Conn.Read(b)
}

// Proves 4.1-3 and 4.1-4: through a proxy, names don't wait for each other,
// one name has one handshake at a time, and all together are bounded.
func TestProxiedHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pending
		cfg := &conn.Config{HandshakeTimeout: time.Hour}
		cfg.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy:1") }
		cfg.DialContext = func(context.Context, string, string) (net.Conn, error) {
			tunnel := overPipe(func(nc net.Conn, head string) {
				name := head[len("CONNECT "):len("CONNECT a")]
				p.count(name, 1)
				time.Sleep(time.Second)
				p.count(name, -1)
				io.WriteString(nc, "HTTP/1.1 407 No\r\n\r\n")
				nc.Close()
			})
			return tunnel.DialContext(context.Background(), "", "")
		}
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				_, err := conn.Dial(t.Context(), "ws://"+string(rune('a'+i%25))+"/", cfg)
				var refused *conn.ProxyError
				require.ErrorAs(t, err, &refused)
			})
		}
		all.Wait()
		require.Equal(t, 16, p.most)
		require.Len(t, p.each, 25)
		for name, most := range p.each {
			require.Equal(t, 1, most, name)
		}
		require.Less(t, time.Since(begun), 100*time.Second)

		full := make(chan struct{})
		cfg.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			full <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		cfg.HandshakeTimeout = time.Minute
		for i := range 16 {
			all.Go(func() { conn.Dial(t.Context(), "ws://"+string(rune('a'+i))+"/", cfg) })
		}
		for range 16 {
			<-full
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := conn.Dial(ctx, "ws://z/", cfg)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "16 opening handshakes")
		all.Wait()
	})
}
