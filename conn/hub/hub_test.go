package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

func pair(t *testing.T, cfg *sendqueue.Config) (*sendqueue.Queue, *conn.Conn) {
	a, b := net.Pipe()
	ws := conn.New(a, conn.Server, handshake.Result{}, nil)
	peer := conn.New(b, conn.Client, handshake.Result{}, nil)
	t.Cleanup(func() { ws.CloseNow(); peer.CloseNow() })
	q, err := sendqueue.New(ws, cfg)
	require.NoError(t, err)
	return q, peer
}

func topic(t *testing.T, cfg hub.Config) *hub.Topic {
	if cfg.Log == nil {
		cfg.Log = hub.NewRing(1)
	}
	topic, err := hub.NewTopic(&cfg)
	require.NoError(t, err)
	return topic
}

func publish(t *testing.T, topic *hub.Topic, n int) {
	for range n {
		_, err := topic.Publish(conn.Text, []byte("x"))
		require.NoError(t, err)
	}
}

// next reads one message and returns its number.
func next(ctx context.Context, peer *conn.Conn) (uint64, error) {
	typ, p, err := peer.ReadMessage(ctx)
	if err != nil {
		return 0, err
	}
	seq, _, err := hub.ParseSequence(typ, p)
	return seq, err
}

// What a subscriber gets who says what it has seen, before a topic whose
// numbers 1 to 10 are given and 6 to 10 are kept.
func TestSubscribe(t *testing.T) {
	for _, tt := range []struct {
		since, first uint64 // first 0: lost
	}{
		{0, 6}, {1, 0}, {4, 0}, {5, 6}, {6, 7}, {9, 10}, {10, 11}, {11, 0}, {hub.Live - 1, 0}, {hub.Live, 11},
	} {
		t.Run(fmt.Sprint(tt.since), func(t *testing.T) {
			topic := topic(t, hub.Config{Encode: hub.Numbered, History: hub.Limits{Messages: 5}})
			publish(t, topic, 10)
			q, peer := pair(t, nil)
			sub, err := topic.Subscribe(q, tt.since)
			if tt.first == 0 {
				require.ErrorIs(t, err, hub.ErrHistoryLost)
				var lost *hub.HistoryLostError
				require.ErrorAs(t, err, &lost)
				require.Equal(t, hub.HistoryLostError{Since: tt.since, First: 6, Last: 10}, *lost)
				require.Zero(t, topic.Subscribers())
				return
			}
			require.NoError(t, err)
			publish(t, topic, 3)
			for want := tt.first; want <= 13; want++ {
				seq, err := next(t.Context(), peer)
				require.NoError(t, err)
				require.Equal(t, want, seq)
			}
			sub.Close()
			require.ErrorIs(t, sub.Err(), hub.ErrClosed)
			<-sub.Done()
			require.Zero(t, topic.Subscribers())
			publish(t, topic, 1)
			require.NoError(t, q.Flush(t.Context()))
			require.Zero(t, q.Buffered())
		})
	}
}

// Subscribers come, are cut off and come back while four publishers are at
// work: each sees every number from its first on, once and in order. Their
// queues hold little, so that live and catching up change often.
func TestNoGapNoDuplicate(t *testing.T) {
	const total = 4 * 1000
	ctx := t.Context()
	topic := topic(t, hub.Config{Encode: hub.Numbered, History: hub.Limits{Messages: -1, Bytes: -1}})
	var publishers, subscribers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			for range total / 4 {
				topic.Publish(conn.Text, []byte("x"))
			}
		})
	}
	for who := range 10 {
		subscribers.Go(func() {
			seen := uint64(0)
			for life := 1; seen < total; life++ {
				q, peer := pair(t, &sendqueue.Config{MaxMessages: 1 + who})
				sub, err := topic.Subscribe(q, seen)
				if err != nil {
					t.Error(err)
					return
				}
				for range 100 * life {
					seq, err := next(ctx, peer)
					if err != nil || seq != seen+1 {
						t.Errorf("%d after %d: %v", seq, seen, err)
						return
					}
					if seen = seq; seen == total {
						break
					}
				}
				q.Conn().CloseNow()
				sub.Close()
			}
		})
	}
	publishers.Wait()
	subscribers.Wait()
	require.EqualValues(t, total, topic.Last())
	require.Zero(t, topic.Subscribers())
}

