package sendqueue_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// pair is a queue and the peer of its connection, which reads when told to.
func pair(t *testing.T, cfg *sendqueue.Config) (*sendqueue.Queue, *conn.Conn) {
	a, b := net.Pipe()
	ws := conn.New(a, conn.Server, handshake.Result{}, nil)
	peer := conn.New(b, conn.Client, handshake.Result{}, nil)
	q, err := sendqueue.New(ws, cfg)
	require.NoError(t, err)
	return q, peer
}

// item parses "text", "text key" or "text key low"; "-" is no key.
func item(t *testing.T, s string) sendqueue.Item {
	f := strings.Fields(s)
	m, err := conn.PrepareOwned(conn.Text, []byte(f[0]))
	require.NoError(t, err)
	it := sendqueue.Item{Message: m}
	if len(f) > 1 && f[1] != "-" {
		it.Key = f[1]
	}
	if len(f) > 2 {
		it.Priority = sendqueue.Low
	}
	return it
}

// balanced is the sum that the package comment promises.
func balanced(t *testing.T, s sendqueue.Stats) {
	require.Equal(t, s.Accepted, s.Sent+s.Dropped+s.Coalesced+s.Expired+s.Returned+int64(s.Messages), "%+v", s)
}

// payloads are the texts of what Close returned.
func payloads(items []sendqueue.Item) string {
	var out []string
	for _, it := range items {
		out = append(out, string(it.Message.Payload()))
	}
	return strings.Join(out, " ")
}

