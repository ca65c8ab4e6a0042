package reconnect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// Both sides ready: a topic of package hub, and a client that follows it over
// every loss.
func ExampleServeTopic() {
	ctx := context.Background()
	topic, err := hub.NewTopic(&hub.Config{Encode: hub.Numbered})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		return reconnect.ServeTopic(ctx, ws, topic, nil, func(q *sendqueue.Queue, m conn.Message) error {
			topic.Publish(m.Type, m.Data) // what a client says goes to all
			return nil
		})
	}))
	defer server.Close()

	client, err := reconnect.New(ctx, server.URL, &reconnect.Config{
		OnConnect: reconnect.TopicSince,
		Identify:  reconnect.TopicID,
	})
	if err != nil {
		log.Fatal(err)
	}
	client.Send(ctx, conn.Text, []byte("Hello"))
	for msg, err := range client.Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			break
		}
		_, data, _ := hub.ParseSequence(msg.Type, msg.Data)
		fmt.Printf("%s\n", data)
		break
	}
	fmt.Println(client.Close(ctx))
	// Output:
	// Hello
	// <nil>
}

// The bound of each delay doubles up to the cap; the delay itself is random
// below it.
func ExampleBackoff() {
	b := reconnect.Backoff{Base: time.Second, Cap: 10 * time.Second}
	for n := range 6 {
		fmt.Print(b.Bound(n), " ")
	}
	fmt.Println(b.Delay(2) < b.Bound(2))
	// Output: 1s 2s 4s 8s 10s 10s true
}

// Messages that are kept until the server has them: at least once.
func ExampleAck() {
	type message struct {
		ID  string `json:"id,omitempty"`
		Ack string `json:"ack,omitempty"`
	}
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		for {
			var m message
			if err := ws.ReadJSON(ctx, &m); err != nil {
				return err
			}
			if err := ws.WriteJSON(ctx, message{Ack: m.ID}); err != nil { // when it is stored
				return err
			}
		}
	}))
	defer server.Close()

	ctx := context.Background()
	client, err := reconnect.New(ctx, server.URL, &reconnect.Config{
		Ack: func(m conn.Message) (reconnect.Ack, bool) {
			var in message
			err := json.Unmarshal(m.Data, &in)
			return reconnect.Ack{ID: in.Ack}, err == nil && in.Ack != ""
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	client.SendItem(ctx, reconnect.Item{ID: "order 1", Type: conn.Text, Data: []byte(`{"id":"order 1"}`)})
	err = client.Close(ctx) // waits for the acknowledgement
	var unsent *reconnect.UnsentError
	fmt.Println(err, errors.As(err, &unsent))
	// Output: <nil> false
}

// States come in their order, and the latest is never missed.
func ExampleClient_Watch() {
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		return nil // 1000: all is said
	}))
	defer server.Close()
	ctx := context.Background()
	client, err := reconnect.New(ctx, server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	var last reconnect.State
	for last = range client.Watch(ctx) {
		// show it
	}
	fmt.Println(last.Phase)
	fmt.Println(client.Err())
	// Output:
	// closed
	// reconnect: not worth another attempt: websocket: the peer closed the connection: code 1000
}
