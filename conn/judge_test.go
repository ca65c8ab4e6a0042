package conn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var judged = Config{KeepaliveInterval: 20 * time.Second, KeepaliveTimeout: 7 * time.Second}

// A look that comes late, because this process was paused or the machine was
// suspended, doesn't blame the peer: its answer may have come and not been
// read. The timeout begins anew, once for each question.
func TestKeepaliveLateLook(t *testing.T) {
	for late, want := range map[time.Duration]verdict{0: dead, tolerance: dead, tolerance + 1: alive, time.Hour: alive} {
		k := keepalive{wait: 18 * time.Second, lookout: new(lookout)}
		look := func(at time.Duration, t traffic) (verdict, time.Duration) {
			v, next := k.judge(&judged, at, t)
			k.due = at + next
			return v, next
		}
		k.clock.Store(1) // a read waits
		k.due = 18 * time.Second
		v, next := look(18*time.Second, traffic{})
		require.Equal(t, ask, v)
		require.Equal(t, judged.KeepaliveTimeout, next)
		k.pingLeft(nil)
		k.question.left = 18 * time.Second

		at := 25*time.Second + late
		v, next = look(at, traffic{})
		require.Equal(t, want, v, late)
		if v == dead {
			continue
		}
		require.Equal(t, judged.KeepaliveTimeout, next)
		v, _ = look(at+next+time.Hour, traffic{})
		require.Equal(t, dead, v, "held up again")
	}
}

// A look finds what the reader has noted, in whatever order the two meet: the
// reader either sees that it has to ask for a look, or the look that it waits.
func TestKeepaliveRecheck(t *testing.T) {
	k := keepalive{wait: 18 * time.Second, lookout: new(lookout)} // which has it no more
	k.clock.Store(2 * int64(5*time.Second))                       // a read was cut
	begun := now()
	v, next := k.judge(&judged, begun, traffic{})
	require.Equal(t, refresh, v)
	require.Equal(t, k.wait, next)
	require.True(t, k.recheck.Load(), "the next read asks for a look")
	k.waitBegin()
	require.False(t, k.recheck.Load())
	v, next = k.judge(&judged, begun+time.Second, traffic{})
	require.Equal(t, alive, v)
	require.InDelta(t, k.wait-6*time.Second, next, float64(time.Second))
}
