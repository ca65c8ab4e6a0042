package conn_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
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
	const key = " 37 fa 21 3d "
	for _, tt := range []struct {
		name     string
		toServer string
		toClient string
		want     *frame.Error
	}{
		{"5.1-2 unmasked text", "81 00", "", frame.ErrUnmasked},
		{"5.1-4 masked text", "", "81 80" + key, frame.ErrMasked},
		{"5.2-2 RSV1", "c1 80" + key, "c1 00", frame.ErrReservedBits},
		{"5.2-3 opcode 3", "83 80" + key, "83 00", frame.ErrReservedOpcode},
		{"5.2-5 length not in the fewest bytes", "81 fe 00 7d", "81 7e 00 7d", frame.ErrLengthNotMinimal},
		{"5.2-4 length 2^63", "82 ff 80 00 00 00 00 00 00 00", "82 7f 80 00 00 00 00 00 00 00", frame.ErrLengthTooLarge},
		{"5.4-3 fragmented ping", "09 80" + key, "09 00", frame.ErrFragmentedControl},
		{"5.5-1 ping of 126 bytes", "89 fe 00 7e" + key, "89 7e 00 7e", frame.ErrControlTooLong},
		{"5.4-1 continuation of nothing", "80 80" + key, "80 00", frame.ErrUnexpectedContinuation},
		{"5.4-9 text inside a message", "01 80" + key + "81 80" + key, "01 00 81 00", frame.ErrExpectedContinuation},
		{"5.5.1-2 close with one byte", "88 81" + key + "34", "88 01 03", frame.ErrClosePayload},
		{"7.4.1-3 close 1005", "88 82" + key + "34 17", "88 02 03 ed", frame.ErrCloseCode},
		{"8.1-2 close reason", "88 83" + key + "34 12 de", "88 03 03 e8 ff", frame.ErrCloseReason},
		{"8.1-1 text", "81 81" + key + "c8", "81 01 ff", frame.ErrInvalidUTF8},
		{"8.1-1 text that ends early", "81 81" + key + "f4", "81 01 c3", frame.ErrInvalidUTF8},
		{"8.1-1 text fails in an unfinished frame", "81 85" + key + "c8", "81 05 ff", frame.ErrInvalidUTF8},
		{"10.4-1 a length of 2^62", "82 ff 40 00 00 00 00 00 00 00" + key, "82 7f 40 00 00 00 00 00 00 00", frame.ErrMessageTooBig},
		{"10.4-1 fragments without end", "02 80" + key + "00 80" + key + "00 80" + key + "00 80" + key, "02 00 00 00 00 00 00 00", frame.ErrTooManyFragments},
	} {
		for role, in := range map[conn.Role]string{conn.Server: tt.toServer, conn.Client: tt.toClient} {
			if in == "" {
				continue
			}
			t.Run(fmt.Sprint(tt.name, " ", role), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ws, peer := raw(role, &conn.Config{MaxFragments: 3})
					go peer.Write(append(unhex(t, in), bytes.Join([][]byte{pingTo(role, ""), textTo(role, "")}, nil)...))
					out := collect(peer)
					_, _, err := ws.ReadMessage(t.Context())
					require.ErrorIs(t, err, tt.want)
					var rule *frame.Error
					require.ErrorAs(t, err, &rule)
					list := frames(t, role, <-out)
					require.Len(t, list, 1)
					require.Equal(t, fmt.Sprintf("close %d %s", uint16(tt.want.Code), tt.want.Reason), list[0])
					peer.Close()
				})
			})
		}
	}
}

// A read that its context cuts, at whatever byte, leaves the Conn usable and
// loses nothing.
func TestCancelledRead(t *testing.T) {
	for _, role := range roles {
		wire := bytes.Join([][]byte{
			to(role, frame.Header{Opcode: frame.Text}, "Hel"), pingTo(role, "p"), to(role, frame.Header{}, ""),
			to(role, frame.Header{FIN: true}, "lo"), to(role, frame.Header{FIN: true, Opcode: frame.Binary}, "\x01\x02\x03"),
		}, nil)
		for cut := range wire {
			for _, how := range []string{"read", "messages"} {
				synctest.Test(t, func(t *testing.T) {
					ws, peer := raw(role, &conn.Config{KeepaliveInterval: -1}) // the peer is silent on purpose
					out := collect(peer)
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
					synctest.Wait() // a pong may be on its way
					ws.CloseNow()
					require.Equal(t, []string{"pong p"}, frames(t, role, <-out))
				})
			}
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
