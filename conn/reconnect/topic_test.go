package reconnect_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

func newTopic(t *testing.T, log hub.Log, keep int) *hub.Topic {
	topic, err := hub.NewTopic(&hub.Config{Log: log, History: hub.Limits{Messages: keep}, Encode: hub.Numbered})
	require.NoError(t, err)
	return topic
}

func publish(t *testing.T, topic *hub.Topic, messages ...string) {
	for _, m := range messages {
		_, err := topic.Publish(conn.Text, []byte(m))
		require.NoError(t, err)
	}
}

// want takes n turns of Messages: messages, and gaps in brackets.
func want(t *testing.T, client *reconnect.Client, turns ...string) {
	t.Helper()
	var got []string
	for msg, err := range client.Messages(t.Context()) {
		var gap *reconnect.GapError
		switch {
		case errors.As(err, &gap):
			got = append(got, gap.Error())
		default:
			require.NoError(t, err)
			got = append(got, string(msg.Data))
		}
		if len(got) == len(turns) {
			break
		}
	}
	require.Equal(t, turns, got)
}

// A client of a topic goes on after a restart of the server where the log
// lives on, and is told when it doesn't.
func TestServeTopic(t *testing.T) {
	play(t, func(t *testing.T) {
		log := hub.NewRing(1)
		topic := newTopic(t, log, 3)
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			reconnect.ServeTopic(ctx, ws, topic, nil, func(q *sendqueue.Queue, m conn.Message) error {
				_, err := q.Send(ctx, conn.Text, append([]byte("echo "), m.Data...))
				return err
			})
		})
		publish(t, topic, "a", "b")
		client := start(t, s, reconnect.Config{Identify: reconnect.TopicID, OnConnect: reconnect.TopicSince})
		want(t, client, "1 a", "2 b")
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("x")))
		want(t, client, "echo x")

		// The log lives on.
		s.kill()
		topic.Close()
		topic = newTopic(t, log, 3)
		publish(t, topic, "c", "d")
		s.up()
		want(t, client, "3 c", "4 d")

		// The history is too short.
		s.kill()
		publish(t, topic, "e", "f", "g", "h")
		s.up()
		want(t, client, "reconnect: history lost: the server no longer has what came after message 4; load the data anew", "6 f", "7 g", "8 h")

		// Nothing was missed.
		s.kill()
		s.up()
		time.Sleep(time.Minute)
		publish(t, topic, "i")
		want(t, client, "9 i")

		// The log is gone, and the numbers begin anew, below the client's.
		s.kill()
		topic.Close()
		topic = newTopic(t, hub.NewRing(1), 3)
		publish(t, topic, "A")
		s.up()
		want(t, client, "reconnect: history lost: the server no longer has what came after message 9; load the data anew", "1 A")
		require.EqualValues(t, 2, client.Stats().Gaps)
		require.Zero(t, client.Stats().Duplicates)

		// A topic that is closed ends its connections, which are tried again.
		topic.Close()
		synctest.Wait()
		require.Equal(t, reconnect.Waiting, client.State().Phase)
	})
}

// A subscriber so slow that the history passes it by is told so, and goes on.
func TestServeTopicTooSlow(t *testing.T) {
	play(t, func(t *testing.T) {
		topic := newTopic(t, hub.NewRing(1), 2)
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			reconnect.ServeTopic(ctx, ws, topic, &sendqueue.Config{MaxMessages: 2}, nil)
		})
		client := start(t, s, reconnect.Config{Identify: reconnect.TopicID, OnConnect: reconnect.TopicSince, InboxMessages: 1})
		synctest.Wait()
		const count = 5000
		for range count {
			publish(t, topic, "x")
			synctest.Wait()
		}
		var last, missed uint64
		for msg, err := range client.Messages(t.Context()) {
			var gap *reconnect.GapError
			switch {
			case errors.As(err, &gap):
				require.True(t, gap.HistoryLost)
				require.Equal(t, last, gap.After.Seq)
				missed += gap.Next.Seq - 1 - last
				last = gap.Next.Seq - 1
			default:
				require.NoError(t, err)
				last++
				require.Equal(t, last, msg.ID.Seq)
			}
			if last == count {
				break
			}
		}
		require.Positive(t, missed)
		require.Equal(t, 1, client.State().Connections)
	})
}

// A client that speaks otherwise is sent away for good, and one that says
// nothing does not stay.
func TestServeTopicStranger(t *testing.T) {
	play(t, func(t *testing.T) {
		errs := make(chan error, 1)
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			errs <- reconnect.ServeTopic(ctx, ws, newTopic(t, hub.NewRing(1), 2), nil, nil)
		})
		client := start(t, s, reconnect.Config{})
		require.ErrorContains(t, <-errs, "10 seconds")
		synctest.Wait() // the client knows, so that the message waits
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("hello")))
		require.ErrorContains(t, <-errs, `not "since N"`)
		<-client.Done()
		require.ErrorContains(t, client.Err(), "1008")
	})
}
