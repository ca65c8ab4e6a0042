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
	require.NoError(t, run(t.Context(), &out))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	squeezed := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"81 FIN 1, RSV 000, opcode 1: text 5.6 85 MASK 1, length code 5 5.2",                // a client's Hello
		"|F|R|R|R|opcode |M| Payload len | Masking-key | |1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|", // the same, drawn
		"05 MASK 0, length code 5 5.2 48 65 6c 6c 6f payload: \"Hello\" 5.6",                // a server's
		"7d MASK 0, length code 125 5.2",
		"00 7e extended length 126 5.2",
		"ff ff extended length 65535 5.2",
		"00 00 00 00 00 01 00 00 extended length 65536 5.2",
		"89 FIN 1, RSV 000, opcode 9: ping 5.5.2",
		"8a FIN 1, RSV 000, opcode A: pong 5.5.3",
		"The client read one message: \"Hello\".",
		"03 e8 unmasked: close code 1000 (normal closure) 7.4.1",
		"03 e8 payload: close code 1000 (normal closure) 7.4.1",
		"code 1000, reason \"that was all\"",
		"03 ea unmasked: close code 1002 (protocol error) 7.4.1",
		"masked frame from the server (RFC 6455, section 5.1; close code 1002)",
	} {
		require.Contains(t, squeezed, want)
	}
	require.NotContains(t, out.String(), "GET /")
}
