package sendqueue_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// counting counts the writes that would be system calls on a socket.
type counting struct {
	net.Conn
	writes atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// What has piled up behind a slow write leaves with as few system calls as
// there are batches to fill: 128 messages or 16 KiB each.
func TestSystemCalls(t *testing.T) {
	for _, tt := range []struct {
		role               conn.Role
		size, count, calls int
	}{
		{conn.Server, 0, 1000, 8}, {conn.Server, 100, 1000, 8},
		{conn.Server, 1000, 160, 10}, // 16 KiB hold 16 of 1000 bytes with their headers
		{conn.Server, 4080, 40, 10}, {conn.Server, 4090, 30, 10}, {conn.Server, 8000, 20, 10},
		{conn.Server, 16000, 10, 10}, {conn.Client, 100, 1000, 8}, {conn.Client, 4060, 40, 10},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				c := &counting{Conn: a}
				ws := conn.New(c, tt.role, handshake.Result{}, nil)
				defer ws.CloseNow()
				q, err := sendqueue.New(ws, nil)
				require.NoError(t, err)
				q.Send(t.Context(), conn.Binary, nil)
				synctest.Wait()
				for range tt.count {
					q.Send(t.Context(), conn.Binary, make([]byte, tt.size))
				}
				go io.Copy(io.Discard, b)
				require.NoError(t, q.Flush(t.Context()))
				require.EqualValues(t, 1+tt.calls, c.writes.Load())
				require.EqualValues(t, 1+tt.calls, q.Stats().Batches)
			})
		})
	}
}

// A producer that goes on when Drained says so doesn't spin on a queue that
// has room, but not for its message.
func TestNoRoomIsCongested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, peer := pair(t, &sendqueue.Config{MaxBytes: 10, HighWater: 9, LowWater: 3})
		q.SendItem(t.Context(), item(t, "0"))
		synctest.Wait()
		q.SendItem(t.Context(), item(t, "aaaaa"))
		require.False(t, q.Congested())
		_, err := q.TrySend(item(t, "bbbbbb"))
		require.ErrorIs(t, err, sendqueue.ErrFull)
		require.True(t, q.Congested())
		drained := q.Drained()
		for _, want := range []string{"0", "aaaaa"} {
			select {
			case <-drained:
				t.Fatal("drained too early")
			default:
			}
			_, p, err := peer.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, string(p))
			synctest.Wait()
		}
		<-drained
		r, err := q.TrySend(item(t, "bbbbbb"))
		require.NoError(t, err)
		require.Equal(t, sendqueue.Queued, r)
		q.Conn().CloseNow()
	})
}

func TestWaterMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q, peer := pair(t, &sendqueue.Config{MaxBytes: 100 << 10, HighWater: 60 << 10, LowWater: 30 << 10})
		read := func() {
			_, p, err := peer.ReadMessage(ctx)
			require.NoError(t, err)
			require.Len(t, p, 10<<10)
			synctest.Wait()
		}
		open := func() bool {
			select {
			case <-q.Drained():
				return true
			default:
				return false
			}
		}
		var levels []string
		for range 6 { // up to 60 KiB
			q.Send(ctx, conn.Binary, make([]byte, 10<<10))
			synctest.Wait()
			levels = append(levels, fmt.Sprint(q.Buffered()>>10, q.Congested()))
		}
		require.Equal(t, []string{"10 false", "20 false", "30 false", "40 false", "50 false", "60 true"}, levels)
		drained := q.Drained()
		for want := 50; want > 30; want -= 10 {
			read()
			require.Equal(t, want<<10, q.Buffered())
			require.True(t, q.Congested(), "between the marks nothing changes")
			require.False(t, open())
		}
		read()
		<-drained
		require.False(t, q.Congested())
		require.True(t, open())
		q.Send(ctx, conn.Binary, make([]byte, 10<<10))
		require.False(t, q.Congested(), "between the marks nothing changes")
		for range 4 {
			read()
		}
		require.Zero(t, q.Buffered())
		q.Conn().CloseNow()
	})
}

// Close returns what did not leave, and the connection stays usable.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q, peer := pair(t, nil)
		q.SendItem(ctx, item(t, "0"))
		synctest.Wait()
		for _, s := range []string{"1 key", "2 - low", "3"} {
			q.SendItem(ctx, item(t, s))
		}
		waiting, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		rest, err := q.Close(waiting)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, "0 1 3 2", payloads(rest))
		require.Equal(t, "key", rest[1].Key)
		require.Equal(t, sendqueue.Low, rest[3].Priority)
		_, err = q.SendItem(ctx, item(t, "4"))
		require.ErrorIs(t, err, sendqueue.ErrClosed)
		require.ErrorIs(t, err, net.ErrClosed)
		again, err := q.Close(ctx)
		require.NoError(t, err)
		require.Empty(t, again)
		balanced(t, q.Stats())

		q2, err := sendqueue.New(q.Conn(), nil)
		require.NoError(t, err)
		for _, it := range rest {
			q2.SendItem(ctx, it)
		}
		for _, want := range []string{"0", "1", "3", "2"} {
			_, p, err := peer.ReadMessage(ctx)
			require.NoError(t, err)
			require.Equal(t, want, string(p))
		}
		rest, err = q2.Close(ctx)
		require.NoError(t, err)
		require.Empty(t, rest)
		q.Conn().CloseNow()
	})
}

