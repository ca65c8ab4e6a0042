package conn_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

func tcpPair() (a, b net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	b, err = l.Accept()
	return a, b, err
}

// asText puts any bytes on a NetConn of type Text, each as the code point of its
// value: nettest writes bytes that are no UTF-8.
type asText struct {
	net.Conn
	mu   sync.Mutex
	lead byte // of a code point whose second byte has not been read
}

func (c *asText) Write(p []byte) (int, error) {
	runes := make([]rune, len(p))
	for i, b := range p {
		runes[i] = rune(b)
	}
	if _, err := c.Conn.Write([]byte(string(runes))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *asText) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		text := make([]byte, len(p))
		n, err := c.Conn.Read(text)
		got := 0
		for _, b := range text[:n] {
			switch {
			case c.lead != 0:
				p[got] = c.lead<<6 | b&0x3f
				c.lead = 0
				got++
			case b >= utf8.RuneSelf:
				c.lead = b
			default:
				p[got] = b
				got++
			}
		}
		if got > 0 || err != nil || len(p) == 0 {
			return got, err
		}
	}
}

func TestNetConn(t *testing.T) {
	for name, pair := range map[string]func() (a, b net.Conn, err error){
		"pipe": func() (a, b net.Conn, err error) { a, b = net.Pipe(); return },
		"tcp":  tcpPair,
	} {
		for _, role := range roles {
			for _, typ := range []conn.MessageType{conn.Binary, conn.Text} {
				t.Run(fmt.Sprint(name, "/", role, "/", typ), func(t *testing.T) {
					nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
						a, b, err := pair()
						if err != nil {
							return nil, nil, nil, err
						}
						cfg := &conn.Config{CloseTimeout: time.Second}
						c1 := conn.New(a, role, handshake.Result{}, cfg)
						c2 := conn.New(b, opposite(role), handshake.Result{}, cfg)
						n1, n2 := c1.NetConn(t.Context(), typ), c2.NetConn(t.Context(), typ)
						if typ == conn.Text {
							n1, n2 = &asText{Conn: n1}, &asText{Conn: n2}
						}
						stop := func() { // a Close that is under way must not be disturbed
							var both sync.WaitGroup
							both.Go(func() { n1.Close() })
							both.Go(func() { n2.Close() })
							both.Wait()
						}
						return n1, n2, stop, nil
					})
				})
			}
		}
	}
}

// A write that is cut inside a frame goes on with the next one.
func TestNetConnResumes(t *testing.T) {
	for _, role := range []conn.Role{conn.Client, conn.Server} {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, nil)
			nc := ws.NetConn(t.Context(), conn.Binary)
			head := make([]byte, 3)
			go io.ReadFull(peer, head)
			require.NoError(t, nc.SetWriteDeadline(time.Now().Add(time.Second)))
			n, err := nc.Write([]byte("hello"))
			require.Equal(t, os.ErrDeadlineExceeded, err)
			require.Equal(t, 5, n)
			n, err = nc.Write([]byte("too late"))
			require.Equal(t, os.ErrDeadlineExceeded, err)
			require.Zero(t, n)
			require.NoError(t, nc.SetWriteDeadline(time.Time{}))
			go nc.Write([]byte("again"))
			other := conn.Client
			if role == conn.Client {
				other = conn.Server
			}
			back := conn.New(peer, other, handshake.Result{Buffered: head}, nil)
			for _, want := range []string{"hello", "again"} {
				_, p, err := back.ReadMessage(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, string(p))
			}
			ws.CloseNow()
		})
	}
}

// A long Write is cut into messages, not inside a code point, and counts what
// went before a deadline.
func TestNetConnLongWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, nil)
		nc := ws.NetConn(t.Context(), conn.Text)
		want := strings.Repeat("äöü", 10_000)
		go func() {
			nc.Write([]byte(want))
			nc.SetWriteDeadline(time.Now().Add(time.Second))
			n, err := nc.Write([]byte(want))
			require.Equal(t, os.ErrDeadlineExceeded, err)
			require.Zero(t, n)
			ws.CloseNow()
		}()
		back := conn.New(peer, conn.Client, handshake.Result{}, nil)
		var got []byte
		for len(got) < len(want) {
			_, p, err := back.ReadMessage(t.Context())
			require.NoError(t, err)
			require.True(t, utf8.Valid(p))
			got = append(got, p...)
		}
		require.Equal(t, want, string(got))
		<-ws.Done()
		peer.Close()
	})
}

func TestNetConnEnds(t *testing.T) {
	for _, code := range []frame.CloseCode{1000, 1001, 1011} {
		client, server := pipePair(nil)
		nc := server.NetConn(t.Context(), conn.Text)
		go client.CloseWith(code, "")
		_, err := nc.Read(make([]byte, 1))
		if code == 1011 {
			var ce *conn.CloseError
			require.ErrorAs(t, err, &ce)
			require.Equal(t, code, ce.Code)
		} else {
			require.Equal(t, io.EOF, err)
		}
		require.NoError(t, nc.Close())
		_, err = nc.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = nc.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, nc.SetDeadline(time.Time{}), net.ErrClosed)
	}

	client, server := pipePair(nil)
	nc := server.NetConn(t.Context(), conn.Text)
	_, err := nc.Write([]byte{0xff})
	require.ErrorContains(t, err, "UTF-8")
	closed := make(chan error, 1)
	go func() {
		client.WriteMessage(t.Context(), conn.Binary, []byte("x"))
		_, _, err := client.ReadMessage(context.Background())
		closed <- err
	}()
	_, err = nc.Read(make([]byte, 1))
	require.ErrorIs(t, err, frame.ErrUnexpectedData)
	var ce *conn.CloseError
	require.ErrorAs(t, <-closed, &ce)
	require.Equal(t, frame.CloseCode(1003), ce.Code)
	require.Panics(t, func() { client.NetConn(t.Context(), 9) })
}
