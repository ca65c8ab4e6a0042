package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
)

func entry(t *testing.T, seq uint64, text string) hub.Entry {
	t.Helper()
	m, err := conn.Prepare(conn.Text, fmt.Appendf(nil, "%d %s", seq, text))
	require.NoError(t, err)
	return hub.Entry{Seq: seq, Time: time.Date(2026, 1, 2, 3, 4, 5, int(seq), time.UTC), Message: m}
}

func lines(t *testing.T, h *history) []string {
	t.Helper()
	first, last, err := h.Bounds()
	require.NoError(t, err)
	entries, err := h.Since(nil, first-1, int(last+1-first), 1<<30)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, string(e.Message.Payload()))
	}
	return out
}

const two = "2026-01-02T03:04:05.000000007Z 7 seven\n2026-01-02T03:04:05.000000008Z 8 eight\n"

func TestHistoryInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	require.NoError(t, os.WriteFile(file, []byte(two+"2026-01-02T03:04:05.000000009Z 9 ni"), 0o600))
	h, err := openHistory(file)
	require.NoError(t, err)
	require.Equal(t, []string{"7 seven", "8 eight"}, lines(t, h))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, two, string(text), "the line without an end is cut off")

	require.NoError(t, h.Append(entry(t, 9, "nine")))
	require.ErrorIs(t, h.Append(entry(t, 10, "two\nlines")), errLine)
	require.NoError(t, h.Append(entry(t, 10, "ten")))
	require.NoError(t, h.Close())
	h, err = openHistory(file)
	require.NoError(t, err)
	defer h.Close()
	require.Equal(t, []string{"7 seven", "8 eight", "9 nine", "10 ten"}, lines(t, h))
	require.Contains(t, h.String(), "4 messages")
}

func TestHistoryIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"line 3": two + "nonsense\n",
		"line 2": "2026-01-02T03:04:05Z 7 seven\n2026-01-02T03:04:05Z 9 nine\n",
		"line 1": strings.Repeat("x", maxLine+1) + "\n",
	} {
		file := filepath.Join(t.TempDir(), "history")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := openHistory(file)
		require.ErrorContains(t, err, file+", "+name)
		after, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, text, string(after), "a file that isn't understood stays as it is")
	}
}

// The file doesn't grow for ever, and the numbers go on.
func TestHistoryIsWrittenAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	h, err := openHistory(file)
	require.NoError(t, err)
	h.Ring = hub.NewRing(1)
	limits := hub.Limits{Messages: 5}
	most := int64(0)
	for seq := uint64(1); seq <= 250; seq++ {
		require.NoError(t, h.Append(entry(t, seq, "text")))
		require.NoError(t, h.Trim(limits, time.Now()))
		require.LessOrEqual(t, h.lines, spareLines+2*limits.Messages)
		most = max(most, h.size)
	}
	require.NoError(t, h.Trim(hub.Limits{Age: time.Nanosecond}, time.Now()), "nothing is kept")
	require.NoError(t, h.Close())
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Less(t, info.Size(), most)

	h, err = openHistory(file)
	require.NoError(t, err)
	defer h.Close()
	_, last, err := h.Bounds()
	require.NoError(t, err)
	require.EqualValues(t, 250, last)
	rest, err := filepath.Glob(file + "*")
	require.NoError(t, err)
	require.Equal(t, []string{file}, rest)
}

// What can't be written is not in the history either.
func TestHistoryThatCannotBeWritten(t *testing.T) {
	h, err := openHistory(filepath.Join(t.TempDir(), "history"))
	require.NoError(t, err)
	h.Ring = hub.NewRing(1)
	require.NoError(t, h.Append(entry(t, 1, "one")))
	require.NoError(t, h.file.Close())
	require.ErrorIs(t, h.Append(entry(t, 2, "two")), os.ErrClosed)
	require.ErrorContains(t, h.Append(entry(t, 2, "two")), "can't be written any more")
	require.Equal(t, []string{"1 one"}, lines(t, h))
}
