package reconnect_test

import (
	"context"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
)

// After Close nothing holds a Client, on real sockets and with the keepalive
// on: no goroutine is left, and no timer or context that would call it, for
// then it could not be collected. The context of New goes on, as that of a
// program does.
func TestNothingLeft(t *testing.T) {
	s := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		for msg, err := range ws.Messages(ctx) {
			if err != nil {
				return err
			}
			if err := ws.WriteMessage(ctx, msg.Type, msg.Data); err != nil {
				return err
			}
		}
		return nil
	}))
	defer s.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refuses := "ws://" + gone.Addr().String()
	gone.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	before := runtime.NumGoroutine()
	var left []weak.Pointer[reconnect.Client]
	for range 20 {
		left = append(left,
			use(t, ctx, s.URL, reconnect.Open),
			use(t, ctx, refuses, reconnect.Waiting),
			use(t, ctx, s.URL, reconnect.Connecting),
		)
	}
	s.CloseClientConnections()
	s.Close() // the server's goroutines are not what is counted
	deadline := time.Now().Add(time.Minute)
	for held := len(left); held > 0 || runtime.NumGoroutine() > before; {
		require.True(t, time.Now().Before(deadline), "%d Clients are held; %d goroutines, and %d before", held, runtime.NumGoroutine(), before)
		runtime.Gosched()
		runtime.GC()
		held = 0
		for _, p := range left {
			if p.Value() != nil {
				held++
			}
		}
	}
}

// use makes a Client, closes it in the given phase, and forgets it.
func use(t *testing.T, ctx context.Context, url string, phase reconnect.Phase) weak.Pointer[reconnect.Client] {
	arrived := make(chan struct{})
	cfg := &reconnect.Config{Backoff: reconnect.Backoff{Base: time.Hour}}
	if phase == reconnect.Connecting {
		cfg.OnConnect = func(ctx context.Context, _ *conn.Conn, _ *reconnect.Resume) error {
			close(arrived)
			<-ctx.Done()
			return ctx.Err()
		}
	}
	client, err := reconnect.New(ctx, url, cfg)
	require.NoError(t, err)
	if phase == reconnect.Connecting {
		<-arrived
	} else {
		for st := range client.Watch(ctx) {
			if st.Phase == phase {
				break
			}
		}
	}
	if phase == reconnect.Open {
		_, err := client.Send(ctx, conn.Text, []byte("hello"))
		require.NoError(t, err)
		for msg, err := range client.Messages(ctx) {
			require.NoError(t, err)
			require.Equal(t, "hello", string(msg.Data))
			break
		}
	}
	require.NoError(t, client.Close(ctx))
	return weak.Make(client)
}