// A queue that drops loses messages and nothing else: what arrives is in order.
func TestPolicyOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := topic(t, hub.Config{Encode: hub.Numbered})
		q, peer := pair(t, &sendqueue.Config{Policy: sendqueue.DropOldest, MaxMessages: 2})
		_, err := topic.Subscribe(q, hub.Live)
		require.NoError(t, err)
		publish(t, topic, 1)
		synctest.Wait()
		publish(t, topic, 9)
		for _, want := range []uint64{1, 9, 10} {
			seq, err := next(t.Context(), peer)
			require.NoError(t, err)
			require.Equal(t, want, seq)
		}
	})
}

// A subscriber that is so far behind that the log has forgotten what comes
// next is told so.
func TestLostWhileBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := topic(t, hub.Config{Encode: hub.Numbered, History: hub.Limits{Messages: 10}})
		q, peer := pair(t, &sendqueue.Config{MaxMessages: 1})
		sub, err := topic.Subscribe(q, hub.Live)
		require.NoError(t, err)
		for range 100 {
			publish(t, topic, 1)
			synctest.Wait()
		}
		var last uint64
		for sub.Err() == nil {
			seq, err := next(t.Context(), peer)
			require.NoError(t, err)
			require.Equal(t, last+1, seq)
			last = seq
			synctest.Wait()
		}
		require.Less(t, last, uint64(90))
		require.ErrorIs(t, sub.Err(), hub.ErrHistoryLost)
		require.Zero(t, topic.Subscribers())
		_, err = topic.Subscribe(q, last)
		require.ErrorIs(t, err, hub.ErrHistoryLost)
	})
}

// liveMemory is the bytes of reachable objects.
func liveMemory() uint64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

var raceEnabled bool // set by race_test.go

// A gibibyte goes past readers that never read, one under each policy: memory
// stays under the sum of the bounds, no publisher waits, and those who read
// get all of it in order.
func TestStuckReaders(t *testing.T) {
	const size = 256 << 10
	total := 1 << 30 / size
	switch {
	case testing.Short():
		total /= 16
	case raceEnabled: // slow; every way through the code is taken many times all the same
		total /= 8
	}
	synctest.Test(t, func(t *testing.T) {
		topic := topic(t, hub.Config{Encode: hub.Numbered, History: hub.Limits{Bytes: 1 << 20}})
		before := liveMemory()
		var stuck []*sendqueue.Queue
		for policy := sendqueue.Block; policy <= sendqueue.ClosePeer; policy++ {
			q, _ := pair(t, &sendqueue.Config{Policy: policy, MaxBytes: 1 << 20})
			_, err := topic.Subscribe(q, hub.Live)
			require.NoError(t, err)
			stuck = append(stuck, q)
		}
		var received [2]atomic.Uint64
		for i := range received {
			q, peer := pair(t, nil)
			_, err := topic.Subscribe(q, hub.Live)
			require.NoError(t, err)
			go func() {
				for msg, err := range peer.Messages(t.Context()) {
					if err != nil {
						return
					}
					seq, data, _ := hub.ParseSequence(msg.Type, msg.Data)
					if seq != received[i].Load()+1 || len(data) != size {
						t.Errorf("%d after %d", seq, received[i].Load())
						return
					}
					received[i].Store(seq)
				}
			}()
		}
		// Each stuck one: its queue, the message being written, what it has
		// read of the log. The log, and the buffers of those who read.
		const bound = 4*(1<<20+2*size) + 1<<20 + 2<<20
		begun := time.Now()
		data := bytes.Repeat([]byte("x"), size)
		for i := range total {
			_, err := topic.Publish(conn.Text, data)
			require.NoError(t, err)
			require.Zero(t, time.Since(begun), "a publisher has waited")
			synctest.Wait() // those who read keep up
			if i%(total/16) == 0 {
				if now := liveMemory(); now > before+bound {
					t.Fatalf("after %d MiB, %d KiB are held, of %d", i*size>>20, (now-before)>>10, bound>>10)
				}
			}
		}
		for i := range received {
			require.EqualValues(t, total, received[i].Load())
		}
		for _, q := range stuck {
			require.LessOrEqual(t, q.Stats().MaxBytes, 1<<20+size+20)
			q.Conn().CloseNow()
		}
		topic.Close()
	})
}

