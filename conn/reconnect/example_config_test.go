package reconnect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// The bounds of the delays; each delay is drawn evenly from below its bound.
func ExampleBackoff() {
	b := reconnect.Backoff{Base: 2 * time.Second, Cap: 20 * time.Second}
	for n := range 5 {
		fmt.Println(b.Bound(n), b.Delay(n) < b.Bound(n))
	}
	// Output:
	// 2s true
	// 4s true
	// 8s true
	// 16s true
	// 20s true
}

// A topic whose history outlives the server: the log would be a file or a
// broker. Neither side has any code of its own for what was missed.
func ExampleServeTopic() {
	history := hub.NewRing(1)
	start := func() *hub.Topic {
		topic, err := hub.NewTopic(&hub.Config{Log: history, Encode: hub.Numbered})
		if err != nil {
			log.Fatal(err)
		}
		return topic
	}
	topic := start()
	var serving atomic.Pointer[hub.Topic]
	serving.Store(topic)
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		return reconnect.ServeTopic(ctx, ws, serving.Load(), nil, nil)
	}))
	defer server.Close()

	ctx := context.Background()
	client, err := reconnect.New(ctx, server.URL, &reconnect.Config{
		OnConnect: reconnect.TopicSince,
		Identify:  reconnect.TopicID,
		Backoff:   reconnect.Backoff{Base: 10 * time.Millisecond}, // only so short for an example
	})
	if err != nil {
		log.Fatal(err)
	}
	topic.Publish(conn.Text, []byte("one"))
	topic.Publish(conn.Text, []byte("two"))
	for msg, err := range client.Messages(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		_, text, _ := hub.ParseSequence(msg.Type, msg.Data)
		fmt.Println(msg.ID.Seq, string(text))
		if msg.ID.Seq == 2 {
			old := topic
			topic = start()
			topic.Publish(conn.Text, []byte("three, while nobody was connected"))
			serving.Store(topic)
			old.Close() // ends the connections, as the end of the server would
		}
		if msg.ID.Seq == 3 {
			break
		}
	}
	fmt.Println("connections:", client.State().Connections)
	client.Close(ctx)
	// Output:
	// 1 one
	// 2 two
	// 3 three, while nobody was connected
	// connections: 2
}

