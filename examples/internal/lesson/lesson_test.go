package lesson

import (
	"bytes"
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
