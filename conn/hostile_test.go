package conn_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// perConn is how much a connection may keep beyond what was received, in bytes.
const perConn = 64 << 10

func metric(name string) int64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// live returns the bytes of memory that are in use.
func live() int64 {
	runtime.GC()
	runtime.GC() // the first moves what pools hold aside, the second frees it
	return metric("/memory/classes/heap/objects:bytes")
}

// allocated returns the bytes that were ever allocated.
func allocated() int64 {
	runtime.GC() // flushes the allocators' own counts
	return metric("/gc/heap/allocs:bytes")
}

// requireGrowth checks how much memory n connections keep, at a moment when
// everything waits, beyond what they have received.
func requireGrowth(t *testing.T, before int64, n, received int, what string) {
	synctest.Wait()
	grown := (live()-before)/int64(n) - int64(received)
	t.Logf("%s: %d bytes for each of %d connections", what, grown, n)
	require.Less(t, grown, int64(perConn), what)
}

// A header that declares 2^62 bytes costs no more than any other, whether the
// limit refuses it, or there is no limit and the bytes never come.
func TestDeclaredLength(t *testing.T) {
	const peers = 100
	for _, role := range roles {
		h := frame.Header{FIN: true, Opcode: frame.Binary, Length: 1 << 62, Masked: role == conn.Server}
		wire := append(h.Append(nil), "a few bytes"...)
		ws := conn.New(&script{wire: wire, size: 1 << 30}, role, handshake.Result{}, nil)
		before := allocated()
		_, _, err := ws.ReadMessage(context.Background())
		require.ErrorIs(t, err, frame.ErrMessageTooBig)
		if !raceEnabled { // and pools drop what they are given
			require.Less(t, allocated()-before, int64(perConn))
		}
		synctest.Test(t, func(t *testing.T) {
			before := live()
			for range peers {
				ws, peer := raw(role, &conn.Config{MaxMessageSize: -1})
				defer peer.Close()
				go ws.ReadMessage(context.Background())
				go peer.Write(wire)
			}
			requireGrowth(t, before, peers, len(wire), role.String())
		})
	}
}

// flood is a number of frames, fewer under the race detector, which is slow.
func flood(n int) int {
	if raceEnabled {
		return n / 10
	}
	return n
}

// repeat is a transport whose peer sends one frame many times; writes wait for
// stuck when it isn't nil.
type repeat struct {
	source
	first []byte // comes before
	left  int    // whole frames
	stuck chan struct{}
	wrote int
	begun int // left at the first write
}

func (r *repeat) Read(p []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(p, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	n := min(len(p)/len(r.wire), r.left)
	if n == 0 {
		return 0, io.EOF
	}
	for i := range n {
		copy(p[i*len(r.wire):], r.wire)
	}
	r.left -= n
	return n * len(r.wire), nil
}

func (r *repeat) Write(p []byte) (int, error) {
	if r.stuck != nil {
		<-r.stuck
	}
	if r.wrote == 0 {
		r.begun = r.left
	}
	r.wrote += len(p)
	return len(p), nil
}

// Proves 5.5.3-2: a million pings, while our own write is stuck because the
// peer doesn't read, leave one pong pending.
func TestPingFlood(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			r := &repeat{source: source{wire: pingTo(role, strings.Repeat("p", 125))}, left: flood(1_000_000), stuck: make(chan struct{})}
			ws := conn.New(r, role, handshake.Result{}, nil)
			wrote := make(chan error)
			go func() { wrote <- ws.WriteMessage(context.Background(), conn.Binary, []byte("stuck")) }()
			synctest.Wait()
			before := live()
			_, _, err := ws.ReadMessage(context.Background())
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Zero(t, r.left)
			require.Less(t, live()-before, int64(perConn))
			close(r.stuck)
			<-wrote
			require.LessOrEqual(t, r.wrote, 200, "the message and one pong at most")
		})
	}
}

