package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
)

// latency is one way between wscat and the server of the tests.
const latency = 5 * time.Millisecond

// buffer is what a program has printed so far.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// result is what a run has left.
type result struct {
	code     int
	out, err string
}

// server is the other side of a test in fake time.
type server struct {
	cfg   *conn.Config
	serve func(ctx context.Context, ws *conn.Conn) error
}

// dial connects to the server, which closes as conn.Handler does.
func (s *server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := conntest.Pipe(conntest.Link{Latency: latency})
	go func() {
		ws, err := conn.Upgrade(context.WithoutCancel(ctx), far, s.cfg)
		if err != nil {
			return
		}
		if err := s.serve(context.Background(), ws); err == nil {
			ws.Close()
		}
		ws.CloseNow()
	}()
	return near, nil
}

// play runs wscat against a server, in fake time. The input is lines; a
// duration among them is a pause.
func play(t *testing.T, s *server, input []any, args ...string) (r result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r = start(t.Context(), &env{stdin: typing(input), dial: s.dial}, args)
	})
	return r
}

// start runs the program in e.
func start(ctx context.Context, e *env, args []string) result {
	var out, errs buffer
	e.stdout, e.stderr = &out, &errs
	code := run(ctx, e, args)
	if c, ok := e.stdin.(io.Closer); ok {
		c.Close() // ends the typist
	}
	if e.dial != nil {
		settle()
	}
	return result{code, out.String(), errs.String()}
}

// settle lets the other side come to its end, in fake time.
func settle() { time.Sleep(time.Hour) }

// typing returns a reader of lines that come with pauses. A trailing opened
// leaves it open.
func typing(input []any) io.Reader {
	r, w := io.Pipe()
	go func() {
		for _, step := range input {
			switch step := step.(type) {
			case time.Duration:
				time.Sleep(step)
			case string:
				io.WriteString(w, step+"\n")
			case opened:
				return
			}
		}
		w.Close()
	}()
	return r
}

type opened struct{}

// echo answers each message with itself.
func echo(ctx context.Context, ws *conn.Conn) error {
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := ws.WriteMessage(ctx, msg.Type, msg.Data); err != nil {
			return err
		}
	}
	return nil
}

