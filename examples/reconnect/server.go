package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

const (
	interval = 50 * time.Millisecond // between messages
	early    = 10                    // messages that are published before the server listens
	ackDelay = 6 * interval          // longer than a client's pause between notes
)

// serve publishes the time on a topic whose log is a file.
func serve(ctx context.Context, out io.Writer, addr, file string) error {
	history, err := openLog(file)
	if err != nil {
		return err
	}
	defer history.Close()
	topic, err := hub.NewTopic(&hub.Config{Log: history, Encode: hub.Numbered})
	if err != nil {
		return err
	}
	publish := func(now time.Time) error {
		_, err := topic.Publish(conn.Text, now.AppendFormat(nil, time.RFC3339Nano))
		return err
	}
	for range early {
		if err := publish(time.Now()); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		return reconnect.ServeTopic(ctx, ws, topic, nil, func(q *sendqueue.Queue, m conn.Message) error {
			takeNote(ctx, q, m)
			return nil
		})
	})}
	defer server.Close()
	go server.Serve(l)
	fmt.Fprintf(out, "listens on %s with %d messages in its log\n", l.Addr(), history.size())

	every := time.NewTicker(interval)
	defer every.Stop()
	for {
		select {
		case now := <-every.C:
			if err := publish(now); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// takeNote acknowledges what a client posts, after the time that it might take
// to store it. A note can come twice, when it had no acknowledgement yet; a
// server that acts on notes would look at the ID.
func takeNote(ctx context.Context, q *sendqueue.Queue, m conn.Message) {
	id, ok := strings.CutPrefix(string(m.Data), "note ")
	if ok {
		time.AfterFunc(ackDelay, func() { q.Send(ctx, conn.Text, []byte("ack "+id)) })
	}
}
