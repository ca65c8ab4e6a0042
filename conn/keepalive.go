package conn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
)

// KeepaliveError says that the peer was silent for too long. It is the Err of
// the [*CloseError] that every call then returns.
type KeepaliveError struct {
	Peer    string        // the role and the address of the peer
	Silence time.Duration // how long reads have waited since the last byte
	RTT     time.Duration // the last round trip; zero when there was none
	Stuck   bool          // the ping could not leave, because nothing written before it did
	Closing bool          // no ping was sent, because this side had sent its Close frame
}

func (e *KeepaliveError) Error() string {
	asked := "and did not answer a ping within Config.KeepaliveTimeout"
	switch {
	case e.Stuck:
		asked = "and takes no data, not even a ping"
	case e.Closing:
		asked = "and did not answer the Close frame"
	}
	rtt := "no round trip was measured before"
	if e.RTT > 0 {
		rtt = fmt.Sprintf("its last round trip took %v", e.RTT)
	}
	return fmt.Sprintf("websocket: the %s was silent for %v %s; %s", e.Peer, e.Silence.Round(time.Microsecond), asked, rtt)
}

// Timeout reports true, for those who ask a net.Error.
func (*KeepaliveError) Timeout() bool { return true }

// keepalive finds a dead peer (RFC 6455, section 5.5.2). It keeps a clock of
// silence, which runs while a read waits for bytes, stands still while none
// does, and goes back to zero with every byte. So nobody is blamed while this
// side isn't reading.
//
// A lookout looks at that clock about once an interval, whatever the traffic:
// no message costs a timer operation.
type keepalive struct {
	lookout *lookout     // nil: off
	clock   atomic.Int64 // of silence, see silence; the reader alone sets it
	recheck atomic.Bool  // the next read that waits asks for a look

	// What follows is guarded by lookout.mu.
	place    int32         // among those that the lookout looks at; zero: it doesn't
	due      time.Duration // moment of the next look
	wait     time.Duration // interval less a random part, drawn anew for every silence
	received int64         // bytes, at the last look
	question *question     // nil unless a ping is out, or on its way out
}

// question is a ping of the keepalive's that no byte has answered yet. Times
// are those of the clock of silence.
type question struct {
	asked   time.Duration // from which the timeout counts
	left    time.Duration // when the ping left; notLeft before, unaskable after Close
	excused bool          // the timeout has begun anew once, because we were held up
	sent    int64         // bytes, at the last look
}

// traffic counts bytes.
type traffic struct{ received, sent int64 }

// verdict is what a look at the clock leads to.
type verdict uint8

const (
	alive   verdict = iota
	ask             // send a ping, and expect a byte
	refresh         // send a ping for the middleboxes, and expect nothing
	dead
)

const (
	notLeft   = -1
	unaskable = -2

	// tolerance is how late a timer may be before we take it that this
	// process was held up, and with it the reading of what the peer sent.
	tolerance = time.Second
)

func (c *Conn) startKeepalive() {
	k := &c.alive
	interval := c.cfg.keepaliveInterval()
	if interval == 0 {
		return
	}
	k.draw(interval)
	k.due = now() + k.wait
	k.lookout = anyLookout()
	k.lookout.add(c)
}

func (c *Conn) stopKeepalive() {
	if l := c.alive.lookout; l != nil {
		l.remove(c)
	}
}

// draw shortens the interval by up to a quarter, so that connections that
// began together don't ping together.
func (k *keepalive) draw(interval time.Duration) { k.wait = interval - rand.N(interval/4+1) }

// now is this moment, counted from another that doesn't matter.
func now() time.Duration { return time.Since(begun) }

var begun = time.Now()

// silence reads the clock. While it runs, it is twice the moment at which it
// was zero, and one; while it stands still, it is twice what it shows.
func (k *keepalive) silence(now time.Duration) (silent time.Duration, waiting bool) {
	v := k.clock.Load()
	if v&1 != 0 {
		return now - time.Duration(v>>1), true
	}
	return time.Duration(v >> 1), false
}

