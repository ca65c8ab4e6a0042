package conn_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Proves 5.4-1, 5.4-2, 5.4-6, 5.4-7, 5.4-8, 5.4-10, 6.2-2, 6.2-3, 5.5.2-3 and
// 5.5.3-1: a message cut in three anywhere, inside a code point too, with
// pings between the fragments and another message behind, arrives as it was,
// and each ping is answered.
func TestFragmentsAnywhere(t *testing.T) {
	const text = "Hé€😀!"
	for _, role := range roles {
		for i := 0; i <= len(text); i++ {
			for j := i; j <= len(text); j++ {
				synctest.Test(t, func(t *testing.T) {
					ws, peer := raw(role, nil)
					out := collect(peer)
					go func() {
						for _, b := range [][]byte{
							to(role, frame.Header{Opcode: frame.Text}, text[:i]), pingTo(role, "1"),
							to(role, frame.Header{}, text[i:j]), pingTo(role, ""),
							to(role, frame.Header{FIN: true}, text[j:]), to(role, frame.Header{FIN: true, Opcode: frame.Binary}, "\xff"),
						} {
							peer.Write(b)
						}
					}()
					typ, data, err := ws.ReadMessage(t.Context())
					require.NoError(t, err)
					require.Equal(t, conn.Text, typ)
					require.Equal(t, text, string(data))
					typ, data, err = ws.ReadMessage(t.Context())
					require.NoError(t, err)
					require.Equal(t, conn.Binary, typ)
					require.Equal(t, "\xff", string(data))
					ws.CloseNow()
					require.Equal(t, []string{"pong 1", "pong"}, frames(t, role, <-out))
				})
			}
		}
	}
}

// Proves 6.1-4 and 6.1-5: what is written has the type that was asked for on
// the first frame, FIN on the last, also when that is empty.
func TestFramesWritten(t *testing.T) {
	for _, role := range roles {
		a, b := net.Pipe()
		ws := conn.New(a, role, handshake.Result{}, &conn.Config{FrameSize: 4})
		out := collect(b)
		ctx := t.Context()
		require.NoError(t, ws.WriteMessage(ctx, conn.Text, []byte("Hello")))
		require.NoError(t, ws.WriteMessage(ctx, conn.Binary, nil))
		require.NoError(t, ws.WriteMessage(ctx, conn.Binary, []byte("12345678")))
		w, err := ws.NextWriter(ctx, conn.Text)
		require.NoError(t, err)
		big := strings.Repeat("y", 4096)
		for _, s := range []string{"a", big, ""} {
			n, err := io.WriteString(w, s)
			require.NoError(t, err)
			require.Equal(t, len(s), n)
		}
		require.NoError(t, w.Close())
		require.NoError(t, w.Close(), "again")
		_, err = w.Write(nil)
		require.ErrorIs(t, err, net.ErrClosed)
		w, err = ws.NextWriter(ctx, conn.Binary)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		ws.CloseNow()
		want := []string{"+text Hell", "continuation o", "binary", "+binary 1234", "continuation 5678", "+text a"}
		want = append(want, slices.Repeat([]string{"+continuation yyyy"}, len(big)/4)...)
		want = append(want, "continuation", "binary")
		require.Equal(t, want, frames(t, role, <-out))
	}
}

// Proves 2.1-2: messages that were buffered leave as the same bytes that they
// are when each is written alone.
func TestBufferedBytes(t *testing.T) {
	var wires [2][]byte
	for i := range wires {
		a, b := net.Pipe()
		ws := conn.New(a, conn.Server, handshake.Result{}, nil)
		out := collect(b)
		for n := range 300 {
			p := bytes.Repeat([]byte{byte(n)}, n)
			if i == 0 {
				require.NoError(t, ws.WriteMessage(t.Context(), conn.Binary, p))
			} else {
				require.NoError(t, ws.BufferMessage(conn.Binary, p))
				clear(p) // Proves 10.3-1: what was accepted doesn't change.
			}
		}
		require.NoError(t, ws.Flush(t.Context()))
		require.NoError(t, ws.Flush(t.Context()), "nothing left")
		ws.CloseNow()
		wires[i] = <-out
	}
	require.True(t, bytes.Equal(wires[0], wires[1]))
}

// Proves 5.1-5: both sides write before either reads, many messages each.
func TestBothWays(t *testing.T) {
	const each = 20_000
	client, server := pipePair(nil)
	var all sync.WaitGroup
	for _, ws := range []*conn.Conn{client, server} {
		all.Go(func() {
			for i := range each {
				if err := ws.WriteMessage(t.Context(), conn.Binary, []byte{byte(i), byte(i >> 8)}); err != nil {
					t.Errorf("%v: %v", ws.Role(), err)
					return
				}
			}
		})
		all.Go(func() {
			for i := range each {
				_, p, err := ws.ReadMessage(t.Context())
				if err != nil || !bytes.Equal(p, []byte{byte(i), byte(i >> 8)}) {
					t.Errorf("%v: message %d is %x, %v", ws.Role(), i, p, err)
					client.CloseNow()
					return
				}
			}
		})
	}
	all.Wait()
	client.CloseNow()
	server.CloseNow()
}