// Two million empty continuations stay within the limit of fragments, and with
// no limit they cost no memory.
func TestEmptyContinuations(t *testing.T) {
	for _, role := range roles {
		for _, limit := range []int{0, -1} {
			r := &repeat{source: source{wire: to(role, frame.Header{}, "")}, left: flood(2_000_000)}
			r.first = to(role, frame.Header{Opcode: frame.Binary}, "")
			ws := conn.New(r, role, handshake.Result{}, &conn.Config{MaxFragments: limit})
			before := live()
			_, _, err := ws.ReadMessage(context.Background())
			require.Less(t, live()-before, int64(perConn))
			if limit == 0 {
				require.ErrorIs(t, err, frame.ErrTooManyFragments)
				require.Greater(t, r.begun, flood(2_000_000)-3*conn.DefaultMaxFragments, "the Close frame left early")
			} else {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				require.Zero(t, r.left)
			}
		}
	}
}

// A thousand peers that read nothing of what they are sent cost a buffer each,
// however long the message. The contexts of the writes end the wait.
func TestSlowReaders(t *testing.T) {
	const peers = 1000
	for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
		payload := make([]byte, size)
		synctest.Test(t, func(t *testing.T) {
			before := live()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			errs := make(chan error, peers)
			var conns []*conn.Conn
			for i := range peers {
				ws, _ := raw(roles[i%2], nil)
				conns = append(conns, ws)
				go func() { errs <- ws.WriteMessage(ctx, conn.Binary, payload) }()
			}
			requireGrowth(t, before, peers, 0, fmt.Sprintf("message of %d bytes", size))
			for range peers {
				require.ErrorIs(t, <-errs, context.DeadlineExceeded)
			}
			for _, ws := range conns {
				ws.CloseNow()
			}
		})
	}
}

// Peers that never finish the handshake cost what they have sent, in both
// roles: those that send a byte a second, and those that have sent nearly as
// much as is read of a head. HandshakeTimeout ends them all, and they leave
// nothing.
func TestUnfinishedHandshakes(t *testing.T) {
	const peers = 100
	const size = 15 << 10
	head := map[conn.Role]string{
		conn.Server: "GET / HTTP/1.1\r\nHost: h\r\nX-Filler: ",
		conn.Client: "HTTP/1.1 101 Switching Protocols\r\nX-Filler: ",
	}
	for _, role := range roles {
		for name, send := range map[string]func(peer io.Writer, head string) int{
			"one byte a second": func(peer io.Writer, head string) int {
				for i := range len(head) {
					if _, err := io.WriteString(peer, head[i:i+1]); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				return 9
			},
			"a long field": func(peer io.Writer, head string) int {
				io.WriteString(peer, head+strings.Repeat("x", size-len(head)))
				return size
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				before := live()
				errs := make(chan error, peers)
				for range peers {
					near, peer := net.Pipe()
					if role == conn.Server {
						go func() {
							_, err := conn.Upgrade(context.Background(), near, nil)
							errs <- err
						}()
					} else {
						cfg := &conn.Config{Proxy: noProxy, ParallelHandshakes: true}
						cfg.DialContext = func(context.Context, string, string) (net.Conn, error) { return near, nil }
						go func() {
							_, err := conn.Dial(context.Background(), "ws://h/", cfg)
							errs <- err
						}()
					}
					go io.Copy(io.Discard, peer)
					go send(peer, head[role])
				}
				time.Sleep(9 * time.Second)
				requireGrowth(t, before, peers, send(io.Discard, head[role]), role.String()+", "+name)
				for range peers {
					require.ErrorContains(t, <-errs, "Config.HandshakeTimeout")
				}
				time.Sleep(time.Hour)
				require.Less(t, live()-before, int64(perConn), "afterwards")
			})
		}
	}
}

// A response that comes one byte a second ends with the handshake's time.
func TestSlowResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, err := conn.Dial(t.Context(), "ws://h/", overPipe(func(nc net.Conn, head string) {
			for _, c := range []byte(accepted(head)) {
				if _, err := nc.Write([]byte{c}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}))
		require.ErrorContains(t, err, "Config.HandshakeTimeout")
		require.Equal(t, conn.DefaultHandshakeTimeout, time.Since(begun))
		time.Sleep(time.Minute) // until the server has noticed
	})
}

