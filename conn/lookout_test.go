package conn

import (
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/handshake"
)

func isShared(l *lookout) bool {
	for i := range lookouts {
		if l == &lookouts[i] {
			return true
		}
	}
	return false
}

// Connections share a lookout, but not in a bubble, whose time is its own.
func TestLookoutOfBubble(t *testing.T) {
	require.True(t, isShared(anyLookout()))
	synctest.Test(t, func(t *testing.T) {
		require.False(t, isShared(anyLookout()))
		require.NotSame(t, anyLookout(), anyLookout())
	})
}

// Each connection of a lookout is looked at when it is due, and no more when it
// has ended.
func TestLookoutOfMany(t *testing.T) {
	const conns = 20
	synctest.Test(t, func(t *testing.T) {
		l := new(lookout)
		begun := time.Now()
		var all []*Conn
		pinged, want := make([]time.Duration, conns), make([]time.Duration, conns)
		for i := range conns {
			a, b := net.Pipe()
			ws := New(a, Server, handshake.Result{}, &Config{KeepaliveInterval: time.Minute, KeepaliveTimeout: time.Hour})
			ws.stopKeepalive()
			ws.alive.lookout = l
			l.add(ws)
			all, want[i] = append(all, ws), ws.alive.wait
			go ws.ReadMessage(t.Context())
			go func() {
				ping := make([]byte, 10)
				if _, err := io.ReadFull(b, ping); err == nil {
					pinged[i] = time.Since(begun)
				}
			}()
		}
		for i := range conns / 2 {
			all[i].CloseNow()
			want[i] = 0
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, want, pinged)
		for _, ws := range all {
			ws.CloseNow()
		}
		require.Empty(t, l.due)
		require.False(t, l.timer.Stop(), "nobody is left to look at")
	})
}

// Whatever comes and goes, each connection knows its place, and the first is due
// first.
func TestLookoutPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(lookout)
		var in []*Conn
		for range 1000 {
			switch at := rand.N(len(in) + 2); {
			case at >= len(in):
				c := new(Conn)
				c.alive.due = now() + rand.N(time.Hour)
				l.add(c)
				in = append(in, c)
			case rand.N(2) == 0:
				l.hurry(&in[at].alive)
			default:
				l.remove(in[at])
				l.remove(in[at])
				in = slices.Delete(in, at, at+1)
			}
			require.ElementsMatch(t, in, l.due)
			for i, c := range l.due {
				require.Equal(t, int32(i+1), c.alive.place)
				require.LessOrEqual(t, l.due[0].alive.due, c.alive.due)
			}
		}
		l.timer.Stop()
	})
}
