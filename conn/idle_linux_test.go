//go:build !race

package conn_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// An idle connection keeps the stack of 2 KiB that its goroutine began with: the
// way from a handler into the kernel, in and out, is shallow enough for that.
func TestIdleStack(t *testing.T) {
	// The runtime otherwise begins goroutines with the stack that others needed.
	const setting = "GODEBUG=adaptivestackstart=0"
	if !slices.Contains(os.Environ(), setting) {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestIdleStack$")
		again.Env = append(os.Environ(), setting)
		out, err := again.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	const conns = 400
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	client, server := make([]net.Conn, conns), make([]*conn.Conn, conns)
	for i := range conns {
		client[i], err = net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		defer client[i].Close()
		nc, err := ln.Accept()
		require.NoError(t, err)
		server[i] = conn.New(nc, conn.Server, handshake.Result{}, nil)
		defer server[i].CloseNow()
	}
	stacks := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	before := stacks()
	ended := make(chan error, conns)
	for _, ws := range server {
		go func() { ended <- bufferEcho(context.Background(), ws) }()
	}
	for range 3 {
		for _, nc := range client {
			_, err := nc.Write(unhex(t, "81 85 00 00 00 00 48 65 6c 6c 6f"))
			require.NoError(t, err)
			_, err = io.ReadFull(nc, make([]byte, 7))
			require.NoError(t, err)
		}
	}
	require.Less(t, (stacks()-before)/conns, uint64(3<<10), "bytes of stack for each connection")
	for i, ws := range server {
		client[i].Close()
		ws.CloseNow()
		<-ended
	}
}

func bufferEcho(ctx context.Context, ws *conn.Conn) error {
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := ws.BufferMessage(msg.Type, msg.Data); err != nil {
			return err
		}
	}
	return nil
}
