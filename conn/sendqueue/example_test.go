package sendqueue_test

import (
	"context"
	"fmt"
	"net"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Prices of which only the latest counts: each symbol is a key.
func ExampleQueue_SendItem() {
	a, b := net.Pipe()
	ws := conn.New(a, conn.Server, handshake.Result{}, nil)
	peer := conn.New(b, conn.Client, handshake.Result{}, nil)
	defer ws.CloseNow()

	q, err := sendqueue.New(ws, &sendqueue.Config{Policy: sendqueue.DropOldest, MaxMessages: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for price := range 1000 { // the peer is not reading yet
		for _, symbol := range []string{"GOLD", "TIN"} {
			m, _ := conn.PrepareOwned(conn.Text, fmt.Appendf(nil, "%s %d", symbol, price))
			q.SendItem(ctx, sendqueue.Item{Message: m, Key: symbol})
		}
	}
	fmt.Println("at most a few wait:", q.Stats().Messages < 10)
	latest := map[string]bool{}
	for !latest["GOLD 999"] || !latest["TIN 999"] {
		_, p, _ := peer.ReadMessage(ctx)
		latest[string(p)] = true
	}
	q.Close(ctx)
	s := q.Stats()
	fmt.Println("accepted:", s.Accepted, "sent or coalesced:", s.Sent+s.Coalesced)
	// Output:
	// at most a few wait: true
	// accepted: 2000 sent or coalesced: 2000
}