// Bounds of the history: by count, by bytes, by age.
func TestHistory(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keep  hub.Limits
		first uint64
	}{
		{"none", hub.Limits{Messages: -1, Bytes: -1}, 1},
		{"messages", hub.Limits{Messages: 3}, 8},
		{"bytes", hub.Limits{Bytes: 50}, 6},
		{"age", hub.Limits{Age: 90 * time.Second}, 10},
		{"all gone", hub.Limits{Age: time.Second}, 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := hub.NewRing(1)
				topic := topic(t, hub.Config{Log: log, History: tt.keep})
				for range 10 {
					topic.Publish(conn.Binary, make([]byte, 10))
					time.Sleep(time.Minute)
				}
				q, _ := pair(t, nil)
				sub, err := topic.Subscribe(q, 10)
				require.NoError(t, err)
				sub.Close()
				first, last, err := log.Bounds()
				require.NoError(t, err)
				require.Equal(t, tt.first, first)
				require.EqualValues(t, 10, last)
				entries, err := log.Since(nil, first-1, 100, 1<<20)
				require.NoError(t, err)
				require.Len(t, entries, int(11-first))
				for i, e := range entries {
					require.Equal(t, first+uint64(i), e.Seq)
				}
				_, err = log.Since(nil, first-2, 100, 1<<20)
				if first > 1 {
					require.ErrorIs(t, err, hub.ErrHistoryLost)
				}
			})
		})
	}
	log := hub.NewRing(0)
	first, last, _ := log.Bounds()
	require.Equal(t, first, last+1)
	require.Greater(t, first, uint64(1_700_000_000_000_000), "microseconds, so that two processes differ")
	require.Error(t, log.Append(hub.Entry{Seq: 1}))
}

// brokenLog fails to append, as a log across a network can.
type brokenLog struct{ hub.Log }

var errBroken = errors.New("the disk is full")

func (brokenLog) Append(hub.Entry) error { return errBroken }

func TestLogFails(t *testing.T) {
	topic := topic(t, hub.Config{Log: brokenLog{hub.NewRing(1)}})
	q, _ := pair(t, nil)
	_, err := topic.Subscribe(q, hub.Live)
	require.NoError(t, err)
	seq, err := topic.Publish(conn.Text, []byte("x"))
	require.ErrorIs(t, err, errBroken)
	require.Zero(t, seq)
	require.Zero(t, topic.Last())
	require.Zero(t, q.Stats().Accepted)
}

// Subscriptions end with the queue's error, with the topic, and by Close while
// a replay waits for room; nothing is left running.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := topic(t, hub.Config{})
		q, _ := pair(t, nil)
		lost, err := topic.Subscribe(q, hub.Live)
		require.NoError(t, err)
		publish(t, topic, 1)
		q.Conn().CloseNow()
		synctest.Wait()
		publish(t, topic, 1)
		require.ErrorIs(t, lost.Err(), net.ErrClosed)
		<-lost.Done()

		publish(t, topic, 10)
		q, _ = pair(t, &sendqueue.Config{MaxMessages: 1})
		replaying, err := topic.Subscribe(q, 0)
		require.NoError(t, err)
		synctest.Wait()
		accepted := q.Stats().Accepted
		replaying.Close()
		replaying.Close()
		require.ErrorIs(t, replaying.Err(), hub.ErrClosed)
		require.Equal(t, accepted, q.Stats().Accepted)

		q, _ = pair(t, &sendqueue.Config{MaxMessages: 1})
		other, err := topic.Subscribe(q, 0)
		require.NoError(t, err)
		topic.Close()
		<-other.Done()
		require.ErrorIs(t, other.Err(), hub.ErrClosed)
		seq, err := topic.Publish(conn.Text, nil)
		require.ErrorIs(t, err, hub.ErrClosed)
		require.Zero(t, seq)
		_, err = topic.Subscribe(q, 0)
		require.ErrorIs(t, err, hub.ErrClosed)
	})
}

func TestTopicsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(func(name string) *hub.Config {
			if name == "broken" {
				return &hub.Config{Log: badBounds{}}
			}
			return &hub.Config{History: hub.Limits{Age: time.Minute}}
		})
		_, err := h.Topic("broken")
		require.ErrorIs(t, err, errBroken)
		a, err := h.Topic("a")
		require.NoError(t, err)
		again, _ := h.Topic("a")
		require.Same(t, a, again)
		b, _ := h.Topic("b")
		q, _ := pair(t, nil)
		sub, err := b.Subscribe(q, 0)
		require.NoError(t, err)
		publish(t, a, 1)
		require.Zero(t, h.DeleteIdle(), "a has history, b a subscriber")
		time.Sleep(2 * time.Minute)
		require.Equal(t, 1, h.DeleteIdle())
		_, ok := h.Lookup("a")
		require.False(t, ok)
		_, err = a.Publish(conn.Text, nil)
		require.ErrorIs(t, err, hub.ErrClosed)
		h.Delete("b")
		h.Delete("b")
		require.ErrorIs(t, sub.Err(), hub.ErrClosed)
	})
}

type badBounds struct{ hub.Log }

func (badBounds) Bounds() (uint64, uint64, error) { return 0, 0, errBroken }

func TestSequence(t *testing.T) {
	for _, typ := range []conn.MessageType{conn.Text, conn.Binary} {
		for _, seq := range []uint64{0, 1, 42, 1 << 53, 1<<64 - 1} {
			for _, data := range []string{"", "hello", " 7 "} {
				p := hub.Numbered([]byte("kept"), seq, typ, []byte(data))
				require.Equal(t, "kept", string(p[:4]))
				got, rest, err := hub.ParseSequence(typ, p[4:])
				require.NoError(t, err)
				require.Equal(t, seq, got)
				require.Equal(t, data, string(rest))
			}
		}
	}
	require.Equal(t, "42 x", string(hub.Numbered(nil, 42, conn.Text, []byte("x"))))
	require.Equal(t, "\x00\x00\x00\x00\x00\x00\x00\x2ax", string(hub.Numbered(nil, 42, conn.Binary, []byte("x"))))
	for _, bad := range []string{"", " ", "1", "x", "-1 x", "+1 x", "01 x", "00 x", "1x ", "18446744073709551616 x", strings.Repeat("1", 30) + " "} {
		_, _, err := hub.ParseSequence(conn.Text, []byte(bad))
		require.ErrorIs(t, err, hub.ErrSequence, "%q", bad)
	}
	_, _, err := hub.ParseSequence(conn.Binary, make([]byte, 7))
	require.ErrorIs(t, err, hub.ErrSequence)
}

// Each limit holds from its smallest value on.
func TestTrimToOne(t *testing.T) {
	begun := time.Now()
	for name, keep := range map[string]hub.Limits{
		"messages": {Messages: 1}, "bytes": {Bytes: 1}, "age": {Age: 1},
	} {
		ring := hub.NewRing(1)
		for i := range 2 {
			m, err := conn.Prepare(conn.Text, []byte("x"))
			require.NoError(t, err)
			require.NoError(t, ring.Append(hub.Entry{Seq: uint64(i + 1), Message: m, Time: begun.Add(time.Duration(2 * i))}))
		}
		require.NoError(t, ring.Trim(keep, begun.Add(2)))
		first, last, err := ring.Bounds()
		require.NoError(t, err)
		require.Equal(t, [2]uint64{2, 2}, [2]uint64{first, last}, name)
	}
}
