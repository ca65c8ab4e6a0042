package reconnect_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
)

var sizes = []int{16, 125, 1024, 16384, 1 << 20}

// benchServer serves on loopback until the benchmark ends.
func benchServer(b *testing.B, serve func(ctx context.Context, ws *conn.Conn) error) string {
	s := httptest.NewServer(conn.Handler(serve))
	b.Cleanup(s.Close)
	return s.URL
}

// BenchmarkSend sends to a server that drops what it reads: by a Conn alone,
// by a Client, and by a Client that keeps each message until it is
// acknowledged, which the server does for every 64th.
func BenchmarkSend(b *testing.B) {
	url := benchServer(b, func(ctx context.Context, ws *conn.Conn) error {
		n := 0
		for _, err := range ws.Messages(ctx) {
			if err != nil {
				return err
			}
			if n++; n%64 == 0 {
				if err := ws.WriteMessage(ctx, conn.Text, fmt.Append(nil, "ack ", n)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for _, size := range sizes {
		data := make([]byte, size)
		b.Run(fmt.Sprint("conn/", size), func(b *testing.B) {
			ws, err := conn.Dial(b.Context(), url, nil)
			require.NoError(b, err)
			go listen(b.Context(), ws)
			defer ws.CloseNow()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := ws.WriteMessage(b.Context(), conn.Binary, data); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, acked := range []bool{false, true} {
			name, cfg := "once", &reconnect.Config{OutboxMessages: 256, OutboxBytes: 256 << 20}
			if acked {
				name = "acked"
				cfg.Ack = func(m conn.Message) (reconnect.Ack, bool) {
					id, ok := strings.CutPrefix(string(m.Data), "ack ")
					return reconnect.Ack{ID: id, UpTo: true}, ok
				}
			}
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				client, err := reconnect.New(b.Context(), url, cfg)
				require.NoError(b, err)
				require.NoError(b, client.Ready(b.Context()))
				go func() {
					for range client.Messages(context.Background()) { // which are none, or the acknowledgements
					}
				}()
				b.SetBytes(int64(size))
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					n++
					m := reconnect.Item{Type: conn.Binary, Data: data, ID: fmt.Sprint(n)}
					if _, err := client.SendItem(b.Context(), m); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				over, cancel := context.WithCancel(context.Background())
				cancel()
				client.Close(over)
			})
		}
	}
}

// BenchmarkReceive takes numbered messages: from a Conn alone, and from a
// Client that reads the number of each and keeps order.
func BenchmarkReceive(b *testing.B) {
	for _, size := range sizes {
		url := benchServer(b, func(ctx context.Context, ws *conn.Conn) error {
			p := make([]byte, size)
			for n := uint64(1); ; n++ {
				m := hub.Numbered(p[:0], n, conn.Binary, nil)
				if err := ws.BufferMessage(conn.Binary, m[:size]); err != nil {
					return err
				}
			}
		})
		b.Run(fmt.Sprint("conn/", size), func(b *testing.B) {
			ws, err := conn.Dial(b.Context(), url, &conn.Config{MaxMessageSize: 2 << 20})
			require.NoError(b, err)
			defer ws.CloseNow()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ws.ReadMessage(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("client/", size), func(b *testing.B) {
			client, err := reconnect.New(b.Context(), url, &reconnect.Config{
				Conn:     &conn.Config{MaxMessageSize: 2 << 20},
				Identify: reconnect.TopicID,
			})
			require.NoError(b, err)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for _, err := range client.Messages(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				if !b.Loop() {
					break
				}
			}
			over, cancel := context.WithCancel(context.Background())
			cancel()
			client.Close(over)
		})
	}
}
