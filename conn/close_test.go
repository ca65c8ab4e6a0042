package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// The peer begins the closing handshake. Proves 5.5.1-6, 5.5.1-7, 5.5.1-9,
// 5.5.1-10 and 7.1.5-1: one Close frame answers, with the code and without
// the reason, at once.
func TestCloseAnswer(t *testing.T) {
	for _, role := range roles {
		for _, tt := range []struct {
			payload, answer string
			code            frame.CloseCode
			reason          string
		}{
			{"", "close", 1005, ""},
			{"\x03\xe8", "close 1000", 1000, ""},
			{"\x03\xe9bye", "close 1001", 1001, "bye"},
			{"\x03\xf2ext", "close 1010", 1010, "ext"},
			{"\x03\xf6", "close 1014", 1014, ""},
			{"\x0b\xb8", "close 3000", 3000, ""},
			{"\x13\x87" + strings.Repeat("é", 61), "close 4999", 4999, strings.Repeat("é", 61)},
		} {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(role, nil)
				begun := time.Now()
				go peer.Write(append(closeTo(role, tt.payload), closeTo(role, "\x03\xe8second")...))
				answer := make([]byte, 200)
				got := make(chan []byte)
				go func() {
					n, _ := peer.Read(answer)
					peer.Close()
					got <- answer[:n]
				}()
				_, _, err := ws.ReadMessage(t.Context())
				var ce *conn.CloseError
				require.ErrorAs(t, err, &ce)
				require.Equal(t, conn.CloseError{Code: tt.code, Reason: tt.reason}, *ce)
				require.Equal(t, []string{tt.answer}, frames(t, role, <-got))
				require.Zero(t, time.Since(begun))
				<-ws.Done()
			})
		}
	}
}

// After both Close frames the server closes the transport at once, and the
// client waits for it, for a while. Proves 5.5.1-11, 5.5.1-12, 5.5.1-13 and
// 7.1.1-4.
func TestCloseWhoIsFirst(t *testing.T) {
	for _, tt := range []struct {
		role  conn.Role
		after time.Duration
	}{{conn.Server, 0}, {conn.Client, conn.DefaultCloseTimeout}} {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(tt.role, nil)
			begun := time.Now()
			go peer.Write(closeTo(tt.role, ""))
			out := collect(peer) // which never closes
			_, _, err := ws.ReadMessage(t.Context())
			var ce *conn.CloseError
			require.ErrorAs(t, err, &ce)
			require.NoError(t, ce.Err)
			require.Equal(t, tt.after, time.Since(begun))
			require.Equal(t, []string{"close"}, frames(t, tt.role, <-out))
		})
	}
}

// closeOrder notes who closes first.
type closeOrder struct {
	net.Conn
	name string
	mu   *sync.Mutex
	list *[]string
}

func (c closeOrder) Close() error {
	c.mu.Lock()
	*c.list = append(*c.list, c.name)
	c.mu.Unlock()
	return c.Conn.Close()
}

// Proves 7.1.1-3: whoever begins to close, and when the server fails the
// connection, the server's end of the transport is closed first.
func TestServerClosesFirst(t *testing.T) {
	for _, who := range []string{"client", "server", "fail"} {
		t.Run(who, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var list []string
				a, b := net.Pipe()
				server := conn.New(closeOrder{a, "server", &mu, &list}, conn.Server, handshake.Result{}, &conn.Config{MaxMessageSize: 1})
				client := conn.New(closeOrder{b, "client", &mu, &list}, conn.Client, handshake.Result{}, nil)
				go server.ReadMessage(t.Context())
				go client.ReadMessage(t.Context())
				switch who {
				case "client":
					require.NoError(t, client.Close())
				case "server":
					require.NoError(t, server.Close())
				default:
					client.WriteMessage(t.Context(), conn.Text, []byte("too big"))
				}
				<-client.Done()
				<-server.Done()
				require.Equal(t, []string{"server", "client"}, list)
			})
		})
	}
}

