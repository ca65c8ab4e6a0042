package reconnect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
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

// identify reads "stream:number", "stream/event", "lost/stream/number", or none
// of them.
func identify(m conn.Message) reconnect.ID {
	s := string(m.Data)
	if lost, ok := strings.CutPrefix(s, "lost/"); ok {
		stream, n, _ := strings.Cut(lost, "/")
		seq, _ := strconv.ParseUint(n, 10, 64)
		return reconnect.ID{Stream: stream, Seq: seq, HistoryLost: true}
	}
	if stream, n, ok := strings.Cut(s, ":"); ok {
		seq, _ := strconv.ParseUint(n, 10, 64)
		return reconnect.ID{Stream: stream, Seq: seq}
	}
	if stream, event, ok := strings.Cut(s, "/"); ok {
		return reconnect.ID{Stream: stream, Event: event}
	}
	return reconnect.ID{}
}

// script is a server whose connections send the given messages, one list a
// connection, and is cut after each list but the last.
func script(lists ...string) *server {
	n := 0
	return newServer(func(ctx context.Context, ws *conn.Conn) {
		list := lists[n]
		n++
		for m := range strings.FieldsSeq(list) {
			if err := ws.WriteMessage(ctx, conn.Text, []byte(m)); err != nil {
				return
			}
		}
		if n == len(lists) {
			ws.CloseWith(1000, "that was all")
		}
	})
}

// received takes everything until the Client closes; gaps stand in brackets.
func received(t *testing.T, client *reconnect.Client) string {
	var got []string
	for msg, err := range client.Messages(t.Context()) {
		var gap *reconnect.GapError
		var closed *conn.CloseError
		switch {
		case errors.As(err, &gap) && gap.HistoryLost:
			got = append(got, fmt.Sprintf("[%s lost after %d, next %d]", gap.Stream, gap.After.Seq, gap.Next.Seq))
		case errors.As(err, &gap):
			got = append(got, fmt.Sprintf("[%s %d missed]", gap.Stream, gap.Missed()))
		case errors.As(err, &closed):
			require.Equal(t, "that was all", closed.Reason)
		default:
			require.NoError(t, err)
			require.Equal(t, identify(conn.Message{Data: msg.Data}), msg.ID)
			got = append(got, string(msg.Data))
		}
	}
	return strings.Join(got, " ")
}

