package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/handshake"
)

// quiet runs wscat on the real network, with an input that is over.
func quiet(t *testing.T, args ...string) result {
	t.Helper()
	return start(t.Context(), &env{stdin: strings.NewReader("")}, args)
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "give one URL, or -listen"},
		{[]string{"a", "b"}, "give one URL, or -listen"},
		{[]string{"-listen", ":0", "a"}, "not both"},
		{[]string{"-listen", ":0", "-reconnect"}, "are for clients"},
		{[]string{"-once", "a"}, "go with -listen"},
		{[]string{"-listen", ":0", "-cert", "x"}, "go together"},
		{[]string{"-max", "0", "a"}, "-max must be positive"},
		{[]string{"-origin", "a,b", "c"}, "one -origin"},
		{[]string{"ftp://a"}, "scheme"},
		{[]string{"-H", "nothing", "a"}, `write it as "Name: value"`},
		{[]string{"-H", "Upgrade: h2c", "a"}, "Upgrade"},
		{[]string{"-subprotocol", "a b", "c"}, "ubprotocol"},
		{[]string{"-nothing", "a"}, "not defined"},
	} {
		r := quiet(t, c.args...)
		require.Equal(t, exitUsage, r.code, c.args)
		require.Contains(t, r.err, c.want, c.args)
		require.Empty(t, r.out)
	}
	r := quiet(t, "-help")
	require.Equal(t, exitOK, r.code)
	require.Contains(t, r.err, "exit codes:")
}

// The flags arrive at the server, in whatever place they stand.
func TestHandshake(t *testing.T) {
	seen := make(chan http.Header, 1)
	s := &server{serve: echo, cfg: &conn.Config{
		Subprotocols:   []string{"chat.v2", "chat.v1"},
		OriginPatterns: []string{"https://app.example"},
		CheckRequest: func(r *handshake.Request) error {
			seen <- http.Header{"X-Key": r.Values("X-Key"), "Authorization": r.Values("Authorization"), "Origin": r.Values("Origin")}
			return nil
		},
	}}
	r := play(t, s, nil, "-H", "X-Key: a", "ws://u:secret@test", "-H", "x-key:b", "-subprotocol", "chat.v1,chat.v3", "-origin", "https://app.example")
	require.Equal(t, result{exitOK, "", "* connected to ws://u:xxxxx@test, subprotocol chat.v1\n* closed\n"}, r)
	require.Equal(t, http.Header{"X-Key": {"a", "b"}, "Authorization": {"Basic dTpzZWNyZXQ="}, "Origin": {"https://app.example"}}, <-seen)
}

func TestNoConnection(t *testing.T) {
	failing := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), &env{stdin: strings.NewReader(""), dial: failing}, []string{"test"})
		require.Equal(t, exitConnect, r.code)
		require.Contains(t, r.err, "no route")
	})
}

func TestRefused(t *testing.T) {
	s := &server{cfg: &conn.Config{CheckRequest: func(*handshake.Request) error {
		return &handshake.Error{Status: 401, Body: []byte("who are\x1b you?")}
	}}}
	r := play(t, s, nil, "test")
	require.Equal(t, exitRefused, r.code)
	require.Contains(t, r.err, "401")
	require.Contains(t, r.err, `the answer begins with "who are\x1b you?"`)
}

// A silent server ends with -timeout, and with Ctrl-C, also before the
// handshake is over.
func TestEnded(t *testing.T) {
	silent := func(context.Context, string, string) (net.Conn, error) {
		near, _ := conntest.Pipe(conntest.Link{})
		return near, nil
	}
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), &env{stdin: strings.NewReader(""), dial: silent}, []string{"test", "-timeout", "3s"})
		require.Equal(t, exitTimeout, r.code)
		require.Contains(t, r.err, "-timeout ran out")
	})
	for _, args := range [][]string{{"test"}, {"-reconnect", "test"}} {
		synctest.Test(t, func(t *testing.T) {
			code := make(chan error, 1)
			s := &server{serve: func(ctx context.Context, ws *conn.Conn) error {
				_, _, err := ws.ReadMessage(ctx)
				code <- err
				return err
			}}
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Minute, func() { cancel(errInterrupted) })
			r := start(ctx, &env{stdin: typing([]any{opened{}}), dial: s.dial}, args)
			require.Equal(t, result{exitInterrupted, "", "* connected to ws://test\nwscat: interrupted\n"}, r)
			var closed *conn.CloseError
			require.ErrorAs(t, <-code, &closed)
			require.False(t, closed.Local) // it was told, not cut
			require.NoError(t, closed.Err)
		})
	}
}

// Output that can't be written ends the program, and the connection properly.
func TestBrokenOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{serve: say(conn.Text, "hello")}
		r, w := io.Pipe()
		r.CloseWithError(errors.New("disk full"))
		var errs buffer
		input := typing([]any{opened{}})
		code := run(t.Context(), &env{stdin: input, stdout: w, stderr: &errs, dial: s.dial}, []string{"-q", "test"})
		require.Equal(t, exitLocal, code)
		require.Equal(t, "wscat: disk full\n", errs.String())
		input.(io.Closer).Close()
		settle()
	})
}

// Over TLS, traced or not: the certificate is checked unless -insecure says
// otherwise, and the server is asked for by its own name.
func TestTLS(t *testing.T) {
	hosts := make(chan string, 1)
	handler := conn.Handler(echo)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host
		handler.ServeHTTP(w, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	url := "wss" + strings.TrimPrefix(srv.URL, "https")
	for _, args := range [][]string{{url}, {url, "-trace"}} {
		r := quiet(t, args...)
		require.Equal(t, exitConnect, r.code)
		require.Contains(t, r.err, "certificate")
		input := strings.NewReader("over TLS\n")
		r = start(t.Context(), &env{stdin: input}, append(args, "-insecure"))
		require.Equal(t, exitOK, r.code, r.err)
		require.Equal(t, "over TLS\n", r.out)
		require.Equal(t, strings.TrimPrefix(srv.URL, "https://"), <-hosts)
	}
}
