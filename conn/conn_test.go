package conn_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// echo answers every message with itself.
func echo(ctx context.Context, ws *conn.Conn) error {
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := ws.BufferMessage(msg.Type, msg.Data); err != nil {
			return err
		}
	}
	return nil
}

func echoServer(t *testing.T) string {
	s := httptest.NewServer(conn.Handler(echo))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func TestEcho(t *testing.T) {
	ctx := t.Context()
	ws, err := conn.Dial(ctx, echoServer(t), &conn.Config{MaxMessageSize: -1})
	require.NoError(t, err)
	for _, size := range []int{0, 1, 125, 126, 1000, 16 << 10, 65535, 65536, 1 << 20} {
		for _, typ := range []conn.MessageType{conn.Text, conn.Binary} {
			want := bytes.Repeat([]byte("x"), size)
			require.NoError(t, ws.WriteMessage(ctx, typ, want))
			got, data, err := ws.ReadMessage(ctx)
			require.NoError(t, err)
			require.Equal(t, typ, got)
			require.True(t, bytes.Equal(want, data), "size %d", size)
		}
	}
	require.NoError(t, ws.Close())
	_, _, err = ws.ReadMessage(ctx)
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, ws.WriteMessage(ctx, conn.Text, nil), net.ErrClosed)
}

func TestIndependentPeer(t *testing.T) {
	peer, err := websocket.Dial(echoServer(t), "", "http"+strings.TrimPrefix(echoServer(t), "ws"))
	if err != nil { // another origin than the server's own is refused
		url := echoServer(t)
		peer, err = websocket.Dial(url, "", "http"+strings.TrimPrefix(url, "ws"))
	}
	require.NoError(t, err)
	defer peer.Close()
	require.NoError(t, websocket.Message.Send(peer, "hello"))
	var got string
	require.NoError(t, websocket.Message.Receive(peer, &got))
	require.Equal(t, "hello", got)
}

func TestStream(t *testing.T) {
	ctx := t.Context()
	ws, err := conn.Dial(ctx, echoServer(t), nil)
	require.NoError(t, err)
	defer ws.CloseNow()
	w, err := ws.NextWriter(ctx, conn.Text)
	require.NoError(t, err)
	want := strings.Repeat("häppchen ", 5000)
	for i := 0; i < len(want); i += 777 {
		_, err := io.WriteString(w, want[i:min(i+777, len(want))])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	typ, r, err := ws.NextReader(ctx)
	require.NoError(t, err)
	require.Equal(t, conn.Text, typ)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, want, string(got))

	go ws.ReadMessage(ctx)
	_, err = ws.Ping(ctx)
	require.NoError(t, err)
}

