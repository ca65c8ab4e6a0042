package reconnect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/frame"
)

// recorder is a server that writes down what it gets.
func recorder(got *[]string) *server {
	return newServer(func(ctx context.Context, ws *conn.Conn) {
		for {
			_, p, err := ws.ReadMessage(ctx)
			if err != nil {
				return
			}
			*got = append(*got, string(p))
		}
	})
}

// mustQueue wants what a Send returned to be good.
func mustQueue(t *testing.T) func(sendqueue.Result, error) {
	return func(r sendqueue.Result, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, sendqueue.Queued, r)
	}
}

// refused returns the error of a Send that must not have taken the message in.
func refused(r sendqueue.Result, err error) error {
	if err != nil && r != sendqueue.Dropped {
		panic("an error with another result than Dropped")
	}
	return err
}

// What is sent while offline waits under its policy, and leaves in order.
func TestOffline(t *testing.T) {
	for _, tt := range []struct {
		name     string
		policy   sendqueue.Policy
		messages int
		bytes    int
		send     string // "key=value" has a key
		refused  string
		dropped  string
		want     string
	}{
		{"room for all", sendqueue.Block, 0, 0, "a b c", "", "", "a b c"},
		{"block", sendqueue.Block, 2, 0, "a b c d", "c d", "", "a b"},
		{"block on bytes", sendqueue.Block, 0, 3, "aa b c", "c", "", "aa b"},
		{"drop newest", sendqueue.DropNewest, 2, 0, "a b c d", "c d", "c d", "a b"},
		{"drop oldest", sendqueue.DropOldest, 2, 0, "a b c d", "", "a b", "c d"},
		{"drop oldest on bytes", sendqueue.DropOldest, 0, 4, "a b c ddd", "", "a b", "c ddd"},
		{"a key takes its place", sendqueue.Block, 3, 0, "k=1 a l=1 k=2 l=2 k=3", "", "", "k=3 a l=2"},
		{"a key that grows and has room", sendqueue.Block, 0, 8, "k=1 a k=12345", "", "", "k=12345 a"},
		{"a key that grows too much: block", sendqueue.Block, 0, 8, "k=1 aa k=12345", "k=12345", "", "k=1 aa"},
		{"a key that grows too much: drop newest", sendqueue.DropNewest, 0, 8, "k=1 aa k=12345", "k=12345", "k=12345", "k=1 aa"},
		{"a key that grows too much: drop oldest", sendqueue.DropOldest, 0, 7, "a k=1 bb k=12345", "", "a bb", "k=12345"},
		{"a key that grows at the front", sendqueue.DropOldest, 0, 8, "k=1 aa b k=12345", "", "aa", "k=12345 b"},
		{"larger than the outbox", sendqueue.DropOldest, 0, 3, "a bbbb", "bbbb", "", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				var got, refused, dropped []string
				s := recorder(&got)
				s.kill()
				client := start(t, s, reconnect.Config{
					Policy:         tt.policy,
					OutboxMessages: tt.messages,
					OutboxBytes:    tt.bytes,
					Trace:          &reconnect.Trace{Dropped: func(m reconnect.Item) { dropped = append(dropped, string(m.Data)) }},
				})
				for m := range strings.FieldsSeq(tt.send) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					key, _, keyed := strings.Cut(m, "=")
					if !keyed {
						key = ""
					}
					r, err := client.SendItem(ctx, reconnect.Item{Type: conn.Text, Data: []byte(m), Key: key})
					cancel()
					require.Equal(t, err != nil, tt.policy == sendqueue.Block && r == sendqueue.Dropped || len(m) > tt.bytes && tt.bytes > 0)
					if r == sendqueue.Dropped {
						refused = append(refused, m)
					}
				}
				require.Equal(t, tt.refused, strings.Join(refused, " "))
				require.Equal(t, tt.dropped, strings.Join(dropped, " "))
				require.EqualValues(t, len(dropped), client.Stats().Dropped)
				require.Equal(t, len(strings.Join(strings.Fields(tt.want), "")), client.Stats().OutboxBytes)
				s.up()
				time.Sleep(time.Hour)
				synctest.Wait()
				require.Equal(t, tt.want, strings.Join(got, " "))
				require.Zero(t, client.Stats().OutboxBytes)
			})
		})
	}
}

