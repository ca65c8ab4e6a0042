package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the lesson into testdata")

// TestLesson compares the whole lesson, in which nothing is random.
func TestLesson(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(&out))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/lesson.txt", out.Bytes(), 0o644))
	}
	want, err := os.ReadFile("testdata/lesson.txt")
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
	for _, known := range []string{
		"SHA-1     b3 7a 4f 2c c0 62 4f 16 90 f6\n", // RFC 6455, section 1.3
		"base64    s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n",
		"HTTP/1.1 426 ", "HTTP/1.1 400 ", "HTTP/1.1 403 ",
	} {
		require.Contains(t, out.String(), known)
	}
}
