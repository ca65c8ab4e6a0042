package lesson

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestNarrator(t *testing.T) {
	var b bytes.Buffer
	n := New(&b)
	n.Title("Title")
	n.Step("First %s", "step")
	n.Say("%s", strings.Repeat("wörd ", 40))
	n.Show("81 05\r\n48\n")
	n.Note("aside %d", 1)
	require.True(t, strings.HasPrefix(b.String(), "Title\n=====\n\n1. First step\nwörd "), b.String())
	require.True(t, strings.HasSuffix(b.String(), "wörd\n81 05\n48\naside 1\n"), b.String())
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), columns+1)
	}
	require.NotContains(t, b.String(), "\x1b")

	b.Reset()
	n.colour = true
	n.Note("aside")
	require.Equal(t, "\x1b[2maside\x1b[0m\n", b.String())
}

func TestHead(t *testing.T) {
	var b bytes.Buffer
	New(&b).Head("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Meaning{Line: "Host:", Says: "whom it asks", Section: "4.1"})
	require.Equal(t, "GET / HTTP/1.1\nHost: a"+strings.Repeat(" ", 45)+"whom it asks          4.1\n\n", b.String())
}

// There is colour on a terminal, unless NO_COLOR is set, and none in a file.
func TestColour(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no device to stand for a terminal")
	}
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	require.NoError(t, err)
	defer device.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "lesson"))
	require.NoError(t, err)
	defer file.Close()
	t.Setenv("NO_COLOR", "")
	require.True(t, New(device).colour)
	require.False(t, New(file).colour)
	t.Setenv("NO_COLOR", "1")
	require.False(t, New(device).colour)
}