// Proves 7.1.2-1, and 7.4.1-6 as far as a library can: the frame has the code
// and the reason that Close was called with.
func TestCloseStart(t *testing.T) {
	for _, role := range roles {
		for _, tt := range []struct {
			code   frame.CloseCode
			reason string
			want   string
		}{
			{1000, "", "close 1000"},
			{1001, "bye", "close 1001 bye"},
			{1005, "", "close"},
			{1010, "permessage-deflate", "close 1010 permessage-deflate"},
		} {
			synctest.Test(t, func(t *testing.T) {
				defer time.Sleep(time.Minute) // until the peer is done
				ws, peer := raw(role, nil)
				if tt.code == 1010 && role == conn.Server {
					// Proves 7.4.1-7.
					require.ErrorContains(t, ws.CloseWith(tt.code, tt.reason), "1010 is for clients")
					ws.CloseNow()
					return
				}
				out := collect(peer)
				go func() {
					time.Sleep(time.Second)
					peer.Write(closeTo(role, "\x03\xe8"))
					peer.Close()
				}()
				require.NoError(t, ws.CloseWith(tt.code, tt.reason))
				require.Equal(t, []string{tt.want}, frames(t, role, <-out))
				require.NoError(t, ws.Close(), "again")
			})
		}
	}
}

// Proves 5.5.1-5 and 6.1-1: many writers race with Close, and no data frame
// follows the Close frame; later writes are refused.
func TestNoDataAfterClose(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, &conn.Config{FrameSize: 3})
			out := collect(peer)
			var writers sync.WaitGroup
			var rounds atomic.Int64
			busy := make(chan struct{}) // closed when all are at work
			for i := range 64 {
				writers.Go(func() {
					var err error
					for err == nil {
						if rounds.Add(1) == 1000 {
							close(busy)
						}
						switch i % 3 {
						case 0:
							err = ws.WriteMessage(t.Context(), conn.Text, []byte("Hello"))
						case 1:
							err = ws.BufferMessage(conn.Binary, []byte("Hello"))
						default:
							_, err = ws.Ping(canceled(t))
							if errors.Is(err, context.Canceled) {
								err = nil
							}
						}
					}
					require.ErrorIs(t, err, net.ErrClosed)
				})
			}
			<-busy
			closed := make(chan error)
			go func() { closed <- ws.CloseWith(1000, "last") }()
			writers.Wait()
			peer.Write(closeTo(role, ""))
			peer.Close()
			require.NoError(t, <-closed)
			require.ErrorIs(t, ws.WriteMessage(t.Context(), conn.Text, nil), net.ErrClosed)
			_, err := ws.NextWriter(t.Context(), conn.Text)
			require.ErrorIs(t, err, net.ErrClosed)
			list := frames(t, role, <-out)
			require.Equal(t, "close 1000 last", list[len(list)-1])
		})
	}
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// Proves 6.1-2 and 5.5.1-8: a Close frame of either side in the middle of a
// message that is being sent ends it; nothing but the Close frame follows.
func TestCloseInsideStream(t *testing.T) {
	for _, role := range roles {
		for _, local := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				defer time.Sleep(time.Minute) // until the peer is done
				ws, peer := raw(role, nil)
				out := collect(peer)
				w, err := ws.NextWriter(t.Context(), conn.Binary)
				require.NoError(t, err)
				big := strings.Repeat("x", 5000)
				_, err = io.WriteString(w, big)
				require.NoError(t, err)
				go func() {
					time.Sleep(time.Second)
					peer.Write(closeTo(role, "\x03\xe8"))
					time.Sleep(time.Second)
					peer.Close()
				}()
				if local {
					require.NoError(t, ws.Close())
				} else {
					ws.ReadMessage(t.Context())
				}
				_, err = io.WriteString(w, big)
				require.Error(t, err)
				require.Error(t, w.Close())
				require.Equal(t, []string{"+binary " + big, "close 1000"}, frames(t, role, <-out))
			})
		}
	}
}

// Proves 7.1.3-1: after the peer's Close frame nothing counts, neither data
// nor a ping; after our own, data still arrives until the peer's.
func TestClosing(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			defer time.Sleep(time.Minute) // until the peer is done
			ws, peer := raw(role, nil)
			go func() {
				peer.Write(bytes.Join([][]byte{closeTo(role, "\x03\xe8"), pingTo(role, "p"), textTo(role, "late")}, nil))
				time.Sleep(time.Second)
				peer.Close()
			}()
			out := collect(peer)
			_, data, err := ws.ReadMessage(t.Context())
			require.Error(t, err)
			require.Nil(t, data)
			require.Equal(t, []string{"close 1000"}, frames(t, role, <-out))
		})
		synctest.Test(t, func(t *testing.T) {
			defer time.Sleep(time.Minute) // until the peer is done
			ws, peer := raw(role, nil)
			out := collect(peer)
			closed := make(chan error)
			read := make(chan string)
			go func() {
				for msg, err := range ws.Messages(t.Context()) {
					if err == nil {
						read <- string(msg.Data)
					}
				}
				close(read)
			}()
			synctest.Wait()
			go func() { closed <- ws.Close() }()
			synctest.Wait()
			go peer.Write(append(textTo(role, "on its way"), closeTo(role, "\x03\xe8")...))
			require.Equal(t, "on its way", <-read)
			peer.SetReadDeadline(time.Now().Add(time.Second)) // then collect ends
			go func() { time.Sleep(2 * time.Second); peer.Close() }()
			require.NoError(t, <-closed)
			_, more := <-read
			require.False(t, more)
			require.Equal(t, []string{"close 1000"}, frames(t, role, <-out))
		})
	}
}