// say sends messages and waits for the client to close.
func say(typ conn.MessageType, messages ...string) func(context.Context, *conn.Conn) error {
	return func(ctx context.Context, ws *conn.Conn) error {
		for _, m := range messages {
			if err := ws.WriteMessage(ctx, typ, []byte(m)); err != nil {
				return err
			}
		}
		for _, err := range ws.Messages(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func TestPipe(t *testing.T) {
	r := play(t, &server{serve: echo}, []any{"one", "", "two words"}, "ws://test/path")
	require.Equal(t, result{exitOK, "one\n\ntwo words\n", "* connected to ws://test/path\n* closed\n"}, r)
}

func TestQuestionAndAnswer(t *testing.T) {
	slow := &server{serve: func(ctx context.Context, ws *conn.Conn) error {
		_, question, err := ws.ReadMessage(ctx)
		if err != nil {
			return err
		}
		time.Sleep(20 * time.Second)
		for range 3 {
			if err := ws.WriteMessage(ctx, conn.Text, append(question, '!')); err != nil {
				return err
			}
		}
		_, _, err = ws.ReadMessage(ctx)
		return err
	}}
	t.Run("-n waits for the answer", func(t *testing.T) {
		r := play(t, slow, []any{"q"}, "-q", "-n", "2", "test")
		require.Equal(t, result{exitOK, "q!\nq!\n", ""}, r)
	})
	t.Run("-wait waits long enough", func(t *testing.T) {
		r := play(t, slow, []any{"q"}, "-q", "-wait", "21s", "test")
		require.Equal(t, result{exitOK, "q!\nq!\nq!\n", ""}, r)
	})
	t.Run("-wait is over too early", func(t *testing.T) {
		r := play(t, slow, []any{"q"}, "-q", "-wait", "1s", "test")
		require.Equal(t, "", r.out)
	})
	t.Run("-timeout", func(t *testing.T) {
		r := play(t, slow, []any{"q"}, "-n", "2", "-timeout", "10s", "test")
		require.Equal(t, result{exitTimeout, "", "* connected to ws://test\n" + "wscat: -timeout ran out\n"}, r)
	})
	t.Run("-wait negative waits for the peer", func(t *testing.T) {
		short := &server{serve: func(ctx context.Context, ws *conn.Conn) error {
			time.Sleep(time.Minute)
			return ws.WriteMessage(ctx, conn.Text, []byte("late"))
		}}
		r := play(t, short, nil, "-q", "-wait", "-1s", "test")
		require.Equal(t, result{exitOK, "late\n", ""}, r)
	})
}

func TestInteractive(t *testing.T) {
	got := make(chan string, 9)
	s := &server{serve: func(ctx context.Context, ws *conn.Conn) error {
		for msg, err := range ws.Messages(ctx) {
			if err != nil {
				got <- err.Error()
				return err
			}
			got <- msg.Type.String() + " " + string(msg.Data)
			if err := ws.WriteMessage(ctx, msg.Type, msg.Data); err != nil {
				return err
			}
		}
		return nil
	}}
	r := play(t, s, []any{"hello", time.Second, "//slash", time.Second, "/hex 00 01 41", time.Second, "/ping", "/hex 0", "/nothing", "/close 4001 enough of it", opened{}}, "-i", "-time", "test")
	require.Equal(t, "text hello", <-got)
	require.Equal(t, "text /slash", <-got)
	require.Equal(t, "binary \x00\x01A", <-got)
	require.Contains(t, <-got, "4001")
	require.Equal(t, exitOK, r.code)
	require.Equal(t, `10ms < hello
1.01s < /slash
2.01s < binary, 3 bytes
00000000  00 01 41                                          |..A|
`, r.out)
	require.Equal(t, `* connected to ws://test in 10ms (TCP 0s)
* pong after 10ms
* not hexadecimal digits, two for each byte: encoding/hex: odd length hex string
* /nothing is no command; /help lists them, and //nothing sends it
* received in 3.02s: 3 messages, 14 bytes
* closed
`, r.err)
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  conn.MessageType
		data string
		args []string
		want string
	}{
		{"text", conn.Text, "grüße", nil, "grüße\n"},
		{"JSON as it is", conn.Text, `{"a":[1,2]}`, nil, "{\"a\":[1,2]}\n"},
		{"JSON indented", conn.Text, `{"a":[1,2],"b":{}}`, []string{"-json"}, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}\n"},
		{"no JSON", conn.Text, "{a}", []string{"-json"}, "{a}\n"},
		{"binary", conn.Binary, "\x00\xffA", nil, "00 ff 41\n"},
		{"binary, raw", conn.Binary, "\x00\xffA", []string{"-raw"}, "\x00\xffA"},
		{"text, raw", conn.Text, "a", []string{"-raw", "-i", "-time"}, "a"},
		{"escapes to a pipe", conn.Text, "\x1b[2J", nil, "\x1b[2J\n"},
		{"escapes to a terminal", conn.Text, "\x1b[2J\r\u202e\tok", []string{"-i"}, "< \\x1b[2J\\r\\u202e\tok\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := play(t, &server{serve: say(c.typ, c.data)}, []any{opened{}}, append(c.args, "-n", "1", "-q", "test")...)
			require.Equal(t, result{exitOK, c.want, ""}, r)
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		input []any
		want  []string
		code  int
		err   string
	}{
		{"binary", []string{"-binary"}, []any{"ab"}, []string{"binary ab"}, exitOK, ""},
		{"hex", []string{"-hex"}, []any{"61 62", "63"}, []string{"binary ab", "binary c"}, exitOK, ""},
		{"whole", []string{"-whole"}, []any{"a", "b"}, []string{"text a\nb\n"}, exitOK, ""},
		{"commands are text in a pipe", nil, []any{"/ping"}, []string{"text /ping"}, exitOK, ""},
		{"bad hex", []string{"-hex"}, []any{"xy"}, nil, exitLocal, "wscat: not hexadecimal digits, two for each byte: encoding/hex: invalid byte: U+0078 'x'\n"},
		{"not UTF-8", nil, []any{"\xff"}, nil, exitLocal, "wscat: the input is not UTF-8, which text has to be; -binary sends any bytes\n"},
		{"long line", []string{"-max", "4"}, []any{"1234", "12345"}, []string{"text 1234"}, exitLocal, "wscat: a line of the input is longer than -max, 4 bytes\n"},
		{"long whole", []string{"-max", "4", "-whole"}, []any{"12345"}, nil, exitLocal, "wscat: the input is longer than -max, 4 bytes\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan string, 9)
			s := &server{serve: func(ctx context.Context, ws *conn.Conn) error {
				defer close(got)
				for msg, err := range ws.Messages(ctx) {
					if err != nil {
						return err
					}
					got <- msg.Type.String() + " " + string(msg.Data)
				}
				return nil
			}}
			r := play(t, s, c.input, append(c.args, "-q", "test")...)
			require.Equal(t, result{c.code, "", c.err}, r)
			var sent []string
			for m := range got {
				sent = append(sent, m)
			}
			require.Equal(t, c.want, sent)
		})
	}
}

func TestPings(t *testing.T) {
	r := play(t, &server{serve: echo}, []any{2500 * time.Millisecond}, "-ping", "1s", "test")
	require.Equal(t, result{exitOK, "", "* connected to ws://test\n* pong after 10ms\n* pong after 10ms\n* closed\n"}, r)
}

func TestClosedByThePeer(t *testing.T) {
	closing := func(code frame.CloseCode, reason string) *server {
		return &server{serve: func(_ context.Context, ws *conn.Conn) error { return ws.CloseWith(code, reason) }}
	}
	for _, c := range []struct {
		name string
		s    *server
		want result
	}{
		{"1000", closing(1000, "done"), result{exitOK, "", "* closed by the peer: 1000 (normal closure) \"done\"\n"}},
		{"no code", closing(1005, ""), result{exitOK, "", "* closed by the peer: 1005 (no status received) \"\"\n"}},
		{"1001", closing(1001, ""), result{exitClosed, "", "wscat: closed by the peer: 1001 (going away) \"\"\n"}},
		{"4001", closing(4001, "\x1b[2J"), result{exitClosed, "", "wscat: closed by the peer: 4001 \"\\x1b[2J\"\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.err = "* connected to ws://test\n" + c.want.err
			require.Equal(t, c.want, play(t, c.s, []any{opened{}}, "test"))
		})
	}
	t.Run("lost", func(t *testing.T) {
		cut := &server{serve: func(_ context.Context, ws *conn.Conn) error { return ws.CloseNow() }}
		r := play(t, cut, []any{opened{}}, "test")
		require.Equal(t, exitLost, r.code)
		require.Contains(t, r.err, "wscat: ")
	})
	t.Run("a rule broken", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			masking := func(ctx context.Context, _, _ string) (net.Conn, error) {
				near, far := conntest.Pipe(conntest.Link{})
				go func() {
					if _, err := conn.Upgrade(context.WithoutCancel(ctx), far, nil); err == nil {
						far.Write([]byte{0x81, 0x80, 1, 2, 3, 4}) // a server doesn't mask
						io.Copy(io.Discard, far)
					}
					far.Close()
				}()
				return near, nil
			}
			r := start(t.Context(), &env{stdin: typing([]any{opened{}}), dial: masking}, []string{"test"})
			require.Equal(t, exitLost, r.code)
			require.Contains(t, r.err, "masked frame from the server (RFC 6455, section 5.1")
		})
	})
}
