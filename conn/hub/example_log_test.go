package hub_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// Topics by name, each with a history of an hour.
func ExampleHub() {
	topics := hub.New(func(name string) *hub.Config {
		return &hub.Config{History: hub.Limits{Age: time.Hour}}
	})
	sport, err := topics.Topic("sport")
	if err != nil {
		fmt.Println(err)
		return
	}
	server, client := conntest.Pair(nil)
	defer server.CloseNow()
	q, _ := sendqueue.New(server, nil)
	sub, _ := sport.Subscribe(q, hub.Live) // only what comes from now on
	sport.Publish(conn.Text, []byte("2:1"))
	_, p, _ := client.ReadMessage(context.Background())
	fmt.Printf("%s\n", p)

	sub.Close()
	_, there := topics.Lookup("weather")
	fmt.Println(there)
	// Output:
	// 2:1
	// false
}

// A Ring is a Log in memory. A Log of your own that keeps the entries on a
// disk, or at a broker, has the same four methods.
func ExampleRing() {
	var history hub.Log = hub.NewRing(100)
	for i, text := range []string{"one", "two", "three"} {
		m, _ := conn.Prepare(conn.Text, []byte(text))
		history.Append(hub.Entry{Seq: 100 + uint64(i), Message: m})
	}
	history.Trim(hub.Limits{Messages: 2}, time.Now())
	fmt.Println(history.Bounds())
	entries, err := history.Since(nil, 101, 10, 1<<20)
	fmt.Printf("%s %v\n", entries[0].Message.Payload(), err)
	_, err = history.Since(nil, 99, 10, 1<<20)
	fmt.Println(err)
	// Output:
	// 101 102 <nil>
	// three <nil>
	// hub: the history doesn't reach back so far
}

// The form of a message with its number: digits before a text, eight bytes
// before binary data.
func ExampleNumbered() {
	fmt.Printf("%q\n", hub.Numbered(nil, 7, conn.Text, []byte("Hello")))
	fmt.Printf("% x\n", hub.Numbered(nil, 7, conn.Binary, []byte{0xff}))
	seq, data, err := hub.ParseSequence(conn.Text, []byte("7 Hello"))
	fmt.Println(seq, string(data), err)
	// Output:
	// "7 Hello"
	// 00 00 00 00 00 00 00 07 ff
	// 7 Hello <nil>
}

// Of messages with a key only the latest waits for a subscriber that is slow;
// one of low priority lets others overtake it.
func ExampleTopic_PublishMessage() {
	prices, err := hub.NewTopic(&hub.Config{Log: hub.NewRing(1), Encode: hub.Numbered})
	if err != nil {
		fmt.Println(err)
		return
	}
	prices.PublishMessage(hub.Message{Type: conn.Text, Data: []byte("TIN 21"), Key: "TIN"})
	seq, err := prices.PublishMessage(hub.Message{Type: conn.Text, Data: []byte("TIN 22"), Key: "TIN", Priority: sendqueue.Low})
	fmt.Println(seq, err)
	// Output: 2 <nil>
}
