package sendqueue_test

import (
	"context"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// overTCP is a queue at a server, and the client, which reads when told to.
func overTCP(t *testing.T, cfg *sendqueue.Config) (*sendqueue.Queue, *conn.Conn) {
	accepted := make(chan *conn.Conn, 1)
	s := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		accepted <- ws
		<-ws.Done()
		return nil
	}))
	t.Cleanup(s.Close)
	peer, err := conn.Dial(t.Context(), s.URL, &conn.Config{MaxMessageSize: -1})
	require.NoError(t, err)
	ws := <-accepted
	t.Cleanup(func() { ws.CloseNow(); peer.CloseNow() })
	q, err := sendqueue.New(ws, cfg)
	require.NoError(t, err)
	return q, peer
}

// Direct sends at once for as long as the socket takes messages, queues when it
// doesn't, and keeps the order.
func TestDirect(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("TryWrite is for Unix systems")
	}
	ctx := t.Context()
	q, peer := overTCP(t, &sendqueue.Config{Policy: sendqueue.DropNewest, Direct: true, MaxMessages: 100})
	var results [3]int
	n := 0
	for results[sendqueue.Dropped] == 0 {
		p := strconv.Itoa(n) + " " + strings.Repeat(".", 1000)
		r, err := q.Send(ctx, conn.Text, []byte(p))
		require.NoError(t, err)
		if n == 0 {
			require.Equal(t, sendqueue.Sent, r)
			require.Zero(t, drains())
		}
		results[r]++
		n++
		balanced(t, q.Stats())
	}
	require.Greater(t, results[sendqueue.Sent], 10)
	require.GreaterOrEqual(t, results[sendqueue.Queued], 100)
	for want := range n - 1 { // all but the dropped one
		_, p, err := peer.ReadMessage(ctx)
		require.NoError(t, err)
		got, _, _ := strings.Cut(string(p), " ")
		require.Equal(t, strconv.Itoa(want), got)
	}
	require.NoError(t, q.Flush(ctx))
	r, err := q.Send(ctx, conn.Text, []byte("again"))
	require.NoError(t, err)
	require.Equal(t, sendqueue.Sent, r)
	r, err = q.Send(ctx, conn.Binary, make([]byte, 100<<10)) // too large to try
	require.NoError(t, err)
	require.Equal(t, sendqueue.Queued, r)
	for range 2 {
		_, _, err := peer.ReadMessage(ctx)
		require.NoError(t, err)
	}
	require.NoError(t, q.Flush(ctx))

	q.Conn().CloseNow()
	_, err = q.Send(ctx, conn.Text, nil)
	require.Error(t, err)
	q.Close(ctx)
	balanced(t, q.Stats())
}
