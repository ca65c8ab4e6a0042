package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

func pipe(context.Context, string) (server, client *conn.Conn, err error) {
	a, b := net.Pipe()
	return conn.New(a, conn.Server, handshake.Result{}, nil), conn.New(b, conn.Client, handshake.Result{}, nil), nil
}

var line = regexp.MustCompile(`^(\S+) policy="(.*)" reader=(\w+) ticks=(\d+) queued=(\d+) sent=(\d+) dropped=(\d+) coalesced=(\d+) kernel=- oldest=(\S+)( state="(.*)")?$`)

// Ten seconds in fake time: each policy does to each reader what the package
// comment says.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10500*time.Millisecond)
		defer cancel()
		var out strings.Builder
		require.NoError(t, run(ctx, &out, pipe, 2000, plain))
		all := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		require.Len(t, all, 11*15+6, "a line a reader, each second and at the end, and the lesson")
		require.Equal(t, "block: nothing is lost, and all wait for the slowest reader: now the stuck one.", all[11*15])
		all = all[:11*15]
		last := map[string]row{}
		for _, l := range all[len(all)-15:] {
			m := line.FindStringSubmatch(l)
			require.NotNil(t, m, l)
			require.Equal(t, "10.5s", m[1])
			number := func(i int) int64 { n, _ := strconv.ParseInt(m[i], 10, 64); return n }
			age, err := time.ParseDuration(m[9])
			require.NoError(t, err)
			last[m[2]+" "+m[3]] = row{ticks: number(4), queued: int(number(5)), sent: number(6), dropped: number(7), coalesced: number(8), age: age, state: m[11]}
		}
		block := last["block stuck"]
		require.GreaterOrEqual(t, block.queued, queueMessages)
		require.Less(t, block.ticks, int64(2*queueMessages), "the ticker stands still")
		require.Equal(t, holdsUp, block.state)
		require.Empty(t, last["block fast"].state)
		require.LessOrEqual(t, last["block fast"].sent, block.ticks)

		for _, policy := range []string{"drop newest", "drop oldest", "coalesce", "close peer"} {
			r := last[policy+" fast"]
			require.Greater(t, r.ticks, int64(20_000), policy)
			require.LessOrEqual(t, r.ticks-r.sent, int64(2*20), policy) // of two ticks
			require.Zero(t, r.dropped, policy)
		}
		for _, policy := range []string{"drop newest", "drop oldest"} {
			r := last[policy+" slow"]
			require.Greater(t, r.dropped, int64(15_000), policy)
			require.InDelta(t, 2000, r.sent, 300, policy)
		}
		require.Greater(t, last["drop newest slow"].age, last["drop oldest slow"].age)
		require.Zero(t, last["coalesce slow"].dropped)
		require.Greater(t, last["coalesce slow"].coalesced, int64(15_000))
		require.LessOrEqual(t, last["coalesce stuck"].queued, symbols+128)
		for _, reader := range []string{slow, stuck} {
			require.Equal(t, closedByPolicy, last["close peer "+reader].state)
		}
	})
}