// Every policy, before a peer that reads nothing until all is sent. The first
// message is being written and no longer in the queue, which has room for
// three messages and ten bytes.
func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy sendqueue.Policy
		send   string // separated by commas
		got    string // what the peer reads, after the first message
		want   sendqueue.Stats
	}{
		{"all fit", sendqueue.DropNewest, "a,b,c", "a b c",
			sendqueue.Stats{Accepted: 4, Sent: 4, SentBytes: 4, MaxMessages: 4, MaxBytes: 4}},
		{"drop newest", sendqueue.DropNewest, "a,b,c,d,e", "a b c",
			sendqueue.Stats{Accepted: 4, Refused: 2, Sent: 4, SentBytes: 4, MaxMessages: 4, MaxBytes: 4}},
		{"drop newest by bytes", sendqueue.DropNewest, "aaaa,bbbbbb,c", "aaaa bbbbbb",
			sendqueue.Stats{Accepted: 3, Refused: 1, Sent: 3, SentBytes: 11, MaxMessages: 3, MaxBytes: 11}},
		{"drop newest: high takes low's place", sendqueue.DropNewest, "l1 - low,a,l2 - low,b,c,d", "a b c",
			sendqueue.Stats{Accepted: 6, Refused: 1, Dropped: 2, Sent: 4, SentBytes: 4, MaxMessages: 4, MaxBytes: 6}},
		{"drop newest: low stays when its place is not enough", sendqueue.DropNewest, "aaaaaa,l - low,bbbbb", "aaaaaa l",
			sendqueue.Stats{Accepted: 3, Refused: 1, Sent: 3, SentBytes: 8, MaxMessages: 3, MaxBytes: 8}},
		{"drop newest: low's place is just enough", sendqueue.DropNewest, "aaaaaa,l - low,bbbb", "aaaaaa bbbb",
			sendqueue.Stats{Accepted: 4, Dropped: 1, Sent: 3, SentBytes: 11, MaxMessages: 3, MaxBytes: 11}},
		{"drop oldest", sendqueue.DropOldest, "a,b,c,d,e", "c d e",
			sendqueue.Stats{Accepted: 6, Dropped: 2, Sent: 4, SentBytes: 4, MaxMessages: 4, MaxBytes: 4}},
		{"drop oldest by bytes", sendqueue.DropOldest, "aaaa,bbbb,cccccccc", "cccccccc",
			sendqueue.Stats{Accepted: 4, Dropped: 2, Sent: 2, SentBytes: 9, MaxMessages: 3, MaxBytes: 9}},
		{"drop oldest: low first", sendqueue.DropOldest, "a,l1 - low,l2 - low,b,c,d", "b c d",
			sendqueue.Stats{Accepted: 7, Dropped: 3, Sent: 4, SentBytes: 4, MaxMessages: 4, MaxBytes: 6}},
		{"drop oldest: low never displaces high", sendqueue.DropOldest, "a,b,c,l - low", "a b c",
			sendqueue.Stats{Accepted: 4, Refused: 1, Sent: 4, SentBytes: 4, MaxMessages: 4, MaxBytes: 4}},
		{"high overtakes low, order within a priority", sendqueue.Block, "l1 - low,a,b", "a b l1",
			sendqueue.Stats{Accepted: 4, Sent: 4, SentBytes: 5, MaxMessages: 4, MaxBytes: 5}},
		{"coalesce keeps the place", sendqueue.DropNewest, "a1 a,b1 b,a2 a,c,a3 a,b2 b", "a3 b2 c",
			sendqueue.Stats{Accepted: 7, Coalesced: 3, Sent: 4, SentBytes: 6, MaxMessages: 4, MaxBytes: 6}},
		{"coalesce in a full queue", sendqueue.DropNewest, "a1 a,b,c,d,a2 a", "a2 b c",
			sendqueue.Stats{Accepted: 5, Refused: 1, Coalesced: 1, Sent: 4, SentBytes: 5, MaxMessages: 4, MaxBytes: 5}},
		{"coalesce only within a priority", sendqueue.DropNewest, "a1 a,a2 a low,a3 a", "a3 a2",
			sendqueue.Stats{Accepted: 4, Coalesced: 1, Sent: 3, SentBytes: 5, MaxMessages: 3, MaxBytes: 5}},
		{"a larger value has no room", sendqueue.DropNewest, "a a,bbbbbb,aaaaaa a", "a bbbbbb",
			sendqueue.Stats{Accepted: 3, Refused: 1, Sent: 3, SentBytes: 8, MaxMessages: 3, MaxBytes: 8}},
		{"a larger value pushes others out", sendqueue.DropOldest, "bbbbbb,a a,aaaaaa a", "aaaaaa",
			sendqueue.Stats{Accepted: 4, Dropped: 1, Coalesced: 1, Sent: 2, SentBytes: 7, MaxMessages: 3, MaxBytes: 8}},
		{"close peer: low gives way", sendqueue.ClosePeer, "a,l - low,b,m - low,c", "a b c",
			sendqueue.Stats{Accepted: 5, Refused: 1, Dropped: 1, Sent: 4, SentBytes: 4, MaxMessages: 4, MaxBytes: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				q, peer := pair(t, &sendqueue.Config{Policy: tt.policy, MaxMessages: 3, MaxBytes: 10})
				r, err := q.Send(ctx, conn.Text, []byte("0"))
				require.NoError(t, err)
				require.Equal(t, sendqueue.Queued, r)
				synctest.Wait() // now it is being written
				for _, s := range strings.Split(tt.send, ",") {
					_, err := q.SendItem(ctx, item(t, s))
					require.NoError(t, err)
					balanced(t, q.Stats())
				}
				for _, want := range append([]string{"0"}, strings.Fields(tt.got)...) {
					_, p, err := peer.ReadMessage(ctx)
					require.NoError(t, err)
					require.Equal(t, want, string(p))
				}
				rest, err := q.Close(ctx)
				require.NoError(t, err)
				require.Empty(t, rest)
				s := q.Stats()
				balanced(t, s)
				s.Batches = 0
				require.Equal(t, tt.want, s)
				q.Conn().CloseNow()
			})
		})
	}
}

func TestBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q, peer := pair(t, &sendqueue.Config{MaxMessages: 2})
		send := func(s string) { // one after the other, so that their order is known
			go q.SendItem(ctx, item(t, s))
			synctest.Wait()
		}
		for i := range 6 { // one is being written, two wait in the queue, three at its door
			send(fmt.Sprint(i))
		}
		require.EqualValues(t, 3, q.Stats().Accepted)

		_, err := q.TrySend(item(t, "x"))
		require.ErrorIs(t, err, sendqueue.ErrFull)
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		begun := time.Now()
		r, err := q.SendItem(bounded, item(t, "x"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, sendqueue.Dropped, r)
		require.Equal(t, time.Second, time.Since(begun))

		for i := range 6 {
			_, p, err := peer.ReadMessage(ctx)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(p))
		}
		require.NoError(t, q.Flush(ctx))
		s := q.Stats()
		balanced(t, s)
		require.EqualValues(t, 6, s.Sent)
		require.Zero(t, s.Refused)
		q.Conn().CloseNow()
	})
}

