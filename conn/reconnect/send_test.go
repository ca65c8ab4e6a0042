package reconnect_test

import (
	"context"
	"encoding/json"
	"errors"
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

// Close flushes through an outage, and ends with the closing handshake.
func TestCloseFlushes(t *testing.T) {
	play(t, func(t *testing.T) {
		var got []string
		end := make(chan error, 1)
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			for {
				_, p, err := ws.ReadMessage(ctx)
				if err != nil {
					end <- err
					return
				}
				got = append(got, string(p))
			}
		})
		s.kill()
		client := start(t, s, reconnect.Config{})
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("a")))
		time.AfterFunc(time.Hour, s.up)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		require.NoError(t, client.Close(ctx))
		require.Equal(t, []string{"a"}, got)
		var closed *conn.CloseError
		require.ErrorAs(t, <-end, &closed)
		require.Equal(t, frame.StatusNormalClosure, closed.Code)
		require.ErrorIs(t, client.Err(), net.ErrClosed)
		require.NoError(t, client.Close(ctx), "again")
		require.ErrorIs(t, refused(client.Send(t.Context(), conn.Text, nil)), net.ErrClosed)
	})
}

// Close keeps its deadline against a server that answers nothing, in each
// phase, and nothing is left: play fails otherwise.
func TestCloseDeadline(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func() (*server, reconnect.Config)
		send  bool
		most  time.Duration
	}{
		{"connecting", func() (*server, reconnect.Config) {
			s := newServer(nil)
			s.serve = listen
			cfg := s.config()
			cfg.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return s, reconnect.Config{Conn: cfg}
		}, false, 0},
		{"OnConnect", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) }), reconnect.Config{
				OnConnect: func(ctx context.Context, ws *conn.Conn, _ *reconnect.Resume) error {
					<-ctx.Done()
					return context.Cause(ctx)
				}}
		}, false, time.Second}, // Config.CloseTimeout
		{"waiting", func() (*server, reconnect.Config) {
			s := newServer(listen)
			s.kill()
			return s, reconnect.Config{}
		}, false, 0},
		{"waiting with a message", func() (*server, reconnect.Config) {
			s := newServer(listen)
			s.kill()
			return s, reconnect.Config{}
		}, true, 10 * time.Second},
		{"a server that doesn't answer the Close frame", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) }), reconnect.Config{}
		}, false, time.Second}, // Config.CloseTimeout
		{"a server that doesn't read", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) }), reconnect.Config{}
		}, true, 10 * time.Second},
		{"a server that doesn't acknowledge", func() (*server, reconnect.Config) {
			return newServer(listen), reconnect.Config{Ack: ackOf}
		}, true, 10 * time.Second},
		{"an inbox that nobody empties", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) {
				for range 100 {
					ws.WriteMessage(ctx, conn.Text, []byte("{}"))
				}
				var e envelope
				if ws.ReadJSON(ctx, &e) == nil {
					ws.WriteJSON(ctx, envelope{Ack: e.ID})
				}
				listen(ctx, ws)
			}), reconnect.Config{Ack: ackOf, InboxMessages: 1}
		}, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				s, cfg := tt.setup()
				client := start(t, s, cfg)
				synctest.Wait()
				if tt.send {
					mustQueue(t)(client.SendItem(t.Context(), reconnect.Item{Type: conn.Text, Data: []byte(`{"id":"1"}`), ID: "1"}))
				}
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				begun := time.Now()
				err := client.Close(ctx)
				require.Equal(t, tt.most, time.Since(begun))
				if tt.most == 10*time.Second && tt.name != "a server that doesn't read" {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
				s.attempts()
				time.Sleep(time.Hour)
				require.Empty(t, s.attempts(), "no timer fires after Close")
			})
		})
	}
}

// A second Close waits for the first, and hastens it when its own context ends.
func TestCloseTwice(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		s.kill()
		client := start(t, s, reconnect.Config{})
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("a")))
		first := make(chan error, 1)
		go func() { first <- client.Close(t.Context()) }()
		synctest.Wait()
		cause := errors.New("no more time")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, cause)
		defer cancel()
		begun := time.Now()
		require.NoError(t, client.Close(ctx))
		require.Equal(t, time.Hour, time.Since(begun))
		var unsent *reconnect.UnsentError
		require.ErrorAs(t, <-first, &unsent)
		require.ErrorIs(t, unsent, cause)
		require.Len(t, unsent.Messages, 1)
	})
}

// Close cuts the goodbye short that the end of New's context has begun, when
// the server doesn't answer it.
func TestCloseAfterContext(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) })
		ctx, cancel := context.WithCancel(t.Context())
		client, err := reconnect.New(ctx, "ws://server.test/", &reconnect.Config{Conn: s.config()})
		require.NoError(t, err)
		require.NoError(t, client.Ready(t.Context()))
		cancel()
		begun := time.Now()
		require.NoError(t, client.Close(ctx))
		require.Zero(t, time.Since(begun))
		require.ErrorIs(t, client.Err(), context.Canceled)
		time.Sleep(time.Minute)
	})
}

// What was not begun when the context of New ends comes back, the rest is told
// to Trace.Failed; nothing is in both, or in neither.
func TestContextEndsWhileWriting(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) })
		ctx, cancel := context.WithCancel(t.Context())
		failed := 0
		client, err := reconnect.New(ctx, "ws://server.test/", &reconnect.Config{
			Conn:  s.config(),
			Trace: &reconnect.Trace{Failed: func(reconnect.Item) { failed++ }},
		})
		require.NoError(t, err)
		require.NoError(t, client.Ready(t.Context()))
		for range 10 {
			mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("a")))
		}
		synctest.Wait() // net.Pipe: the first write waits for its reader
		cancel()
		err = client.Close(t.Context())
		var unsent *reconnect.UnsentError
		require.ErrorAs(t, err, &unsent)
		st := client.Stats()
		require.EqualValues(t, 10, st.Sent+st.Failed+int64(len(unsent.Messages)))
		require.EqualValues(t, st.Failed, failed)
		time.Sleep(time.Minute)
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