func TestResume(t *testing.T) {
	type onConnect = func(r *reconnect.Resume)
	for _, tt := range []struct {
		name  string
		lists []string
		do    []onConnect // by connection
		from  []reconnect.ID
		asked string // what Streams said on each connection
		want  string
	}{
		{
			name:  "the server goes on where it was asked to",
			lists: []string{"a:1 a:2", "a:3"},
			asked: "[] [a:2]",
			want:  "a:1 a:2 a:3",
		}, {
			name:  "what is sent twice is dropped",
			lists: []string{"a:1 a:2 a:2", "a:1 a:2 a:3"},
			asked: "[] [a:2]",
			want:  "a:1 a:2 a:3",
		}, {
			name:  "the first message may have any number",
			lists: []string{"a:7 a:8"},
			asked: "[]",
			want:  "a:7 a:8",
		}, {
			name:  "a gap is told in its place",
			lists: []string{"a:1 a:2", "a:5 a:6 a:9"},
			asked: "[] [a:2]",
			want:  "a:1 a:2 [a 2 missed] a:5 a:6 [a 2 missed] a:9",
		}, {
			name:  "streams are apart",
			lists: []string{"a:1 b:7 a:2 b:8", "b:9 a:3 b:8 a:5"},
			asked: "[] [a:2 b:8]",
			want:  "a:1 b:7 a:2 b:8 b:9 a:3 [a 1 missed] a:5",
		}, {
			name:  "messages without a place",
			lists: []string{"hi a:1 hi", "hi a:1 a:2"},
			asked: "[] [a:1]",
			want:  "hi a:1 hi hi a:2",
		}, {
			name:  "events",
			lists: []string{"a/x a/y", "a/x a/y a/z b/z"},
			asked: "[] [a/y]",
			want:  "a/x a/y a/z b/z",
		}, {
			name:  "from an earlier run of the program",
			lists: []string{"a:3 a:4 b/x b/y"},
			from:  []reconnect.ID{{Stream: "a", Seq: 3}, {Stream: "b", Event: "x"}},
			asked: "[a:3 b/x]",
			want:  "a:4 b/y",
		}, {
			name:  "history lost, and the server counts anew",
			lists: []string{"a:1 a:2", "a:1 a:2"},
			do:    []onConnect{nil, func(r *reconnect.Resume) { r.HistoryLost(reconnect.ID{Stream: "a"}) }},
			asked: "[] [a:2]",
			want:  "a:1 a:2 [a lost after 2, next 1] a:1 a:2",
		}, {
			name:  "history lost up to a number",
			lists: []string{"a:1 a:2", "a:11 a:13"},
			do:    []onConnect{nil, func(r *reconnect.Resume) { r.HistoryLost(reconnect.ID{Stream: "a", Seq: 10}) }},
			asked: "[] [a:2]",
			want:  "a:1 a:2 [a lost after 2, next 11] a:11 [a 1 missed] a:13",
		}, {
			name:  "history lost, told in its place by the server",
			lists: []string{"a:1 a:2 lost/a/7 a:8 a:9", "a:9 a:10 lost/a/0 a:1 lost/e/0 e/x"},
			asked: "[] [a:9]",
			want:  "a:1 a:2 [a lost after 2, next 8] a:8 a:9 a:10 [a lost after 10, next 1] a:1 [e lost after 0, next 1] e/x",
		}, {
			name:  "lost before the first message: the server said where it begins",
			lists: []string{"", "a:6"},
			do:    []onConnect{func(r *reconnect.Resume) { r.StartAt(reconnect.ID{Stream: "a", Seq: 4}) }},
			asked: "[] [a:4]",
			want:  "[a 1 missed] a:6",
		}, {
			name:  "a stream that begins",
			lists: []string{"", "a:2"},
			do:    []onConnect{func(r *reconnect.Resume) { r.StartAt(reconnect.ID{Stream: "a"}) }},
			asked: "[] []",
			want:  "[a 1 missed] a:2",
		}, {
			name:  "the server starts beyond what was received",
			lists: []string{"a:1", "a:5"},
			do:    []onConnect{nil, func(r *reconnect.Resume) { r.StartAt(reconnect.ID{Stream: "a", Seq: 4}) }},
			asked: "[] [a:1]",
			want:  "a:1 [a 3 missed] a:5",
		}, {
			name:  "the server starts before what was received",
			lists: []string{"a:1 a:2 a:3", "a:2 a:3 a:4"},
			do:    []onConnect{nil, func(r *reconnect.Resume) { r.StartAt(reconnect.ID{Stream: "a", Seq: 1}) }},
			asked: "[] [a:3]",
			want:  "a:1 a:2 a:3 a:4",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				s := script(tt.lists...)
				var asked []string
				client := start(t, s, reconnect.Config{
					Identify: identify,
					Resume:   tt.from,
					OnConnect: func(_ context.Context, _ *conn.Conn, r *reconnect.Resume) error {
						var at []string
						for _, id := range r.Streams() {
							if id.Event != "" {
								at = append(at, id.Stream+"/"+id.Event)
							} else {
								at = append(at, fmt.Sprintf("%s:%d", id.Stream, id.Seq))
							}
							require.Equal(t, id, r.Last(id.Stream))
						}
						asked = append(asked, fmt.Sprint(at))
						require.Equal(t, len(asked), r.Connection)
						require.Equal(t, len(asked) > 1, r.Err != nil)
						if n := len(asked) - 1; n < len(tt.do) && tt.do[n] != nil {
							tt.do[n](r)
						}
						return nil
					},
				})
				require.Equal(t, tt.want, received(t, client))
				require.Equal(t, tt.asked, strings.Join(asked, " "))
			})
		})
	}
}