// Proves 10.4-1 and 10.4-2: a message of exactly the limit passes and one
// byte more doesn't, in one frame and in several; so with fragments.
func TestLimits(t *testing.T) {
	for _, role := range roles {
		for _, tt := range []struct {
			fragments []string
			want      error
		}{
			{[]string{"12345678"}, nil},
			{[]string{"123456789"}, frame.ErrMessageTooBig},
			{[]string{"1234", "5678"}, nil},
			{[]string{"1234", "56789"}, frame.ErrMessageTooBig},
			{[]string{"1", "2", "3"}, nil},
			{[]string{"1", "2", "3", ""}, frame.ErrTooManyFragments},
		} {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(role, &conn.Config{MaxMessageSize: 8, MaxFragments: 3})
				out := collect(peer)
				go func() {
					op := conn.Binary
					for i, s := range tt.fragments {
						peer.Write(to(role, frame.Header{FIN: i == len(tt.fragments)-1, Opcode: op}, s))
						op = frame.Continuation
					}
				}()
				_, data, err := ws.ReadMessage(t.Context())
				if tt.want == nil {
					require.NoError(t, err)
					require.Equal(t, strings.Join(tt.fragments, ""), string(data))
				} else {
					require.ErrorIs(t, err, tt.want)
					require.Nil(t, data)
				}
				ws.CloseNow()
				peer.Close()
				<-out
			})
		}
	}
}

// stopsAt is a transport that fails a write at its byte number left.
type stopsAt struct {
	net.Conn
	left   int
	wire   []byte
	failed bool
	after  int // writes after the failure
}

var errBroken = errors.New("broken")

func (s *stopsAt) Write(p []byte) (int, error) {
	if s.failed {
		s.after++
		return 0, errBroken
	}
	n := min(len(p), s.left)
	s.left -= n
	s.wire = append(s.wire, p[:n]...)
	if n < len(p) {
		s.failed = true
		return n, errBroken
	}
	return n, nil
}

// Proves 6.1-6 and 7.1.7-4: a write that the transport fails, at whatever
// byte, is the last one; not even a Close frame follows.
func TestWriteFails(t *testing.T) {
	ctx := t.Context()
	session := func(ws *conn.Conn) (err error) {
		w, err := ws.NextWriter(ctx, conn.Binary)
		note := func(e error) {
			if err == nil {
				err = e
			}
		}
		if err == nil {
			_, e := w.Write(make([]byte, 5000))
			note(e)
			note(w.Close())
		}
		note(ws.WriteMessage(ctx, conn.Text, []byte("Hello")))
		note(ws.BufferMessage(conn.Text, []byte("there")))
		note(ws.WriteMessage(ctx, conn.Binary, make([]byte, 20_000)))
		note(ws.WriteMessage(ctx, conn.Text, []byte("end")))
		return err
	}
	a, _ := net.Pipe()
	whole := &stopsAt{Conn: a, left: 1 << 20}
	require.NoError(t, session(conn.New(whole, conn.Server, handshake.Result{}, nil)))
	for _, role := range roles {
		for left := 0; left < len(whole.wire); left += 1 + left/200 {
			a, _ := net.Pipe()
			nc := &stopsAt{Conn: a, left: left}
			ws := conn.New(nc, role, handshake.Result{}, nil)
			err := session(ws)
			require.ErrorIs(t, err, errBroken, "byte %d", left)
			var ce *conn.CloseError
			require.ErrorAs(t, err, &ce)
			require.Equal(t, frame.StatusAbnormalClosure, ce.Code)
			require.Error(t, ws.Close())
			<-ws.Done()
			require.Zero(t, nc.after, "byte %d", left)
			if role == conn.Server {
				require.True(t, bytes.Equal(whole.wire[:left], nc.wire), "byte %d", left)
			}
		}
	}
}

// Proves 7.2.1-1: a transport that ends at any byte of a session ends the
// connection, after the messages that were whole.
func TestLostAnywhere(t *testing.T) {
	for _, role := range roles {
		wire := bytes.Join([][]byte{
			textTo(role, "one"), to(role, frame.Header{Opcode: frame.Text}, "tw"), pingTo(role, "p"), to(role, frame.Header{FIN: true}, "o"),
		}, nil)
		first := len(textTo(role, "one"))
		for cut := range len(wire) + 1 {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(role, nil)
				go io.Copy(io.Discard, peer)
				go func() {
					peer.Write(wire[:cut])
					time.Sleep(time.Second)
					peer.Close()
				}()
				var got []string
				var end error
				for msg, err := range ws.Messages(t.Context()) {
					if end = err; err == nil {
						got = append(got, string(msg.Data))
					}
				}
				want := []string{"one", "two"}
				if cut < len(wire) {
					want = want[:1]
				}
				if cut < first {
					want = nil
				}
				require.Equal(t, want, got, "cut at %d", cut)
				var ce *conn.CloseError
				require.ErrorAs(t, end, &ce)
				require.Equal(t, frame.StatusAbnormalClosure, ce.Code)
				require.ErrorIs(t, end, io.ErrUnexpectedEOF)
				<-ws.Done()
			})
		}
	}
}
