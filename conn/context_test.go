package conn_test

import (
	"context"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
)

// A context that lives on, such as the server's own, doesn't keep the
// connections that were read and written with it.
func TestContextOutlivesConn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := func() weak.Pointer[conn.Conn] {
		// A timer that was stopped stays in the runtime's heap for a while.
		ws, peer := raw(conn.Client, &conn.Config{KeepaliveInterval: -1})
		out := collect(peer)
		require.NoError(t, ws.WriteMessage(ctx, conn.Text, nil))
		go peer.Write(textTo(conn.Client, "x"))
		_, _, err := ws.ReadMessage(ctx)
		require.NoError(t, err)
		ws.CloseNow()
		<-out
		_, _, err = ws.ReadMessage(ctx)
		require.Error(t, err)
		return weak.Make(ws)
	}()
	for range 1000 { // goroutines that are about to end may still know it
		if runtime.GC(); ended.Value() == nil {
			return
		}
		runtime.Gosched()
	}
	require.True(t, ended.Value() == nil, "the Conn is still in memory")
}