// One who waits with a message that needs much room isn't overtaken by smaller
// ones: not by those of its own priority, nor by Low ones. When it gives up,
// those behind it get the room that there is, though nobody reads.
func TestBlockInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := pair(t, &sendqueue.Config{MaxBytes: 10})
		send := func(ctx context.Context, s string) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := q.SendItem(ctx, item(t, s))
				done <- err
			}()
			synctest.Wait()
			return done
		}
		require.NoError(t, <-send(t.Context(), "0")) // is being written, for ever
		require.NoError(t, <-send(t.Context(), "aaaaaa"))
		brief, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		large := send(brief, "bbbbb")
		low := send(t.Context(), "c - low")
		high := send(t.Context(), "d")
		_, err := q.TrySend(item(t, "e - low"))
		require.ErrorIs(t, err, sendqueue.ErrFull)
		require.EqualValues(t, 2, q.Stats().Accepted)
		require.ErrorIs(t, <-large, context.DeadlineExceeded)
		require.NoError(t, <-high)
		require.NoError(t, <-low)
		now, cancel := context.WithCancel(t.Context())
		cancel()
		rest, err := q.Close(now)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "0 aaaaaa d c", payloads(rest))
		balanced(t, q.Stats())
		q.Conn().CloseNow()
	})
}

// Messages that drop more than they need, and leave room for one who waits.
func TestDroppingAdmitsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := pair(t, &sendqueue.Config{Policy: sendqueue.DropOldest, MaxBytes: 10})
		q.SendItem(t.Context(), item(t, "0"))
		synctest.Wait()
		q.SendItem(t.Context(), item(t, "aaaaaaaa"))
		done := make(chan error, 1)
		go func() {
			_, err := q.SendWait(t.Context(), item(t, "bbb"))
			done <- err
		}()
		synctest.Wait()
		q.SendItem(t.Context(), item(t, "cccc"))
		require.NoError(t, <-done)
		require.EqualValues(t, 1, q.Stats().Dropped)
		q.Conn().CloseNow()
	})
}

// The slow peer that still reads gets what was being written, then the code
// and the reason; one that doesn't is cut off after CloseTimeout.
func TestClosePeer(t *testing.T) {
	for _, reads := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			q, peer := pair(t, &sendqueue.Config{Policy: sendqueue.ClosePeer, MaxMessages: 2, CloseCode: 1013, CloseReason: "too slow"})
			for _, s := range []string{"0", "1", "2"} {
				_, err := q.SendItem(ctx, item(t, s))
				require.NoError(t, err)
				synctest.Wait()
			}
			r, err := q.SendItem(ctx, item(t, "3"))
			require.ErrorIs(t, err, sendqueue.ErrTooSlow)
			require.Equal(t, sendqueue.Dropped, r)
			if reads {
				_, p, err := peer.ReadMessage(ctx)
				require.NoError(t, err)
				require.Equal(t, "0", string(p))
				_, _, err = peer.ReadMessage(ctx)
				var ce *conn.CloseError
				require.ErrorAs(t, err, &ce)
				require.EqualValues(t, 1013, ce.Code)
				require.Equal(t, "too slow", ce.Reason)
			}
			begun := time.Now()
			<-q.Conn().Done()
			if !reads {
				require.Equal(t, conn.DefaultCloseTimeout, time.Since(begun))
			}
			_, err = q.SendItem(ctx, item(t, "4"))
			require.ErrorIs(t, err, sendqueue.ErrTooSlow)
			rest, err := q.Close(ctx)
			require.ErrorIs(t, err, sendqueue.ErrTooSlow)
			s := q.Stats()
			balanced(t, s)
			if reads {
				require.Equal(t, "1 2", payloads(rest))
				require.EqualValues(t, 1, s.Sent)
			} else {
				require.Equal(t, "0 1 2", payloads(rest))
				require.Zero(t, s.Sent)
			}
			require.EqualValues(t, 1, s.Refused)
		})
	}
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q, peer := pair(t, &sendqueue.Config{Policy: sendqueue.DropNewest, MaxMessages: 3, MaxAge: time.Minute})
		time.Sleep(time.Hour)
		for _, s := range []string{"0", "1", "2 k"} {
			_, err := q.SendItem(ctx, item(t, s))
			require.NoError(t, err)
			synctest.Wait()
		}
		time.Sleep(30 * time.Second)
		require.Equal(t, 30*time.Second, q.Stats().OldestAge)
		q.SendItem(ctx, item(t, "3 k")) // as young as its value
		q.SendItem(ctx, item(t, "4"))
		time.Sleep(30 * time.Second)
		r, _ := q.SendItem(ctx, item(t, "5")) // has the place of 1, which is too old
		require.Equal(t, sendqueue.Queued, r)
		time.Sleep(20 * time.Second)
		for _, want := range []string{"0", "3", "4", "5"} { // 0 was being written all the time
			_, p, err := peer.ReadMessage(ctx)
			require.NoError(t, err)
			require.Equal(t, want, string(p))
		}
		q.SendItem(ctx, item(t, "6"))
		synctest.Wait()
		q.SendItem(ctx, item(t, "7"))
		time.Sleep(time.Hour)
		_, p, err := peer.ReadMessage(ctx)
		require.NoError(t, err)
		require.Equal(t, "6", string(p))
		require.NoError(t, q.Flush(ctx))
		s := q.Stats()
		balanced(t, s)
		require.EqualValues(t, 2, s.Expired)
		require.EqualValues(t, 1, s.Coalesced)
		time.Sleep(time.Minute)
		require.Zero(t, q.Stats().OldestAge)
		q.Conn().CloseNow()
	})
}

