package reconnect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
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