// Proves 7.1.4-1, 7.1.5-1, 7.1.6-1 and 5.5.1-1: how the end is reported for
// each way that a peer can end a connection which this side closes, or doesn't.
func TestHowItEnded(t *testing.T) {
	for _, role := range roles {
		for _, tt := range []struct {
			name  string
			local bool
			wire  []byte
			code  frame.CloseCode
			text  string
			clean bool
		}{
			{"full, peer first", false, closeTo(role, "\x03\xe9why"), 1001, "why", true},
			{"full, peer first, empty", false, closeTo(role, ""), 1005, "", true},
			{"full, ours first", true, closeTo(role, "\x03\xebno"), 1003, "no", true},
			{"two Close frames", true, append(closeTo(role, "\x03\xe9a"), closeTo(role, "\x03\xe8b")...), 1001, "a", true},
			{"123 bytes", false, closeTo(role, "\x03\xe8"+strings.Repeat("r", 123)), 1000, strings.Repeat("r", 123), true},
			{"end without Close", false, nil, 1006, "", false},
			{"one-sided Close", true, nil, 1006, "", false},
			{"half a Close", false, closeTo(role, "\x03\xe8")[:3], 1006, "", false},
		} {
			t.Run(tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					defer time.Sleep(time.Minute) // until the peer is done
					ws, peer := raw(role, nil)
					out := collect(peer)
					go func() {
						time.Sleep(time.Second)
						peer.Write(tt.wire)
						time.Sleep(time.Second)
						peer.Close()
					}()
					if tt.local {
						require.Equal(t, tt.clean, ws.Close() == nil)
					}
					_, _, err := ws.ReadMessage(t.Context())
					var ce *conn.CloseError
					require.ErrorAs(t, err, &ce)
					require.Equal(t, tt.code, ce.Code)
					require.Equal(t, tt.text, ce.Reason)
					require.Equal(t, tt.clean, ce.Err == nil)
					require.Equal(t, tt.local, ce.Local)
					require.Equal(t, tt.local, errors.Is(err, net.ErrClosed))
					<-out
				})
			})
		}
	}
}

// A peer that says why and has gone before the answer has said it; the write
// that fails does not take its place.
func TestAnswerCannotLeave(t *testing.T) {
	for _, role := range roles {
		for _, tt := range []struct {
			name string
			wire []byte
			want error
			code frame.CloseCode
		}{
			{"Close frame", closeTo(role, "\x03\xf0no"), nil, 1008},
			{"text that is no UTF-8", to(role, frame.Header{FIN: true, Opcode: frame.Text}, "\xff"), frame.ErrInvalidUTF8, 1006},
		} {
			t.Run(tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, peer := net.Pipe()
					defer peer.Close()
					broken := conntest.Fault{Write: conntest.Trigger{Do: conntest.Error, Err: syscall.EPIPE}}.Wrap(a)
					ws := conn.New(broken, role, handshake.Result{}, nil)
					go peer.Write(tt.wire)
					_, _, err := ws.ReadMessage(t.Context())
					var ce *conn.CloseError
					require.ErrorAs(t, err, &ce)
					require.Equal(t, tt.code, ce.Code)
					require.ErrorIs(t, ce.Err, tt.want)
				})
			})
		}
	}
}

// Proves 7.1.1-2: CloseNow ends everything at once.
func TestCloseNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Client, nil)
		begun := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() {
			_, _, err := ws.ReadMessage(t.Context())
			require.ErrorIs(t, err, net.ErrClosed)
		})
		calls.Go(func() { require.ErrorIs(t, ws.WriteMessage(t.Context(), conn.Text, nil), net.ErrClosed) })
		calls.Go(func() { require.Error(t, ws.Close()) })
		synctest.Wait()
		require.NoError(t, ws.CloseNow())
		calls.Wait()
		require.Zero(t, time.Since(begun))
		_, err := peer.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

