package fuzz

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/handshake"
)

// step is one thing that a server does: it sends a message of a stream, or says
// that the stream goes on behind n, or is gone.
type step struct {
	stream string
	n      uint64
	lost   bool
	cut    bool
}

// steps makes a script of bytes: a stream in the highest bit, and a number in
// the others.
func steps(data []byte) (script []step) {
	for i := 0; i < len(data) && len(script) < 100; i++ {
		s := step{stream: string('a' + rune(data[i]>>7)), n: uint64(data[i] & 0x7f)}
		switch {
		case s.n == 0:
			s.cut = true
		case s.n == 0x7f && i+1 < len(data):
			i++
			s.lost, s.n = true, uint64(data[i])
		}
		script = append(script, s)
	}
	return script
}

func (s step) String() string {
	if s.lost {
		return fmt.Sprintf("lost %s %d", s.stream, s.n)
	}
	return fmt.Sprintf("%s %d", s.stream, s.n)
}

func identifyStep(m conn.Message) reconnect.ID {
	text, lost := strings.CutPrefix(string(m.Data), "lost ")
	stream, digits, _ := strings.Cut(text, " ")
	n, _ := strconv.ParseUint(digits, 10, 64)
	return reconnect.ID{Stream: stream, Seq: n, HistoryLost: lost}
}

// turn is what Messages says: a number, or a gap before one.
type turn struct {
	stream      string
	n           uint64
	gap, lost   bool
	after, next uint64
}

// join makes one of gaps that meet. Whether the Client has done it depends on
// how fast its messages are taken.
func join(turns []turn) (joined []turn) {
next:
	for _, t := range turns {
		for i := len(joined) - 1; t.gap && i >= 0 && joined[i].gap; i-- {
			if g := &joined[i]; g.stream == t.stream {
				g.next, g.lost = t.next, g.lost || t.lost
				continue next
			}
		}
		joined = append(joined, t)
	}
	return joined
}

// expect says what should come of a script, in the plainest way.
func expect(script []step) (turns []turn) {
	had := make(map[string][]uint64) // since history was lost, with where that began
	for _, s := range script {
		old := had[s.stream]
		last := uint64(0)
		if len(old) > 0 {
			last = old[len(old)-1]
		}
		switch {
		case s.cut:
		case s.lost:
			turns = append(turns, turn{stream: s.stream, gap: true, lost: true, after: last, next: s.n + 1})
			had[s.stream] = []uint64{s.n}
		case len(old) > 0 && s.n <= last:
		default:
			if len(old) > 0 && s.n > last+1 {
				turns = append(turns, turn{stream: s.stream, gap: true, after: last, next: s.n})
			}
			turns = append(turns, turn{stream: s.stream, n: s.n})
			had[s.stream] = append(old, s.n)
		}
	}
	return turns
}

// FuzzResume plays a server that sends numbers in any order, loses history, and
// is gone at any time, without heeding what it is asked for. What the client's
// application sees is compared with a plain model.
func FuzzResume(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		script := steps(data)
		rest := make(chan []step, 1)
		rest <- script
		client, err := reconnect.New(context.Background(), "ws://server.test/", &reconnect.Config{
			Identify:      identifyStep,
			InboxMessages: 3,
			Backoff:       reconnect.Backoff{Base: time.Nanosecond, Cap: time.Nanosecond},
			Dial: func(context.Context, string, *conn.Config) (*conn.Conn, error) {
				near, far := net.Pipe()
				go serveSteps(far, rest)
				return conn.New(near, conn.Client, handshake.Result{}, nil), nil
			},
		})
		require.NoError(t, err)
		var got []turn
		for msg, err := range client.Messages(context.Background()) {
			var gap *reconnect.GapError
			switch {
			case errors.As(err, &gap):
				got = append(got, turn{stream: gap.Stream, gap: true, lost: gap.HistoryLost, after: gap.After.Seq, next: gap.Next.Seq})
			case err == nil:
				got = append(got, turn{stream: msg.ID.Stream, n: msg.ID.Seq})
			default:
				require.ErrorContains(t, err, "that was all")
			}
		}
		require.Equal(t, join(expect(script)), join(got))
	})
}

// serveSteps sends the script up to where the server is gone, and leaves the
// rest to the next connection.
func serveSteps(nc net.Conn, rest chan []step) {
	ws := conn.New(nc, conn.Server, handshake.Result{}, nil)
	defer ws.CloseNow()
	script := <-rest
	ctx := context.Background()
	for i, s := range script {
		if s.cut {
			rest <- script[i+1:]
			return
		}
		if ws.WriteMessage(ctx, conn.Text, []byte(s.String())) != nil {
			panic("the client has gone")
		}
	}
	ws.CloseWith(1000, "that was all")
}