// raw gives a Conn in role and the other end of its pipe.
func raw(role conn.Role, cfg *conn.Config) (*conn.Conn, net.Conn) {
	a, b := net.Pipe()
	return conn.New(a, role, handshake.Result{}, cfg), b
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// A peer that breaks a rule gets a Close frame with the rule's code and
// nothing else, and the reader gets the rule. Proves 7.1.7-1, 7.1.7-3, 7.1.7-5
// and 10.7-1: what stands behind the broken frame is not looked at.
func TestPeerBreaksRule(t *testing.T) {
	for _, tt := range []struct {
		name string
		role conn.Role
		in   string
		want *frame.Error
	}{
		{"5.1-2 unmasked text", conn.Server, "81 00", frame.ErrUnmasked},
		{"5.1-4 masked text", conn.Client, "81 80 00 00 00 00", frame.ErrMasked},
		{"5.2-2 RSV1", conn.Client, "c1 00", frame.ErrReservedBits},
		{"5.2-3 opcode 3", conn.Client, "83 00", frame.ErrReservedOpcode},
		{"5.2-5 length not in the fewest bytes", conn.Client, "81 7e 00 7d", frame.ErrLengthNotMinimal},
		{"5.2-4 length 2^63", conn.Client, "82 7f 80 00 00 00 00 00 00 00", frame.ErrLengthTooLarge},
		{"5.4-3 fragmented ping", conn.Client, "09 00", frame.ErrFragmentedControl},
		{"5.5-1 ping of 126 bytes", conn.Client, "89 7e 00 7e", frame.ErrControlTooLong},
		{"5.4-1 continuation of nothing", conn.Client, "80 00", frame.ErrUnexpectedContinuation},
		{"5.4-9 text inside a message", conn.Client, "01 00 81 00", frame.ErrExpectedContinuation},
		{"5.5.1-2 close with one byte", conn.Client, "88 01 03", frame.ErrClosePayload},
		{"7.4.1-3 close 1005", conn.Client, "88 02 03 ed", frame.ErrCloseCode},
		{"8.1-2 close reason", conn.Client, "88 03 03 e8 ff", frame.ErrCloseReason},
		{"8.1-1 text", conn.Client, "81 01 ff", frame.ErrInvalidUTF8},
		{"8.1-1 text that ends early", conn.Client, "81 01 c3", frame.ErrInvalidUTF8},
		{"8.1-1 text fails in an unfinished frame", conn.Client, "81 05 ff", frame.ErrInvalidUTF8},
		{"10.4-1 a length of 2^62", conn.Client, "82 7f 40 00 00 00 00 00 00 00", frame.ErrMessageTooBig},
		{"10.4-1 fragments without end", conn.Client, "02 00 00 00 00 00 00 00", frame.ErrTooManyFragments},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(tt.role, &conn.Config{MaxFragments: 3})
				go peer.Write(append(unhex(t, tt.in), unhex(t, "89 00 81 00")...))
				out := make(chan []byte)
				go func() {
					b, _ := io.ReadAll(peer)
					out <- b
				}()
				_, _, err := ws.ReadMessage(t.Context())
				require.ErrorIs(t, err, tt.want)
				var rule *frame.Error
				require.ErrorAs(t, err, &rule)
				got := <-out
				h, n, err := frame.ParseHeader(got)
				require.NoError(t, err)
				require.Equal(t, frame.Close, h.Opcode)
				require.Len(t, got, n+int(h.Length))
				if h.Masked {
					got[n], got[n+1] = got[n]^h.Key[0], got[n+1]^h.Key[1]
				}
				require.Equal(t, uint16(tt.want.Code), uint16(got[n])<<8|uint16(got[n+1]))
				peer.Close()
			})
		})
	}
}

// A read that its context cuts, at whatever byte, leaves the Conn usable and
// loses nothing.
func TestCancelledRead(t *testing.T) {
	wire := unhex(t, "01 03 48 65 6c  89 01 70  00 00  80 02 6c 6f  82 03 01 02 03")
	for cut := range wire {
		for _, how := range []string{"read", "messages"} {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(conn.Client, &conn.Config{KeepaliveInterval: -1}) // the peer is silent on purpose
				go io.Copy(io.Discard, peer)
				go func() {
					peer.Write(wire[:cut])
					time.Sleep(time.Hour)
					peer.Write(wire[cut:])
				}()
				var got []string
				for len(got) < 2 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					data, err := readOne(ctx, ws, how)
					cancel()
					if err != nil {
						require.ErrorIs(t, err, context.DeadlineExceeded, "%s, cut at %d", how, cut)
						continue
					}
					got = append(got, data)
				}
				require.Equal(t, []string{"Hello", "\x01\x02\x03"}, got, "%s, cut at %d", how, cut)
				ws.CloseNow()
				peer.Close()
			})
		}
	}
}

func readOne(ctx context.Context, ws *conn.Conn, how string) (string, error) {
	switch how {
	case "messages":
		for msg, err := range ws.Messages(ctx) {
			return string(msg.Data), err
		}
	}
	_, data, err := ws.ReadMessage(ctx)
	return string(data), err
}
