package hub_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// A client that has seen number 2 comes back.
func ExampleTopic_Subscribe() {
	ctx := context.Background()
	news, err := hub.NewTopic(&hub.Config{
		Log:     hub.NewRing(1), // numbers from 1; leave Log out for numbers that no earlier process gave
		History: hub.Limits{Messages: 3},
		Encode:  hub.Numbered,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, headline := range []string{"one", "two", "three", "four"} {
		news.Publish(conn.Text, []byte(headline))
	}

	a, b := net.Pipe()
	ws := conn.New(a, conn.Server, handshake.Result{}, nil)
	client := conn.New(b, conn.Client, handshake.Result{}, nil)
	defer ws.CloseNow()
	q, _ := sendqueue.New(ws, nil)
	sub, err := news.Subscribe(q, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()
	news.Publish(conn.Text, []byte("five"))
	for range 3 {
		typ, p, _ := client.ReadMessage(ctx)
		seq, headline, _ := hub.ParseSequence(typ, p)
		fmt.Printf("%d: %s\n", seq, headline)
	}

	_, err = news.Subscribe(q, 1)
	fmt.Println(errors.Is(err, hub.ErrHistoryLost), err)
	// Output:
	// 3: three
	// 4: four
	// 5: five
	// true hub: history asked for after number 1, but the first that is kept is 3
}
