package reconnect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
)

// A feed of numbered messages. The server loses its first connection after
// three of them, and is asked for the rest.
func Example() {
	type message struct {
		N     uint64 `json:"n,omitempty"`
		Since uint64 `json:"since,omitempty"`
	}
	s := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		var ask message
		if err := ws.ReadJSON(ctx, &ask); err != nil {
			return err
		}
		for n := ask.Since + 1; n <= 5; n++ {
			if ask.Since == 0 && n == 4 {
				return ws.CloseNow() // a crash
			}
			if err := ws.WriteJSON(ctx, message{N: n}); err != nil {
				return err
			}
		}
		return nil // 1000: all is said
	}))
	defer s.Close()

	ctx := context.Background()
	client, err := reconnect.New(ctx, s.URL, &reconnect.Config{
		Backoff: reconnect.Backoff{Base: 10 * time.Millisecond}, // only so short for an example
		Identify: func(m conn.Message) reconnect.ID {
			var in message
			json.Unmarshal(m.Data, &in)
			return reconnect.ID{Seq: in.N}
		},
		OnConnect: func(ctx context.Context, ws *conn.Conn, resume *reconnect.Resume) error {
			fmt.Println("since", resume.Last("").Seq)
			return ws.WriteJSON(ctx, message{Since: resume.Last("").Seq})
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for msg, err := range client.Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Printf("%s\n", msg.Data)
	}
	// Output:
	// since 0
	// {"n":1}
	// {"n":2}
	// {"n":3}
	// since 3
	// {"n":4}
	// {"n":5}
	// reconnect: not worth another attempt: websocket: the peer closed the connection: code 1000
}