// When the connection is lost, those who wait for room are told, nothing is
// accepted any more, and Close returns what was not sent.
func TestConnectionLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q, peer := pair(t, &sendqueue.Config{MaxMessages: 1})
		q.SendItem(ctx, item(t, "0"))
		synctest.Wait()
		q.SendItem(ctx, item(t, "1"))
		drained := q.Drained()
		blocked := make(chan error)
		go func() {
			_, err := q.SendItem(ctx, item(t, "2"))
			blocked <- err
		}()
		synctest.Wait()
		peer.CloseNow()
		var ce *conn.CloseError
		require.ErrorAs(t, <-blocked, &ce)
		<-drained
		_, err := q.SendItem(ctx, item(t, "3"))
		require.ErrorAs(t, err, &ce)
		require.ErrorAs(t, q.Flush(ctx), &ce)
		rest, err := q.Close(ctx)
		require.ErrorAs(t, err, &ce)
		require.Equal(t, "0 1", payloads(rest))
		require.NoError(t, q.Flush(ctx), "nothing is left to wait for")
		balanced(t, q.Stats())
	})
}

// drains counts the goroutines of queues.
func drains() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "sendqueue.(*Queue).drain(")
}

// An empty queue has no goroutine.
func TestNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		q, peer := pair(t, nil)
		for range 3 {
			q.SendItem(ctx, item(t, "x"))
			synctest.Wait()
			require.Equal(t, 1, drains())
			peer.ReadMessage(ctx)
			synctest.Wait()
			require.Zero(t, drains())
		}
		q.Conn().CloseNow()
	})
}

// Many producers: each one's messages arrive in its order, none twice, and
// none is lost but those that were counted.
func TestConcurrentProducers(t *testing.T) {
	for _, policy := range []sendqueue.Policy{sendqueue.Block, sendqueue.DropNewest, sendqueue.DropOldest} {
		t.Run(policy.String(), func(t *testing.T) {
			ctx := t.Context()
			q, peer := pair(t, &sendqueue.Config{Policy: policy, MaxMessages: 50})
			received := make(chan int)
			go func() {
				n := 0
				last := map[string]int{}
				for msg, err := range peer.Messages(ctx) {
					if err != nil {
						break
					}
					who, num, _ := strings.Cut(string(msg.Data), " ")
					i, _ := strconv.Atoi(num)
					if i <= last[who] {
						t.Errorf("%s: %d after %d", who, i, last[who])
					}
					last[who] = i
					n++
				}
				received <- n
			}()
			var group sync.WaitGroup
			for who := range 8 {
				group.Go(func() {
					for i := 1; i <= 500; i++ {
						q.Send(ctx, conn.Text, fmt.Appendf(nil, "%d %d", who, i))
					}
				})
			}
			group.Wait()
			rest, err := q.Close(ctx)
			require.NoError(t, err)
			require.Empty(t, rest)
			q.Conn().CloseNow()
			s := q.Stats()
			balanced(t, s)
			require.EqualValues(t, 8*500, s.Accepted+s.Refused)
			require.EqualValues(t, s.Sent, <-received)
			if policy == sendqueue.Block {
				require.EqualValues(t, 8*500, s.Sent)
			}
			require.LessOrEqual(t, s.MaxMessages, 50+128)
		})
	}
}

// The bytes that a peer's full receive buffer leaves in our kernel are seen.
func TestUnsent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SIOCOUTQ is of Linux")
	}
	q, peer := overTCP(t, &sendqueue.Config{MaxBytes: 64 << 20})
	n, err := q.Unsent()
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = q.Send(t.Context(), conn.Binary, make([]byte, 64<<20)) // more than all kernel buffers hold
	require.NoError(t, err)
	for n == 0 {
		n, err = q.Unsent()
		require.NoError(t, err)
	}
	require.NotZero(t, q.Buffered())
	_, _, err = peer.ReadMessage(t.Context())
	require.NoError(t, err)
	require.NoError(t, q.Flush(t.Context()))
	for n != 0 { // until the last acknowledgement is there
		n, err = q.Unsent()
		require.NoError(t, err)
	}
}