// waitBegin is called by the reader when it is about to wait for the peer.
func (k *keepalive) waitBegin() {
	if k.lookout == nil {
		return
	}
	shown := k.clock.Load() >> 1
	k.clock.Store((int64(now())-shown)<<1 | 1)
	if k.recheck.Load() && k.recheck.Swap(false) {
		k.lookout.hurry(k)
	}
}

// waitEnd is called by the reader when the read is over, with whether any byte
// came.
func (k *keepalive) waitEnd(received bool) {
	if k.lookout == nil {
		return
	}
	var shown time.Duration
	if !received {
		shown, _ = k.silence(now())
	}
	k.clock.Store(int64(shown) << 1)
}

// judge decides what to do at a moment, and when to look again.
func (k *keepalive) judge(cfg *Config, now time.Duration, t traffic) (v verdict, next time.Duration) {
	life, late := t.received != k.received, now-k.due
	k.received = t.received
	if life {
		k.question = nil
		k.draw(cfg.keepaliveInterval())
	}
	q, progress := k.question, false
	if q != nil {
		progress = t.sent != q.sent
		q.sent = t.sent
	}
	silent, waiting := k.silence(now)
	if !waiting && silent > 0 {
		// The next look could come too late for a silence that goes on, so
		// the reader asks for a look when it waits again. It may have begun to
		// between the lines above and below, so look once more.
		k.recheck.Store(true)
		silent, waiting = k.silence(now)
	}
	timeout := cfg.keepaliveTimeout()
	switch {
	case !waiting && life:
		return alive, k.wait / 2
	case !waiting:
		return refresh, k.wait
	case q == nil && silent < k.wait:
		return alive, k.wait - silent
	case q == nil:
		k.question = &question{asked: silent, left: notLeft, sent: t.sent}
		return ask, min(timeout, k.wait)
	}
	if q.left >= 0 {
		q.asked = max(q.asked, q.left)
	} else if q.left == notLeft && progress {
		q.asked = silent // the ping waits behind data, which the peer takes
	}
	if late > tolerance && !q.excused {
		q.asked, q.excused = silent, true
	}
	if rest := q.asked + timeout - silent; rest > 0 {
		return alive, min(rest, k.wait) // or sooner, since what answers begins a new silence
	}
	return dead, 0
}

// pingLeft is told what became of the ping that was asked for.
func (k *keepalive) pingLeft(err error) {
	silent, _ := k.silence(now())
	k.lookout.mu.Lock()
	defer k.lookout.mu.Unlock()
	switch {
	case k.question == nil: // a byte has come meanwhile
	case err != nil:
		k.question.left = unaskable
	default:
		k.question.left = silent
	}
}

func (c *Conn) traffic() traffic {
	return traffic{c.stats.bytesReceived.Load(), c.stats.bytesSent.Load()}
}

// giveUp ends a connection whose peer is dead. left is what became of the ping.
func (c *Conn) giveUp(silence, left time.Duration) {
	c.end(&CloseError{Code: frame.StatusAbnormalClosure, Err: &KeepaliveError{
		Peer:    c.peer(),
		Silence: silence,
		RTT:     c.Stats().RTT,
		Stuck:   left == notLeft,
		Closing: left == unaskable,
	}})
}

// peer names the other end.
func (c *Conn) peer() string {
	return fmt.Sprintf("%v %v", frame.Client+frame.Server-c.role, c.RemoteAddr())
}

// askForLife sends a ping, or leaves it to the writer who is at work now. It
// waits for a peer that doesn't take it, as refreshPath does, on a goroutine of
// its own; the verdict is a later look's.
func (c *Conn) askForLife() {
	c.wr.pending.ask()
	if c.wr.lock.tryLock() {
		c.sendPending()
	}
}

// refreshPath sends a ping without asking for life: routers and proxies on the
// way see traffic. A writer at work is traffic enough.
func (c *Conn) refreshPath() {
	if !c.wr.lock.tryLock() {
		return
	}
	if c.writable() == nil {
		c.writeControl(context.Background(), frame.Ping, nil)
	}
	c.sendPending()
}
