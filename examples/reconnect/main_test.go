package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
)

// TestMain lets the test's program be the server and the clients, as main does.
func TestMain(m *testing.M) {
	if slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-role=") }) {
		main()
		return
	}
	os.Exit(m.Run())
}

var (
	recovered = regexp.MustCompile(`client (\d) \| recovered (\d+) messages`)
	lost      = regexp.MustCompile(`client (\d) \| told that history is lost`)
	inAll     = regexp.MustCompile(`client (\d) \| in all (\d+) connections, (\d+) messages, each once and in order,`)
	ofThem    = regexp.MustCompile(`client (\d) \| (\d+) of them recovered; histories lost: (\d+)`)
	notes     = regexp.MustCompile(`client (\d) \| notes posted and acknowledged: (\d+), sent again: (\d+)`)
)

// The whole piece, with processes of their own.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, &out)
	t.Log(out.String())
	require.NoError(t, err)
	each := func(re *regexp.Regexp) map[string][]int {
		found := make(map[string][]int)
		for _, m := range re.FindAllStringSubmatch(out.String(), -1) {
			var numbers []int
			for _, s := range m[2:] {
				n, _ := strconv.Atoi(s)
				numbers = append(numbers, n)
			}
			if found[m[1]] == nil {
				found[m[1]] = append(numbers, -1)
			}
		}
		require.Len(t, found, clients, re.String())
		return found
	}
	for client, n := range each(recovered) {
		require.GreaterOrEqual(t, n[0], early, "client %s", client)
	}
	each(lost)
	of, posted := each(ofThem), each(notes)
	for client, n := range each(inAll) {
		require.GreaterOrEqual(t, n[0], 3, "connections of client %s", client)
		require.GreaterOrEqual(t, n[1], of[client][0], "messages of client %s", client)
		require.GreaterOrEqual(t, of[client][0], 2*early, "client %s", client)
		require.Equal(t, 1, of[client][1], "histories lost by client %s", client)
		require.Positive(t, posted[client][0], "notes of client %s", client)
		require.Positive(t, posted[client][1], "notes that client %s has sent again", client)
	}
	for _, frame := range []string{`unmasked: "since 0"  `, `unmasked: "since 1`, `payload: "lost 1`} {
		require.Contains(t, out.String(), frame)
	}
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 80, line)
	}
}

// A log is there again after its process has ended, but for a line that was
// cut; a new one has greater numbers.
func TestFileLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	publish := func(l *fileLog, text string) uint64 {
		topic, err := hub.NewTopic(&hub.Config{Log: l, Encode: hub.Numbered})
		require.NoError(t, err)
		seq, err := topic.Publish(conn.Text, []byte(text))
		require.NoError(t, err)
		return seq
	}
	l, err := openLog(name)
	require.NoError(t, err)
	first := publish(l, "a")
	require.Equal(t, first+1, publish(l, "b"))
	require.NoError(t, l.Close())

	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("17954200")
	require.NoError(t, err)
	require.NoError(t, f.Close())

	l, err = openLog(name)
	require.NoError(t, err)
	require.EqualValues(t, 2, l.size())
	require.Equal(t, first+2, publish(l, "c"))
	require.NoError(t, l.Close())
	l, err = openLog(name)
	require.NoError(t, err)
	require.EqualValues(t, 3, l.size())
	require.NoError(t, l.Close())

	require.NoError(t, os.Remove(name))
	l, err = openLog(name)
	require.NoError(t, err)
	require.Greater(t, publish(l, "A"), first+2)
	require.NoError(t, l.Close())

	require.NoError(t, os.WriteFile(name, []byte("no number\n"), 0o600))
	_, err = openLog(name)
	require.Error(t, err)
}
