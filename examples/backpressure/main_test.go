package main

import (
	"context"
	"net"
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
		require.NoError(t, run(ctx, &out, pipe, 2000, false))
		all := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		require.Len(t, all, 11*15, "a line a reader, each second and at the end")
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
		require.Equal(t, "the ticker waits", block.state)
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
			require.Equal(t, "closed by the policy", last["close peer "+reader].state)
		}
	})
}

func TestTable(t *testing.T) {
	rows := []row{
		{policy: "block", reader: "fast", ticks: 7, queued: 1, sent: 6, kernel: "100"},
		{policy: "block", reader: "stuck", ticks: 7, queued: 7, kernel: "-", age: 1500 * time.Microsecond, state: "the ticker waits"},
		{policy: "coalesce", reader: "slow", ticks: 100, dropped: 2, coalesced: 3, kernel: "0"},
	}
	want := strings.Join([]string{
		"Three readers under each policy, after 3s",
		"policy           ticks  reader  queued      sent   dropped  coalesced  kernel    oldest",
		"block                7  fast         1         6         0          0     100        0s  ",
		"                        stuck        7         0         0          0       -       2ms  the ticker waits",
		"coalesce           100  slow         0         0         2          3       0        0s  ",
		"",
	}, clearLine+"\n")
	require.Equal(t, want, table(rows, 3*time.Second))
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
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var out strings.Builder
		require.NoError(t, run(ctx, &out, pipe, 1000, true))
		require.True(t, strings.HasPrefix(out.String(), clearScreen+home+"Three readers"))
		require.GreaterOrEqual(t, strings.Count(out.String(), home), 5)
	})
}
