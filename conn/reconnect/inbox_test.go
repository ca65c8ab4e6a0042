package reconnect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
)

// A consumer that takes nothing stops the server, not the memory, and holds up
// neither a reconnection nor the order.
func TestSlowConsumer(t *testing.T) {
	play(t, func(t *testing.T) {
		sent := 0
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			for {
				if ws.WriteMessage(ctx, conn.Text, fmt.Append(nil, "a:", sent+1)) != nil {
					return
				}
				sent++
			}
		})
		client := start(t, s, reconnect.Config{Identify: identify, InboxMessages: 10})
		time.Sleep(time.Minute)
		synctest.Wait()
		before := sent
		require.Less(t, before, 3000, "what 16 KiB of read buffer hold besides the inbox")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, before, sent)

		s.kill()
		synctest.Wait()
		// The Client notices when it reads again. What it had read stays.
		n := uint64(0)
		for msg, err := range client.Messages(t.Context()) {
			require.NoError(t, err)
			n++
			require.Equal(t, n, msg.ID.Seq)
			if n == 10 {
				break
			}
		}
		synctest.Wait()
		sent = int(n) // the server repeats some, which the client drops
		s.up()
		for msg, err := range client.Messages(t.Context()) {
			require.NoError(t, err)
			n++
			require.Equal(t, n, msg.ID.Seq)
			if n == 5000 {
				break
			}
		}
		require.Equal(t, 2, client.State().Connections)
	})
}

// A server that floods, declares its history lost, and drops the connection,
// over and over, does not fill the memory of a Client whose messages nobody
// takes, and what is taken at last is in order.
func TestInboxBound(t *testing.T) {
	play(t, func(t *testing.T) {
		var connections atomic.Uint64
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			n := 1000 * connections.Add(1)
			if n%2000 == 0 { // otherwise OnConnect alone says so
				ws.BufferMessage(conn.Text, fmt.Appendf(nil, "lost/a/%d", n))
			}
			for range 10 {
				n++
				ws.BufferMessage(conn.Text, fmt.Appendf(nil, "a:%d%s", n, strings.Repeat(" ", 1000)))
			}
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // net.Pipe: a write waits for its reader
			defer cancel()
			ws.Flush(ctx)
		})
		identify := func(m conn.Message) reconnect.ID {
			return identify(conn.Message{Type: m.Type, Data: bytes.TrimRight(m.Data, " ")})
		}
		const most = 5
		client := start(t, s, reconnect.Config{
			Identify:      identify,
			InboxMessages: most,
			StableAfter:   -1,
			OnConnect: func(_ context.Context, _ *conn.Conn, r *reconnect.Resume) error {
				r.HistoryLost(reconnect.ID{Stream: "a", Seq: uint64(1000 * r.Connection)})
				r.HistoryLost(reconnect.ID{Stream: "b", Seq: uint64(1000 * r.Connection)})
				return nil
			},
		})
		for range 1000 { // a write notices the loss that nobody reads about
			mustQueue(t)(client.Send(t.Context(), conn.Text, nil))
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		upTo := 1000 * connections.Load()
		require.Greater(t, upTo, uint64(100*1000))
		st := client.Stats()
		require.LessOrEqual(t, st.InboxMessages, most+1+2, "a gap before the last message, and one a stream")
		require.LessOrEqual(t, st.InboxBytes, most*1100)

		var last uint64
		for msg, err := range client.Messages(t.Context()) {
			var gap *reconnect.GapError
			switch {
			case errors.As(err, &gap) && gap.Stream == "a":
				require.Equal(t, last, gap.After.Seq)
				last = gap.Next.Seq - 1
			case errors.As(err, &gap):
			default:
				require.NoError(t, err)
				require.Equal(t, last+1, msg.ID.Seq)
				last++
			}
			if last > upTo {
				break
			}
		}
	})
	t.Run("bytes", func(t *testing.T) {
		play(t, func(t *testing.T) {
			s := newServer(func(ctx context.Context, ws *conn.Conn) {
				for range 100 {
					ws.WriteMessage(ctx, conn.Binary, make([]byte, 1000))
				}
				listen(ctx, ws)
			})
			client := start(t, s, reconnect.Config{InboxBytes: 2500})
			synctest.Wait()
			require.Equal(t, 3000, client.Stats().InboxBytes)
			taken := 0
			for _, err := range client.Messages(t.Context()) {
				require.NoError(t, err)
				if taken++; taken == 100 {
					break
				}
			}
			require.Zero(t, client.Stats().InboxBytes)
		})
	})
}

// Whoever goes on to take messages after Close has begun gets them up to some
// point, and none from behind it.
func TestCloseCutsInbox(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			for n := range 50 {
				ws.WriteMessage(ctx, conn.Text, fmt.Append(nil, "a:", n+1))
				time.Sleep(time.Second)
			}
			ws.WriteMessage(ctx, conn.Text, []byte(`{"ack":"1"}`))
			listen(ctx, ws)
		})
		client := start(t, s, reconnect.Config{Identify: identify, Ack: ackOf, InboxMessages: 10})
		mustQueue(t)(client.SendItem(t.Context(), reconnect.Item{ID: "1", Type: conn.Text, Data: []byte("1")}))
		time.Sleep(20 * time.Second) // full
		closed := make(chan error)
		go func() { closed <- client.Close(t.Context()) }()
		time.Sleep(5 * time.Second) // something was dropped
		next := uint64(1)
		for msg, err := range client.Messages(t.Context()) {
			if err != nil {
				require.ErrorIs(t, err, net.ErrClosed)
				break
			}
			require.Equal(t, next, msg.ID.Seq)
			next++
		}
		require.NoError(t, <-closed)
		require.EqualValues(t, 11, next)
	})
}

// Two loops share the messages: each goes to one of them, and neither sleeps
// while there is one.
func TestTwoLoops(t *testing.T) {
	play(t, func(t *testing.T) {
		const count = 1000
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			for n := range count {
				ws.WriteMessage(ctx, conn.Text, fmt.Append(nil, "a:", n+1))
				if n%10 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			ws.CloseWith(1000, "that was all")
		})
		client := start(t, s, reconnect.Config{Identify: identify, InboxMessages: 7})
		var mu sync.Mutex
		taken := make(map[uint64]int)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				last := uint64(0)
				for msg, err := range client.Messages(t.Context()) {
					if err != nil {
						return
					}
					mu.Lock()
					taken[msg.ID.Seq]++
					mu.Unlock()
					if msg.ID.Seq <= last {
						t.Errorf("%d came after %d", msg.ID.Seq, last)
					}
					last = msg.ID.Seq
				}
			})
		}
		wg.Wait()
		require.Len(t, taken, count)
		for n, times := range taken {
			require.Equal(t, 1, times, "message %d", n)
		}
	})
}

// The end of a loop's context ends the loop and nothing else.
func TestMessagesContext(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			time.Sleep(time.Hour)
			ws.WriteMessage(ctx, conn.Binary, []byte{1, 2})
			listen(ctx, ws)
		})
		client := start(t, s, reconnect.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, err := range client.Messages(ctx) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		for msg, err := range client.Messages(t.Context()) {
			require.NoError(t, err)
			require.Equal(t, reconnect.Message{Type: conn.Binary, Data: []byte{1, 2}}, msg)
			break
		}
		require.NoError(t, client.Close(t.Context()))
		for _, err := range client.Messages(t.Context()) {
			require.ErrorIs(t, err, net.ErrClosed)
		}
	})
}
