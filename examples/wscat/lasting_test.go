package main

import (
	"context"
	"errors"
	"net"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
)

// The server is lost for a while; what is typed meanwhile arrives, and the
// peer's last word ends the program.
func TestReconnect(t *testing.T) {
	var dials int
	s := &server{serve: func(ctx context.Context, ws *conn.Conn) error {
		for range 2 {
			typ, data, err := ws.ReadMessage(ctx)
			if err != nil {
				return err
			}
			if string(data) == "cut" {
				return ws.CloseNow()
			}
			if err := ws.WriteMessage(ctx, typ, data); err != nil {
				return err
			}
		}
		return nil
	}}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials++; dials == 2 {
			return nil, errors.New("no route")
		}
		return s.dial(ctx, network, addr)
	}
	synctest.Test(t, func(t *testing.T) {
		input := typing([]any{"one", time.Second, "cut", time.Second, "two", "three", opened{}})
		r := start(t.Context(), &env{stdin: input, dial: dial}, []string{"-reconnect", "-ping", "1h", "test"})
		require.Equal(t, exitOK, r.code)
		require.Equal(t, "one\ntwo\nthree\n", r.out)
		delays := regexp.MustCompile(` in [0-9.]+[µm]?s\n`).ReplaceAllString(r.err, " in (random)\n")
		require.Regexp(t, `^\* connected to ws://test
\* .*; attempt 2 in \(random\)
\* .*no route; attempt 3 in \(random\)
\* connected to ws://test
\* closed by the peer: 1000 .*
$`, delays)
		require.Equal(t, 3, dials)
	})
}

// The end of the input flushes and closes; -trace, -time and commands work.
func TestReconnectClose(t *testing.T) {
	r := play(t, &server{serve: echo}, []any{"one", time.Second, "/ping", time.Second}, "-reconnect", "-i", "-time", "test")
	require.Equal(t, result{exitOK, "10ms < one\n", "* connected to ws://test in 10ms (TCP 0s)\n* pong after 10ms\n* received in 2s: 1 messages, 3 bytes\n* closed\n"}, r)
}

// What could not be sent is told.
func TestReconnectUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
		r := start(t.Context(), &env{stdin: typing([]any{"one", "two"}), dial: failing}, []string{"-reconnect", "-timeout", "1m", "test"})
		require.Equal(t, exitTimeout, r.code)
		require.Contains(t, r.err, "* 2 messages of the input were not sent\n")
	})
}
