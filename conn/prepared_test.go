package conn_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

func pipePair(cfg *conn.Config) (client, server *conn.Conn) {
	a, b := net.Pipe()
	return conn.New(a, conn.Client, handshake.Result{}, cfg), conn.New(b, conn.Server, handshake.Result{}, cfg)
}

func TestPrepared(t *testing.T) {
	ctx := t.Context()
	client, server := pipePair(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	for _, size := range []int{0, 1, 126, 16 << 10, 1 << 20} {
		p := bytes.Repeat([]byte("x"), size)
		want := bytes.Clone(p)
		m, err := conn.Prepare(conn.Text, p)
		require.NoError(t, err)
		clear(p) // Prepare has copied it
		require.Equal(t, conn.Text, m.Type())
		for range 2 {
			for _, pair := range [][2]*conn.Conn{{client, server}, {server, client}} {
				sent := make(chan error, 1)
				go func() { sent <- pair[0].WritePrepared(ctx, m) }()
				typ, got, err := pair[1].ReadMessage(ctx)
				require.NoError(t, err)
				require.NoError(t, <-sent)
				require.Equal(t, conn.Text, typ)
				require.True(t, bytes.Equal(want, got), "size %d", size)
			}
		}
	}
	_, err := conn.Prepare(conn.Text, []byte{0xff})
	require.Error(t, err)
	_, err = conn.Prepare(9, nil)
	require.Error(t, err)
	require.NoError(t, server.CloseNow())
	m, err := conn.Prepare(conn.Binary, nil)
	require.NoError(t, err)
	require.ErrorIs(t, server.WritePrepared(ctx, m), net.ErrClosed)
}

func TestPreparedNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, size := range []int{100, 100 << 10} {
		ws, peer := raw(conn.Server, nil)
		go io.Copy(io.Discard, peer)
		m, err := conn.Prepare(conn.Binary, make([]byte, size))
		require.NoError(t, err)
		ctx := t.Context()
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if err := ws.WritePrepared(ctx, m); err != nil {
				panic(err)
			}
		}))
		ws.CloseNow()
	}
}

func TestJSON(t *testing.T) {
	ctx := t.Context()
	client, server := pipePair(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	go func() {
		client.WriteJSON(ctx, map[string]int{"a": 1})
		client.WriteMessage(ctx, conn.Binary, []byte(`{}`))
		client.WriteMessage(ctx, conn.Text, []byte(`{`))
		client.WriteJSON(ctx, []int{2})
	}()
	var m map[string]int
	require.NoError(t, server.ReadJSON(ctx, &m))
	require.Equal(t, map[string]int{"a": 1}, m)
	require.ErrorContains(t, server.ReadJSON(ctx, &m), "Binary")
	require.ErrorContains(t, server.ReadJSON(ctx, &m), "unexpected end of JSON")
	var s []int
	require.NoError(t, server.ReadJSON(ctx, &s))
	require.Equal(t, []int{2}, s)
	require.ErrorContains(t, client.WriteJSON(ctx, func() {}), "unsupported type")
	client.CloseNow()
	require.Error(t, server.ReadJSON(ctx, &s))
}