// What OnConnect has learned of lost history is told also when it fails after
// that, because the next attempt begins behind it.
func TestGapOfFailedOnConnect(t *testing.T) {
	play(t, func(t *testing.T) {
		s := script("a:1 a:2", "", "", "a:31")
		times := 0
		client := start(t, s, reconnect.Config{
			Identify: identify,
			OnConnect: func(_ context.Context, _ *conn.Conn, r *reconnect.Resume) error {
				switch times++; times {
				case 2:
					r.HistoryLost(reconnect.ID{Stream: "a", Seq: 10})
					return errors.New("cut before the rest was said")
				case 3:
					require.EqualValues(t, 10, r.Last("a").Seq)
					r.StartAt(reconnect.ID{Stream: "a", Seq: 30})
					return errors.New("and again")
				}
				return nil
			},
		})
		time.Sleep(time.Hour) // so that the gaps meet
		require.Equal(t, "a:1 a:2 [a lost after 2, next 31] a:31", received(t, client))
		require.EqualValues(t, 2, client.Stats().Gaps)
	})
}

// A name or an Event that is long closes the Client.
func TestLongName(t *testing.T) {
	long := strings.Repeat("x", 1024)
	for _, list := range []string{long + "x:1", long + "x/e", "a/" + long + "x", "lost/" + long + "x/7"} {
		play(t, func(t *testing.T) {
			client := start(t, script(list, ""), reconnect.Config{Identify: identify})
			<-client.Done()
			require.ErrorContains(t, client.Err(), "1024")
		})
	}
	play(t, func(t *testing.T) {
		list := long + ":1 a/" + long
		require.Equal(t, list, received(t, start(t, script(list), reconnect.Config{Identify: identify})))
	})
}

// A server cannot make the Client remember without bound.
func TestTooManyStreams(t *testing.T) {
	play(t, func(t *testing.T) {
		s := script("a:1 b:1 c:1", "")
		client := start(t, s, reconnect.Config{Identify: identify, MaxStreams: 2})
		<-client.Done()
		require.ErrorContains(t, client.Err(), "MaxStreams")
	})
	play(t, func(t *testing.T) {
		s := script("")
		client := start(t, s, reconnect.Config{MaxStreams: 1, OnConnect: func(_ context.Context, _ *conn.Conn, r *reconnect.Resume) error {
			r.StartAt(reconnect.ID{Stream: "a"})
			r.HistoryLost(reconnect.ID{Stream: "b"})
			return nil
		}})
		<-client.Done()
		require.ErrorContains(t, client.Err(), "MaxStreams")
	})
}

// Of 1,024 events each is known; the one before is forgotten.
func TestEventsForgotten(t *testing.T) {
	play(t, func(t *testing.T) {
		var list strings.Builder
		for n := range 1025 {
			fmt.Fprintf(&list, "a/%d ", n)
		}
		s := script(list.String() + "a/1 a/1024 a/0 a/1")
		client := start(t, s, reconnect.Config{Identify: identify})
		got := strings.Fields(received(t, client))
		// 1 and 1024 are known; 0 is forgotten, and its return makes 1 so.
		require.Equal(t, []string{"a/1024", "a/0", "a/1"}, got[1024:])
		require.EqualValues(t, 2, client.Stats().Duplicates)
	})
}

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
			ws.BufferMessage(conn.Text, fmt.Appendf(nil, "lost/a/%d", n))
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

// envelope is the form that the tests' messages with acknowledgements have.
type envelope struct {
	ID  string `json:"id,omitempty"`
	Ack string `json:"ack,omitempty"`
}

func ackOf(m conn.Message) (reconnect.Ack, bool) {
	var e envelope
	json.Unmarshal(m.Data, &e)
	return reconnect.Ack{ID: e.Ack, UpTo: true}, e.Ack != ""
}
