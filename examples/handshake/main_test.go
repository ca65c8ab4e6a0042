package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestLesson(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(&out))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	for _, want := range []string{
		"GET /chat HTTP/1.1\nHost: example.com\n",
		"Sec-WebSocket-Protocol: superchat, chat\n",
		"SHA-1     b3 7a 4f 2c c0 62 4f 16 90 f6\n", // RFC 6455, section 1.3
		"base64    s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n",
		"HTTP/1.1 101 Switching Protocols\n",
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n",
		"agrees: subprotocol \"chat\"",
		"HTTP/1.1 426 ", "Sec-WebSocket-Version: 13\n",
		"HTTP/1.1 400 ",
		"HTTP/1.1 403 ",
	} {
		require.Contains(t, out.String(), want)
	}
}
