package sendqueue_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// A queue that refuses what doesn't fit, before a peer that doesn't read.
func ExampleNew() {
	server, client := conntest.Pair(&conntest.Options{Link: conntest.Link{Buffer: -1}}) // a write waits for the reader
	defer client.CloseNow()
	defer server.CloseNow()
	q, err := sendqueue.New(server, &sendqueue.Config{Policy: sendqueue.DropNewest, MaxMessages: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	var result sendqueue.Result
	for range 1000 {
		if result, err = q.Send(ctx, conn.Text, []byte("tick")); err != nil {
			fmt.Println(err)
			return
		}
	}
	s := q.Stats() // those that are being written wait, too
	fmt.Println(result, s.Messages < 200, s.Accepted+s.Refused)

	_, err = sendqueue.New(server, &sendqueue.Config{MaxBytes: -1})
	fmt.Println(err)
	// Output:
	// dropped true 1000
	// sendqueue: Config.MaxBytes is -1 and MaxMessages 0; they must be zero (for 1048576 and 1024) or positive
}

// Close returns what has not left, so that it can be kept.
func ExampleQueue_Close() {
	server, client := conntest.Pair(&conntest.Options{Link: conntest.Link{Buffer: -1}})
	defer client.CloseNow()
	defer server.CloseNow()
	q, err := sendqueue.New(server, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	q.Send(context.Background(), conn.Text, []byte("first"))
	q.Send(context.Background(), conn.Text, []byte("second"))
	gaveUp, cancel := context.WithCancel(context.Background())
	cancel()
	left, err := q.Close(gaveUp)
	fmt.Println(len(left) > 0, errors.Is(err, context.Canceled))
	// Output: true true
}