// A blocked Send goes on when there is room, and ends with Close.
func TestBlockedSend(t *testing.T) {
	play(t, func(t *testing.T) {
		var got []string
		s := recorder(&got)
		s.kill()
		client := start(t, s, reconnect.Config{OutboxMessages: 1})
		errs := make(chan error, 1)
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("a")))
		go func() { errs <- refused(client.Send(t.Context(), conn.Text, []byte("b"))) }()
		synctest.Wait()
		require.Empty(t, errs)
		s.up()
		require.NoError(t, <-errs)
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, got)

		s.kill()
		synctest.Wait()
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("c")))
		go func() { errs <- refused(client.Send(t.Context(), conn.Text, []byte("d"))) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		var unsent *reconnect.UnsentError
		require.ErrorAs(t, client.Close(ctx), &unsent)
		require.ErrorIs(t, unsent, context.DeadlineExceeded)
		require.Len(t, unsent.Messages, 1)
		require.Equal(t, "c", string(unsent.Messages[0].Data))
		require.ErrorIs(t, <-errs, net.ErrClosed)
	})
}

func TestRefusedAtOnce(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		client := start(t, s, reconnect.Config{Ack: ackOf})
		require.ErrorContains(t, refused(client.Send(t.Context(), conn.Text, []byte("{}"))), "Item.ID")
		require.ErrorContains(t, refused(client.SendItem(t.Context(), reconnect.Item{ID: "1"})), "Text or Binary")
		require.ErrorContains(t, refused(client.SendItem(t.Context(), reconnect.Item{ID: "1", Type: conn.Text, Data: []byte{0xff}})), "UTF-8")
	})
}

// The bytes given to Send may be used again at once.
func TestSendCopies(t *testing.T) {
	play(t, func(t *testing.T) {
		var got []string
		s := recorder(&got)
		client := start(t, s, reconnect.Config{})
		p := []byte("one")
		mustQueue(t)(client.Send(t.Context(), conn.Text, p))
		copy(p, "two")
		require.NoError(t, client.Close(t.Context()))
		require.Equal(t, []string{"one"}, got)
	})
}

// With acknowledgements everything arrives, in order, however often the
// connection is lost; a message is seen again only when its acknowledgement
// was lost.
func TestAtLeastOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano()) // of real time: play begins later
	t.Logf("seed %d", seed)
	play(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 0))
		const count = 500
		next := 1 // the number that the server waits for
		repeats := 0
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			life := 1 + random.IntN(40)
			for range life {
				var e envelope
				if ws.ReadJSON(ctx, &e) != nil {
					return
				}
				var n int
				fmt.Sscan(e.ID, &n)
				if n > next {
					panic(fmt.Sprintf("message %d came before %d", n, next))
				}
				if n < next {
					repeats++
				} else {
					next++
				}
				if random.IntN(3) == 0 {
					continue // a later one acknowledges it as well
				}
				if random.IntN(20) == 0 {
					return // received, not acknowledged
				}
				if ws.WriteJSON(ctx, envelope{Ack: e.ID}) != nil {
					return
				}
			}
		})
		client := start(t, s, reconnect.Config{Ack: ackOf, OutboxMessages: 50, StableAfter: -1})
		for n := 1; n <= count; n++ {
			m := reconnect.Item{Type: conn.Text, ID: fmt.Sprint(n)}
			m.Data, _ = json.Marshal(envelope{ID: m.ID})
			mustQueue(t)(client.SendItem(t.Context(), m))
		}
		// The last may be one that the server does not acknowledge before it
		// is repeated, which takes a lost connection.
		for client.Stats().OutboxMessages > 0 {
			time.Sleep(time.Minute)
			s.kill()
			s.up()
		}
		require.NoError(t, client.Close(t.Context()))
		require.Equal(t, count+1, next)
		require.Positive(t, repeats)
		require.Greater(t, client.Stats().Connections, 10)
		require.GreaterOrEqual(t, client.Stats().Resent, int64(repeats))
		require.Zero(t, client.Stats().Failed)
	})
}