// A message is as old as its Item says, and gets no younger in another queue.
func TestItemTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := pair(t, &sendqueue.Config{MaxAge: time.Minute})
		q.SendItem(t.Context(), item(t, "0"))
		synctest.Wait()
		old := item(t, "1")
		old.Time = time.Now().Add(-40 * time.Second)
		q.SendItem(t.Context(), old)
		require.Equal(t, 40*time.Second, q.Stats().OldestAge)
		time.Sleep(10 * time.Second)
		now, cancel := context.WithCancel(t.Context())
		cancel()
		rest, err := q.Close(now)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "0 1", payloads(rest))
		require.True(t, old.Time.Equal(rest[1].Time))

		again, err := sendqueue.New(q.Conn(), &sendqueue.Config{MaxAge: time.Minute})
		require.NoError(t, err)
		for _, it := range rest {
			again.SendItem(t.Context(), it)
		}
		synctest.Wait()
		require.Equal(t, 50*time.Second, again.Stats().OldestAge)
		q.Conn().CloseNow()
	})
}

// Under Block, what has become too old makes room though nobody reads.
func TestMaxAgeMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q, _ := pair(t, &sendqueue.Config{MaxMessages: 1, MaxAge: time.Minute})
		q.SendItem(ctx, item(t, "0"))
		synctest.Wait()
		q.SendItem(ctx, item(t, "1"))
		begun := time.Now()
		r, err := q.SendItem(ctx, item(t, "2"))
		require.NoError(t, err)
		require.Equal(t, sendqueue.Queued, r)
		require.Equal(t, time.Minute, time.Since(begun))
		time.Sleep(30 * time.Second)
		_, err = q.TrySend(item(t, "3"))
		require.ErrorIs(t, err, sendqueue.ErrFull, "2 is as old as its place in the queue")
		now, cancel := context.WithCancel(ctx)
		cancel()
		rest, err := q.Close(now)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "0 2", payloads(rest))
		balanced(t, q.Stats())
		q.Conn().CloseNow()
	})
}

func TestConfig(t *testing.T) {
	for _, cfg := range []sendqueue.Config{
		{Policy: 9}, {MaxBytes: -1}, {MaxMessages: -1}, {HighWater: 5, LowWater: 5}, {MaxBytes: 10, HighWater: 11}, {CloseCode: 1006},
	} {
		_, err := sendqueue.New(nil, &cfg)
		require.ErrorContains(t, err, "sendqueue: Config.", "%+v", cfg)
	}
	_, err := sendqueue.New(nil, nil)
	require.ErrorContains(t, err, "Conn")
	q, _ := pair(t, &sendqueue.Config{MaxBytes: 3})
	_, err = q.SendItem(t.Context(), sendqueue.Item{})
	require.ErrorContains(t, err, "Item.Message")
	wrong := item(t, "x")
	wrong.Priority = 2
	_, err = q.SendItem(t.Context(), wrong)
	require.ErrorContains(t, err, "Item.Priority")
	require.Equal(t, sendqueue.Stats{}, q.Stats())
	_, err = q.Send(t.Context(), conn.Text, []byte("long"))
	require.ErrorIs(t, err, sendqueue.ErrTooLarge)
	_, err = q.Send(t.Context(), conn.Text, []byte{0xff})
	require.Error(t, err)
	_, err = q.Unsent()
	require.True(t, errors.Is(err, errors.ErrUnsupported))
}