func TestTable(t *testing.T) {
	rows := []row{
		{policy: "block", reader: fast, ticks: 7, queued: 1, sent: 6, kernel: 100},
		{policy: "block", reader: stuck, ticks: 7, queued: 7, kernel: -1, age: 1500 * time.Millisecond, state: holdsUp},
		{policy: "drop newest", reader: slow, ticks: 123_456, dropped: 2, kernel: 37_256, age: time.Minute},
		{policy: "drop oldest", reader: slow, age: 20 * time.Millisecond},
		{policy: "coalesce", reader: slow, coalesced: 3},
	}
	want := strings.Join([]string{
		"Three readers under each policy, after 3s",
		"policy             queued      sent   dropped coalesced kernel oldest",
		"block        fast       1         6         0         0    100    0ms  ",
		"     7 ticks stuck      7         0         0         0      -   1.5s  awaited",
		"drop newest  slow       0         0         2         0    37k  60.0s  ",
		"drop oldest  slow       0         0         0         0      0   20ms  ",
		"coalesce     slow       0         0         0         3      0    0ms  ",
		"",
		"block: nothing is lost, and all wait for the slowest reader: now the stuck one.",
		"drop newest: what waits stays. The slow reader is sent prices 60.0s old.",
		"drop oldest: what is new pushes out what is old: there it is 20ms.",
		"coalesce: one place for each of 50 symbols, with its latest price. No drops.",
		"close peer: who lags is closed with 1008, to come back and load the state anew.",
		"kernel: bytes that no policy reaches any more; they get old there all the same.",
	}, clearLine+"\n") + clearLine
	require.Equal(t, want, painter(false).table(rows, 3*time.Second))
	require.Equal(t, want, colours.ReplaceAllString(painter(true).table(rows, 3*time.Second), ""), "colours change nothing else")
	require.Contains(t, painter(true).table(rows, 0), "\x1b[31m        2\x1b[0m")
}

var colours = regexp.MustCompile("\x1b\\[[0-9]*m")

// Hours later it still fits 24 lines of 80 columns.
func TestTableFits(t *testing.T) {
	var rows []row
	for _, policy := range []string{"block", "drop newest", "drop oldest", "coalesce", "close peer"} {
		for _, reader := range []string{fast, slow, stuck} {
			rows = append(rows, row{
				policy: policy, reader: reader, ticks: 864_000_000, queued: 999_999, sent: 864_000_000, dropped: 864_000_000,
				coalesced: 864_000_000, kernel: 64 << 20, age: 240 * time.Hour, state: holdsUp,
			})
		}
	}
	screen := strings.Split(strings.ReplaceAll(painter(false).table(rows, 240*time.Hour), clearLine, ""), "\n")
	require.LessOrEqual(t, len(screen), 24)
	for _, l := range screen {
		require.LessOrEqual(t, len(l), 80, l)
	}
	for d, want := range map[time.Duration]string{
		999 * time.Millisecond: "999ms", 99 * time.Second: "99.0s", 100 * time.Second: "1m", 99 * time.Minute: "99m", 100 * time.Minute: "1h",
	} {
		require.Equal(t, want, age(d))
	}
	for n, want := range map[int]string{-1: "-", 9999: "9999", 10_000: "10k", 9_999_999: "9999k", 10_000_000: "10M"} {
		require.Equal(t, want, amount(n))
	}
}

// Over loopback, as the command does it.
func TestLoopback(t *testing.T) {
	pairs, err := listen()
	require.NoError(t, err)
	defer pairs.Close()
	server, client, err := pairs.connect(t.Context(), slow)
	require.NoError(t, err)
	require.NoError(t, server.WriteMessage(t.Context(), conn.Text, []byte("SYM01 100.00")))
	_, p, err := client.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "SYM01 100.00", string(p))
	client.CloseNow()
}

func TestTerminal(t *testing.T) {
	for _, v := range []view{live, coloured} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var out strings.Builder
			require.NoError(t, run(ctx, &out, pipe, 1000, v))
			require.True(t, strings.HasPrefix(out.String(), hideCursor+clearScreen+home))
			require.True(t, strings.HasSuffix(out.String(), showCursor+"\n"))
			require.GreaterOrEqual(t, strings.Count(out.String(), home), 5)
			require.Equal(t, v == coloured, colours.MatchString(out.String()))
		})
	}
}

// What is no terminal gets neither a table nor colours.
func TestView(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	require.Equal(t, plain, viewFor(file))
	device, err := os.Open(os.DevNull) // a character device, as a terminal is
	require.NoError(t, err)
	defer device.Close()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	require.Equal(t, coloured, viewFor(device))
	t.Setenv("NO_COLOR", "1")
	require.Equal(t, live, viewFor(device))
	t.Setenv("TERM", "dumb")
	require.Equal(t, plain, viewFor(device))
}
