//go:build !race

package conn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
)

// An idle connection keeps the stack of 2 KiB that its goroutine began with: the
// way from a handler into the kernel, in and out, is shallow enough for that,
// with whatever little it has to do for the peer.
func TestIdleStack(t *testing.T) {
	// The runtime otherwise begins goroutines with the stack that others needed.
	const setting = "GODEBUG=adaptivestackstart=0"
	if !slices.Contains(os.Environ(), setting) {
		// On a machine with much else to do, one attempt in some twenty finds
		// larger stacks. A way that is too deep makes them so in each.
		var out []byte
		err := errors.New("not run")
		for attempt := 0; attempt < 3 && err != nil; attempt++ {
			again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestIdleStack$")
			again.Env = append(os.Environ(), setting)
			out, err = again.CombinedOutput()
		}
		require.NoError(t, err, "%s", out)
		return
	}
	for name, echo := range map[string]func(context.Context, *conn.Conn) error{
		"Messages": bufferEcho, "ReadMessage": messageEcho,
	} {
		t.Run(name, func(t *testing.T) { idleStack(t, echo) })
	}
}

func idleStack(t *testing.T, echo func(context.Context, *conn.Conn) error) {
	const conns = 400
	served, begin, ended := make(chan *conn.Conn, 1), make(chan struct{}), make(chan error, conns)
	s := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		served <- ws
		<-begin
		err := echo(ctx, ws)
		ended <- err
		return err
	}))
	defer s.Close()
	client, server := make([]net.Conn, conns), make([]*conn.Conn, conns)
	for i := range conns {
		nc, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		require.NoError(t, err)
		defer nc.Close()
		client[i] = nc
		request(t, nc, []byte(strings.Join([]string{"GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""}, "\r\n")), 129)
		server[i] = <-served
	}
	stacks := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	before := stacks()
	close(begin)
	for i, nc := range client {
		for range 3 {
			request(t, nc, unhex(t, "81 85 00 00 00 00 48 65 6c 6c 6f"), 7)
			request(t, nc, unhex(t, "89 80 00 00 00 00"), 2) // a ping
		}
		pinged := make(chan error)
		go func() {
			_, err := server[i].Ping(t.Context())
			pinged <- err
		}()
		ping := make([]byte, 10)
		_, err := io.ReadFull(nc, ping)
		require.NoError(t, err)
		request(t, nc, append(unhex(t, "8a 88 00 00 00 00"), ping[2:]...), 0)
		require.NoError(t, <-pinged)
	}
	require.Less(t, int64(stacks()-before)/conns, int64(1<<10), "bytes of stack for each connection, above those that it began with")
	for i, ws := range server {
		client[i].Close()
		ws.CloseNow()
		<-ended
	}
}

// request writes and reads so many bytes of an answer.
func request(t *testing.T, nc net.Conn, b []byte, answer int) {
	_, err := nc.Write(b)
	require.NoError(t, err)
	_, err = io.ReadFull(nc, make([]byte, answer))
	require.NoError(t, err)
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

func messageEcho(ctx context.Context, ws *conn.Conn) error {
	for {
		typ, data, err := ws.ReadMessage(ctx)
		if err != nil {
			return err
		}
		if err := ws.WriteMessage(ctx, typ, data); err != nil {
			return err
		}
	}
}