// tcpServer serves each connection with f until the test ends.
func tcpServer(t *testing.T, f func(nc net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var served sync.WaitGroup
	t.Cleanup(func() { l.Close(); served.Wait() })
	served.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { f(nc) })
		}
	})
	return l.Addr().String()
}

// Proves 7.1.1-1: a server with unread input closes so that its Close frame
// arrives and the peer sees an orderly end, no reset.
func TestCloseWithUnreadInput(t *testing.T) {
	secure := httptest.NewTLSServer(nil) // for its certificate
	defer secure.Close()
	for name, in := range map[string][]byte{
		"answered": closeTo(conn.Server, "\x03\xe8"),
		"failed":   {0x81, 0x00},
	} {
		for _, over := range []string{"tcp", "tls", "wrapped"} {
			if over == "wrapped" && name == "answered" {
				continue // nothing may follow a Close frame
			}
			t.Run(name+" "+over, func(t *testing.T) {
				addr := tcpServer(t, func(nc net.Conn) {
					switch over {
					case "tls":
						nc = tls.Server(nc, secure.TLS)
					case "wrapped": // as a limit on connections does it
						nc = struct{ net.Conn }{nc}
					}
					ws := conn.New(nc, conn.Server, handshake.Result{}, nil)
					ws.ReadMessage(context.Background())
				})
				nc, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				if over == "tls" {
					nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
				}
				defer nc.Close()
				_, err = nc.Write(append(in, make([]byte, 100_000)...))
				require.NoError(t, err)
				got, err := io.ReadAll(nc)
				require.NoError(t, err)
				require.Equal(t, frame.Close, frame.Opcode(got[0]&0xf))
			})
		}
	}
}

// On a socket, with both ends writing and reading as fast as they can, whoever
// closes: both see the closing handshake, and nobody a reset.
func TestCloseInFlight(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		closer := roles[round%2]
		a, b, err := tcpPair()
		require.NoError(t, err)
		ends := map[conn.Role]*conn.Conn{
			conn.Client: conn.New(a, conn.Client, handshake.Result{}, nil),
			conn.Server: conn.New(b, conn.Server, handshake.Result{}, nil),
		}
		var all sync.WaitGroup
		enough := make(chan struct{})
		for role, ws := range ends {
			all.Go(func() {
				for err := error(nil); err == nil; {
					err = ws.WriteMessage(t.Context(), conn.Binary, make([]byte, 10_000))
				}
			})
			all.Go(func() {
				n := 0
				for _, err := range ws.Messages(t.Context()) {
					if n++; n == 20 && role == closer {
						close(enough)
					}
					if err != nil {
						var ce *conn.CloseError
						require.ErrorAs(t, err, &ce)
						require.Equal(t, conn.CloseError{Code: 1000, Local: role == closer}, *ce, role)
					}
				}
			})
		}
		<-enough
		require.NoError(t, ends[closer].Close(), closer)
		all.Wait()
	}
}

// And when one end fails the connection, the other learns why, though it goes
// on sending until then.
func TestFailInFlight(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		for _, role := range roles {
			a, b, err := tcpPair()
			require.NoError(t, err)
			if wrapped {
				a = struct{ net.Conn }{a}
			}
			ws := conn.New(a, role, handshake.Result{}, &conn.Config{MaxMessageSize: 1000})
			peer := conn.New(b, opposite(role), handshake.Result{}, &conn.Config{MaxMessageSize: -1})
			var writer sync.WaitGroup
			writer.Go(func() {
				for err := error(nil); err == nil; {
					err = peer.WriteMessage(t.Context(), conn.Binary, make([]byte, 1<<20))
				}
			})
			require.NoError(t, ws.BufferMessage(conn.Text, []byte("promised")))
			go ws.ReadMessage(t.Context())
			_, data, err := peer.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "promised", string(data))
			_, _, err = peer.ReadMessage(t.Context())
			var ce *conn.CloseError
			require.ErrorAs(t, err, &ce)
			require.Equal(t, frame.StatusMessageTooBig, ce.Code, "%v %v", role, wrapped)
			writer.Wait()
			<-ws.Done()
		}
	}
}