// At least once: the server takes an order and is gone before it says so. The
// order is sent again on the next connection, and the server knows it by its
// ID.
func Example_atLeastOnce() {
	var taken sync.Map // would be a table of the server's database
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		for {
			_, order, err := ws.ReadMessage(ctx)
			if err != nil {
				return err
			}
			id, what, _ := strings.Cut(string(order), " ")
			if _, known := taken.LoadOrStore(id, true); !known {
				fmt.Println("server takes order", id+":", what)
				if id == "2" {
					return ws.CloseNow() // a crash
				}
			} else {
				fmt.Println("server has order", id, "already")
			}
			if err := ws.WriteMessage(ctx, conn.Text, []byte("taken "+id)); err != nil {
				return err
			}
		}
	}))
	defer server.Close()

	ctx := context.Background()
	client, err := reconnect.New(ctx, server.URL, &reconnect.Config{
		Backoff: reconnect.Backoff{Base: 10 * time.Millisecond}, // only so short for an example
		Ack: func(m conn.Message) (reconnect.Ack, bool) {
			id, ok := strings.CutPrefix(string(m.Data), "taken ")
			return reconnect.Ack{ID: id}, ok
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for i, what := range []string{"a pound of tea", "a teapot"} {
		id := fmt.Sprint(i + 1)
		order := reconnect.Item{Type: conn.Text, ID: id, Data: []byte(id + " " + what)}
		if _, err := client.SendItem(ctx, order); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("Close:", client.Close(ctx)) // waits for the acknowledgements
	// Output:
	// server takes order 1: a pound of tea
	// server takes order 2: a teapot
	// server has order 2 already
	// Close: <nil>
}

// noServer is a Config.Dial for examples of what happens offline.
func noServer(context.Context, string, *conn.Config) (*conn.Conn, error) {
	return nil, errors.New("no network")
}

// Offline the outbox fills. The place in it can be kept for the latest value of
// a key, and what doesn't fit gives way as the policy says. What is left at the
// end comes back.
func ExampleItem() {
	ctx := context.Background()
	client, err := reconnect.New(ctx, "ws://example.com/", &reconnect.Config{
		Dial:           noServer,
		Policy:         sendqueue.DropOldest,
		OutboxMessages: 3,
		Trace: &reconnect.Trace{
			Dropped: func(m reconnect.Item) { fmt.Printf("dropped: %s\n", m.Data) },
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range []reconnect.Item{
		{Data: []byte("hello")},
		{Data: []byte("cursor at 1"), Key: "cursor"},
		{Data: []byte("how are you?")},
		{Data: []byte("cursor at 2"), Key: "cursor"},
		{Data: []byte("anybody here?")},
	} {
		m.Type = conn.Text
		if _, err := client.SendItem(ctx, m); err != nil {
			log.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	var unsent *reconnect.UnsentError
	if errors.As(client.Close(ctx), &unsent) {
		for _, m := range unsent.Messages {
			fmt.Printf("unsent: %s\n", m.Data)
		}
	}
	// Output:
	// dropped: hello
	// unsent: cursor at 2
	// unsent: how are you?
	// unsent: anybody here?
}

// A server that does not speak our subprotocol won't tomorrow: another attempt
// is of no use.
func ExamplePermanent() {
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		_, _, err := ws.ReadMessage(ctx)
		return err
	}))
	defer server.Close()
	client, err := reconnect.New(context.Background(), server.URL, &reconnect.Config{
		Conn: &conn.Config{Subprotocols: []string{"ticker.v2"}},
		OnConnect: func(_ context.Context, ws *conn.Conn, _ *reconnect.Resume) error {
			if ws.Subprotocol() == "" {
				return reconnect.Permanent(errors.New("the server does not speak ticker.v2"))
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	<-client.Done()
	fmt.Println(client.Err())
	// Output:
	// reconnect: not worth another attempt: reconnect: OnConnect: the server does not speak ticker.v2
}

// An application with a close code of its own.
func ExampleDefaultFatal() {
	const banned = 4003
	fatal := func(err error) bool {
		var closed *conn.CloseError
		if errors.As(err, &closed) && closed.Code == banned {
			return true
		}
		return reconnect.DefaultFatal(err)
	}
	fmt.Println(fatal(&conn.CloseError{Code: banned}), reconnect.DefaultFatal(&conn.CloseError{Code: banned}))
	fmt.Println(fatal(&conn.CloseError{Code: 1008}), fatal(&conn.CloseError{Code: 1012}))
	// Output:
	// true false
	// true false
}

// The server says that it has forgotten what the client missed. Messages tells
// it in its place, and goes on.
func ExampleGapError() {
	history := hub.NewRing(1)
	topic, err := hub.NewTopic(&hub.Config{Log: history, History: hub.Limits{Messages: 2}, Encode: hub.Numbered})
	if err != nil {
		log.Fatal(err)
	}
	for n := range 9 {
		topic.Publish(conn.Text, fmt.Append(nil, "news ", n+1))
	}
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		return reconnect.ServeTopic(ctx, ws, topic, nil, nil)
	}))
	defer server.Close()

	ctx := context.Background()
	client, err := reconnect.New(ctx, server.URL, &reconnect.Config{
		OnConnect: reconnect.TopicSince,
		Identify:  reconnect.TopicID,
		Resume:    []reconnect.ID{{Seq: 4}}, // stored by an earlier run
	})
	if err != nil {
		log.Fatal(err)
	}
	for msg, err := range client.Messages(ctx) {
		var gap *reconnect.GapError
		if errors.As(err, &gap) {
			fmt.Printf("lost what came after %d; next is %d\n", gap.After.Seq, gap.Next.Seq)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", msg.Data)
		if msg.ID.Seq == 9 {
			break
		}
	}
	client.Close(ctx)
	// Output:
	// lost what came after 4; next is 8
	// 8 news 8
	// 9 news 9
}

// What the user interface shows.
func ExampleClient_Watch() {
	var up atomic.Bool
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		_, _, err := ws.ReadMessage(ctx)
		return err
	}))
	defer server.Close()
	ctx := context.Background()
	client, err := reconnect.New(ctx, server.URL, &reconnect.Config{
		Dial: func(ctx context.Context, url string, cfg *conn.Config) (*conn.Conn, error) {
			if !up.Load() {
				return nil, errors.New("no network")
			}
			return conn.Dial(ctx, url, cfg)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for s := range client.Watch(ctx) {
		switch s.Phase {
		case reconnect.Waiting:
			fmt.Println("waiting, because of:", s.Err)
			up.Store(true)
			client.Wake() // what tells us that the network is back calls this
		case reconnect.Open:
			fmt.Println("open, after", s.Attempts, "attempts")
			go client.Close(ctx)
		case reconnect.Closed:
			fmt.Println("closed:", s.Err)
		}
	}
	// Output:
	// waiting, because of: no network
	// open, after 2 attempts
	// closed: reconnect: the Client was closed: use of closed network connection
}