// A peer that begins to close and then stalls, or vanishes, holds nobody
// longer than CloseTimeout.
func TestStallInClose(t *testing.T) {
	for _, role := range roles {
		for _, reads := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(role, nil)
				if reads {
					go io.Copy(io.Discard, peer)
				}
				go peer.Write(closeTo(role, "\x03\xe8"))
				begun := time.Now()
				_, _, err := ws.ReadMessage(t.Context())
				var ce *conn.CloseError
				require.ErrorAs(t, err, &ce)
				require.EqualValues(t, 1000, ce.Code)
				want := conn.DefaultCloseTimeout
				if reads && role == conn.Server {
					want = 0
				}
				require.Equal(t, want, time.Since(begun))
				<-ws.Done()
				peer.Close()
			})
		}
	}
}

// TLS that is cut without close_notify is a loss, not an end, in both roles.
func TestTLSCut(t *testing.T) {
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	for _, role := range roles {
		a, b := net.Pipe()
		server, client := tls.Server(a, s.TLS), tls.Client(b, &tls.Config{InsecureSkipVerify: true})
		go server.Handshake()
		require.NoError(t, client.Handshake())
		mine, peer, under := net.Conn(server), client, b
		if role == conn.Client {
			mine, peer, under = client, server, a
		}
		ws := conn.New(mine, role, handshake.Result{}, nil)
		go func() {
			peer.Write(textTo(role, "whole")) // and then the cable is cut
			under.Close()
		}()
		_, data, err := ws.ReadMessage(t.Context())
		require.NoError(t, err)
		require.Equal(t, "whole", string(data))
		_, _, err = ws.ReadMessage(t.Context())
		var ce *conn.CloseError
		require.ErrorAs(t, err, &ce)
		require.Equal(t, frame.StatusAbnormalClosure, ce.Code)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
}

// descriptors returns how many file descriptors are open, or -1 when the
// system doesn't say.
func descriptors() int64 {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return int64(len(list))
}

// requireBack waits until a count is down to what it was. That takes the moment
// in which the last goroutines return, and fails when it never comes.
func requireBack(t *testing.T, what string, before int64, count func() int64) {
	for range 1000 {
		if count() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.LessOrEqual(t, count(), before, what)
}

// After connections that end in every way the goroutines and the descriptors
// are back where they were.
func TestNothingLeft(t *testing.T) {
	served := make(chan struct{})
	addr := tcpServer(t, func(nc net.Conn) {
		if ws, err := conn.Upgrade(context.Background(), nc, nil); err == nil {
			ws.ReadMessage(context.Background())
			ws.CloseNow()
		}
		served <- struct{}{}
	})
	dial := func(end func(ws *conn.Conn)) {
		ws, err := conn.Dial(t.Context(), "ws://"+addr, &conn.Config{Proxy: noProxy})
		require.NoError(t, err)
		end(ws)
		<-ws.Done()
		<-served
	}
	dial(func(ws *conn.Conn) { ws.CloseNow() }) // what the runtime opens once
	goroutines := func() int64 { return metric("/sched/goroutines:goroutines") }
	begun, before := goroutines(), descriptors()
	for range 20 {
		dial(func(ws *conn.Conn) { ws.Close() })
		dial(func(ws *conn.Conn) { ws.CloseNow() })
		dial(func(ws *conn.Conn) { ws.CloseWith(4000, "x") })
		dial(func(ws *conn.Conn) { ws.NetConn(t.Context(), conn.Binary).Close() })
		_, err := conn.Dial(t.Context(), "ws://"+addr, &conn.Config{Proxy: noProxy, Header: http.Header{"Origin": {"http://evil"}}})
		require.ErrorContains(t, err, "403")
		<-served
		nc, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		io.WriteString(nc, "POST / HTTP/1.1\r\n\r\n")
		io.Copy(io.Discard, nc)
		nc.Close()
		<-served
	}
	requireBack(t, "goroutines", begun, goroutines)
	requireBack(t, "descriptors", before, descriptors)
}
