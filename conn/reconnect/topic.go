package reconnect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/frame"
)

// A server's counterpart for one hub.Topic, in a form that is easy to speak
// from other languages. The client's first message is the Text "since N", N
// being the last number that it has, or 0. The server sends what comes after
// it in the form of hub.Numbered, and, where its history does not reach back,
// the Text "lost N" first: what follows comes after N. docs/reconnect.md has it
// for those who write a client.
const (
	askSince = "since "
	tellLost = "lost "
)

// TopicSince is a Config.OnConnect for a server that uses ServeTopic: it asks
// for what comes after the last message that was received, or for all the
// history that there is.
func TopicSince(ctx context.Context, ws *conn.Conn, resume *Resume) error {
	return ws.WriteMessage(ctx, conn.Text, strconv.AppendUint([]byte(askSince), resume.Last("").Seq, 10))
}

// TopicID is a Config.Identify for a server that uses ServeTopic, or sends
// messages in the form of hub.Numbered otherwise. hub.ParseSequence gives what
// stands behind the number. A message without one, such as an answer of the
// application, has the zero ID: it has to be Text, and begin neither with a
// number and a space nor with "lost ".
func TopicID(m conn.Message) ID {
	if seq, _, err := hub.ParseSequence(m.Type, m.Data); err == nil {
		return ID{Seq: seq}
	}
	if n, ok := parseWord(tellLost, m); ok {
		return ID{Seq: n, HistoryLost: true}
	}
	return ID{}
}

func parseWord(word string, m conn.Message) (uint64, bool) {
	digits, ok := bytes.CutPrefix(m.Data, []byte(word))
	if !ok || m.Type != conn.Text {
		return 0, false
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	return n, err == nil
}

// sinceTimeout bounds the wait for the client's first message.
const sinceTimeout = 10 * time.Second

var (
	errNoSince      = errors.New(`reconnect: ServeTopic: the client's first message is not "since N"`)
	errSinceTimeout = errors.New(`reconnect: ServeTopic: the client did not say "since N" within 10 seconds`)
)

// ServeTopic is the server's side of one connection of a Client that has
// TopicSince and TopicID: it sends the topic's messages from where the client
// left off, over restarts of the server too when the topic's Log lives on. The
// topic's Encode must be hub.Numbered, and its messages be published without
// Priority, by which one would overtake another's number.
//
// What else the client sends goes to receive, on the goroutine of ServeTopic,
// with the queue on which an answer can be sent; the message's Data is valid
// until receive returns. A nil receive ignores it. cfg configures the queue;
// under a policy that drops, the client gets gaps, and is told so.
//
// It returns when ctx or the connection ends, when the topic is closed, or
// with the error of receive. The connection is for the caller to close, as
// conn.Handler does; a client that says something else first is closed with
// 1008, so that it doesn't come back.
func ServeTopic(ctx context.Context, ws *conn.Conn, topic *hub.Topic, cfg *sendqueue.Config, receive func(q *sendqueue.Queue, m conn.Message) error) error {
	since, err := readSince(ctx, ws)
	if err != nil {
		return err
	}
	q, err := sendqueue.New(ws, cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		cancel(follow(ctx, topic, q, since))
	}()
	err = receiveAll(ctx, ws, q, receive)
	cancel(err)
	<-followed
	over, stop := context.WithCancel(context.Background())
	stop()
	q.Close(over) // what is left is in the topic's history
	return err
}

func readSince(ctx context.Context, ws *conn.Conn) (uint64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, sinceTimeout, errSinceTimeout)
	defer cancel()
	typ, p, err := ws.ReadMessage(ctx)
	if err != nil {
		return 0, err
	}
	since, ok := parseWord(askSince, conn.Message{Type: typ, Data: p})
	if !ok {
		ws.CloseWith(frame.StatusPolicyViolation, `the first message must be "since N"`)
		return 0, errNoSince
	}
	return since, nil
}

func receiveAll(ctx context.Context, ws *conn.Conn, q *sendqueue.Queue, receive func(*sendqueue.Queue, conn.Message) error) error {
	for msg, err := range ws.Messages(ctx) {
		if err == nil && receive != nil {
			err = receive(q, msg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow keeps q subscribed until ctx ends, and returns why it ended.
func follow(ctx context.Context, topic *hub.Topic, q *sendqueue.Queue, since uint64) error {
	for {
		sub, err := topic.Subscribe(q, since)
		var lost *hub.HistoryLostError
		if errors.As(err, &lost) {
			since = lost.First - 1
			if err := sayLost(ctx, q, since); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		select {
		case <-sub.Done():
		case <-ctx.Done():
		}
		err = sub.Err()
		sub.Close()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.Is(err, hub.ErrHistoryLost) {
			return fmt.Errorf("reconnect: ServeTopic: %w", err)
		}
		// The subscriber was so slow that the log has forgotten what came
		// next. It got something, so that 0, which can't be lost, is not
		// where it stood.
		since = max(since, 1)
	}
}

func sayLost(ctx context.Context, q *sendqueue.Queue, after uint64) error {
	m, err := conn.Prepare(conn.Text, strconv.AppendUint([]byte(tellLost), after, 10))
	if err != nil {
		return err
	}
	_, err = q.SendWait(ctx, sendqueue.Item{Message: m})
	return err
}
