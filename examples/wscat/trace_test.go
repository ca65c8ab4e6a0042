package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// secrets are the parts of a trace that are drawn at random.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^([0-9a-f]{2}[ 0-9a-f.]{21})(  (?:masking key|payload, masked))`),
	regexp.MustCompile(`(?m)^(Sec-WebSocket-(?:Key|Accept): )(.*)$`),
}

func withoutSecrets(trace string) string {
	trace = secrets[0].ReplaceAllStringFunc(trace, func(s string) string {
		return regexp.MustCompile(`[0-9a-f]{2}`).ReplaceAllString(s[:23], "??") + s[23:]
	})
	return secrets[1].ReplaceAllString(withoutSecretBits(trace), "${1}(drawn at random)")
}

// withoutSecretBits hides the masking key, and what it masks, in drawings. A
// drawing has two lines for each word: names, and bits.
func withoutSecretBits(trace string) string {
	var names []string
	masked := false
	lines := strings.Split(trace, "\n")
	for i, line := range lines {
		fields := strings.Split(line, "|")
		switch {
		case !strings.HasPrefix(line, "|"):
			names = nil
		case names == nil:
			names = fields
		default:
			if names[1] == "F" {
				masked = fields[6] == "1"
			}
			for j, name := range names {
				if strings.Contains(name, "Masking-key") || masked && strings.Contains(name, "Payload Data") {
					fields[j] = strings.NewReplacer("0", "?", "1", "?").Replace(fields[j])
				}
			}
			lines[i] = strings.Join(fields, "|")
		}
	}
	return strings.Join(lines, "\n")
}

// The trace of a conversation, with the times of the wire.
func TestTrace(t *testing.T) {
	r := play(t, &server{serve: echo}, []any{"Hello", time.Second, "/ping", "/hex 00 ff", time.Second, "/close 1001 enough", opened{}}, "-i", "-q", "-trace", "ws://test/echo")
	require.Equal(t, exitOK, r.code)
	require.Equal(t, "< Hello\n< binary, 2 bytes\n00000000  00 ff                                             |..|\n", r.out)
	for line := range strings.Lines(r.err) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 81, line)
	}
	golden(t, "trace.txt", withoutSecrets(r.err))
}

// A server's trace shows the same frames.
func TestTraceListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listening(t, "-q", "-trace", "-echo")
		ws := w.dial(t, nil)
		require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("Hello")))
		_, _, err := ws.ReadMessage(t.Context())
		require.NoError(t, err)
		require.NoError(t, ws.Close())
		r := w.interrupt()
		require.Equal(t, "Hello\n", r.out)
		golden(t, "trace-listen.txt", withoutSecrets(strings.TrimSuffix(r.err, "wscat: interrupted\n")))
	})
}

// With -compress on both sides the message is compressed on the wire, and
// without it on either side it is not.
func TestCompress(t *testing.T) {
	line := strings.Repeat("tick ", 100)
	for _, c := range []struct {
		server, client bool
		rsv            string
	}{{true, true, "RSV 100"}, {true, false, ""}, {false, true, ""}} {
		s := &server{serve: echo, cfg: &conn.Config{}}
		if c.server {
			s.cfg.Compression = &deflate.Options{}
		}
		args := []string{"-trace", "test"}
		if c.client {
			args = append(args, "-compress")
		}
		r := play(t, s, []any{line}, args...)
		require.Equal(t, line+"\n", r.out)
		require.Equal(t, c.rsv != "", strings.Contains(r.err, "RSV 100"), c)
	}
}
