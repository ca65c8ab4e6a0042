package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The lesson as it prints, in fake time, with what is random left out.
func TestLesson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		begun := time.Now()
		require.NoError(t, run(&b))
		require.Less(t, time.Since(begun), 3*time.Second)
		out := b.String()
		for line := range strings.Lines(out) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, line)
		}
		require.NotContains(t, out, "\x1b")
		random := regexp.MustCompile(`(?m)^(?:[0-9a-f]{2} )+.*(masking key|payload, masked).*$`)
		out = random.ReplaceAllString(out, "<random> $1")
		out = regexp.MustCompile(`(?m)^\d+ms: `).ReplaceAllString(out, "<when>: ")
		for _, want := range []string{
			`<when>: server sends ping; bytes, meaning, section:
89                       FIN 1, RSV 000, opcode 9: ping                5.5.2
08                       MASK 0, length code 8                         5.2
00 00 00 00 00 00 00 01  payload: 8 bytes                              5.5
`,
			`<when>: client sends pong; bytes, meaning, section:
8a                       FIN 1, RSV 000, opcode A: pong                5.5.3
88                       MASK 1, length code 8                         5.2
<random> masking key
<random> payload, masked
00 00 00 00 00 00 00 01  unmasked: 8 bytes                             5.5
`,
			"the round trip took 40ms",
			"00 00 00 00 00 00 00 02  payload: 8 bytes                              5.5\n",
			"who      client b\nsilent   ",
			", of which 300ms after the ping\nlast RTT 40ms\ncode     1006 (abnormal closure): never on the wire",
			`<when>: server sends close; bytes, meaning, section:
88                       FIN 1, RSV 000, opcode 8: close               5.5.1
02                       MASK 0, length code 2                         5.2
03 e9                    payload: close code 1001 (going away)         7.4.1
<when>: client sends close; bytes, meaning, section:
`,
			"opened: 2, open: 0, cut: 0.",
		} {
			require.Contains(t, out, want)
		}
	})
}