// Acknowledgements of single messages, in any order, and of what a later
// connection has not sent again yet.
func TestAckSingle(t *testing.T) {
	play(t, func(t *testing.T) {
		var got [][]string
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			got = append(got, nil)
			if len(got) == 2 {
				ws.WriteMessage(ctx, conn.Text, []byte("ack 1"))
			}
			for range 4 {
				_, p, err := ws.ReadMessage(ctx)
				if err != nil {
					return
				}
				got[len(got)-1] = append(got[len(got)-1], string(p))
				if string(p) == "3" {
					ws.WriteMessage(ctx, conn.Text, []byte("ack 3"))
				}
			}
		})
		var resent []int
		client := start(t, s, reconnect.Config{
			Ack: func(m conn.Message) (reconnect.Ack, bool) {
				id, ok := strings.CutPrefix(string(m.Data), "ack ")
				return reconnect.Ack{ID: id, Deliver: true}, ok
			},
			Trace: &reconnect.Trace{Resent: func(n int) { resent = append(resent, n) }},
			OnConnect: func(_ context.Context, _ *conn.Conn, r *reconnect.Resume) error {
				if r.Connection == 2 {
					require.Equal(t, 3, r.Unacknowledged)
				}
				return nil
			},
		})
		for _, id := range []string{"1", "2", "3", "4"} {
			mustQueue(t)(client.SendItem(t.Context(), reconnect.Item{Type: conn.Text, Data: []byte(id), ID: id}))
		}
		n := 0
		for msg, err := range client.Messages(t.Context()) {
			require.NoError(t, err)
			n++
			require.Equal(t, []string{"ack 3", "ack 1"}[n-1], string(msg.Data), "Deliver is set")
			if n == 2 {
				break
			}
		}
		synctest.Wait()
		require.Equal(t, []string{"1", "2", "3", "4"}, got[0])
		require.Equal(t, []int{3}, resent)
		require.Subset(t, got[1], []string{"2", "4"})
		require.Equal(t, 2, client.Stats().OutboxMessages)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var unsent *reconnect.UnsentError
		require.ErrorAs(t, client.Close(ctx), &unsent)
		require.Equal(t, "2", unsent.Messages[0].ID)
		require.Equal(t, "4", unsent.Messages[1].ID)
	})
}

// Without acknowledgements nothing is ever sent twice, and what can't have
// been written is not lost.
func TestAtMostOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	play(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 0))
		last := 0
		arrived := 0
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			for range random.IntN(40) {
				_, p, err := ws.ReadMessage(ctx)
				if err != nil {
					return
				}
				var n int
				fmt.Sscan(string(p), &n)
				if n <= last {
					panic(fmt.Sprintf("message %d came after %d", n, last))
				}
				last = n
				arrived++
			}
		})
		failed := 0
		client := start(t, s, reconnect.Config{OutboxMessages: 10, StableAfter: -1,
			Trace: &reconnect.Trace{Failed: func(reconnect.Item) { failed++ }}})
		const count = 500
		for n := 1; n <= count; n++ {
			mustQueue(t)(client.Send(t.Context(), conn.Text, fmt.Append(nil, n)))
		}
		require.NoError(t, client.Close(t.Context()))
		st := client.Stats()
		require.EqualValues(t, count, st.Sent+st.Failed)
		require.EqualValues(t, failed, st.Failed)
		require.Greater(t, st.Connections, 10)
		require.Less(t, arrived, count)
		require.Greater(t, arrived, count/10)
	})
}

// The writing side of a connection that is lost does not keep the Client.
func TestStuckWriter(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) })
		client := start(t, s, reconnect.Config{})
		require.NoError(t, client.Ready(t.Context()))
		for range 10 {
			mustQueue(t)(client.Send(t.Context(), conn.Binary, make([]byte, 64<<10)))
		}
		synctest.Wait() // the writer is stuck: net.Pipe has no buffer
		s.kill()
		synctest.Wait()
		st := client.State()
		require.Equal(t, reconnect.Waiting, st.Phase)
		var e *conn.CloseError
		require.ErrorAs(t, st.Err, &e)
		require.Equal(t, frame.StatusAbnormalClosure, e.Code)
		require.EqualValues(t, 1, client.Stats().Failed)
		require.Equal(t, 9, client.Stats().OutboxMessages)
		time.Sleep(time.Minute) // the server's handler ends
	})
}
