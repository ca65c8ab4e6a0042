package conn_test

import (
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
)

func TestTryWrite(t *testing.T) {
	m, err := conn.Prepare(conn.Text, []byte("Hello"))
	require.NoError(t, err)
	piped, _ := raw(conn.Server, nil)
	ok, _, err := piped.TryWrite(m)
	require.NoError(t, err)
	require.False(t, ok, "a pipe can't be tried")

	if runtime.GOOS == "windows" {
		return
	}
	ws, err := conn.Dial(t.Context(), echoServer(t), nil)
	require.NoError(t, err)
	ok, whole, err := ws.TryWrite(m)
	require.NoError(t, err)
	require.True(t, ok && whole)
	_, p, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Hello", string(p))
	require.EqualValues(t, 1, ws.Stats().MessagesSent)

	require.NoError(t, ws.BufferMessage(conn.Text, []byte("before")))
	ok, _, err = ws.TryWrite(m)
	require.NoError(t, err)
	require.False(t, ok, "it would overtake what is buffered")
	require.NoError(t, ws.Flush(t.Context()))
	big, err := conn.Prepare(conn.Binary, make([]byte, 16<<10))
	require.NoError(t, err)
	ok, _, err = ws.TryWrite(big)
	require.NoError(t, err)
	require.False(t, ok, "it doesn't fit the buffer")
	require.EqualValues(t, 2, ws.Stats().MessagesSent)
	ws.CloseNow()
	_, _, err = ws.TryWrite(m)
	require.ErrorIs(t, err, net.ErrClosed)
}
