package conn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
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
// One timer looks at that clock about once an interval, whatever the traffic:
// no message costs a timer operation. It belongs to the Conn and ends with it.
type keepalive struct {
	interval time.Duration // zero: off
	timeout  time.Duration
	base     time.Time // moments are counted from here

	since   atomic.Int64 // moment at which silence began, were it without pause; notWaiting when no read waits
	saved   atomic.Int64 // silence up to the end of the last read
	recheck atomic.Bool  // the next read that waits wakes the timer

	left atomic.Int64 // silence when the ping left; notLeft before, unaskable after Close

	mu      sync.Mutex // guards what follows; never held while waiting
	timer   *time.Timer
	stopped bool
	due     time.Duration // moment for which the timer is set
	wait    time.Duration // interval less a random part, drawn anew for every silence
	seen    traffic       // at the last look
	asked   bool          // a ping is out, or on its way out
	askedAt time.Duration // silence from which the timeout counts
	excused bool          // the timeout has begun anew once, because we were held up
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
	notWaiting = math.MinInt64
	notLeft    = -1
	unaskable  = -2

	// tolerance is how late a timer may be before we take it that this
	// process was held up, and with it the reading of what the peer sent.
	tolerance = time.Second
)

func (c *Conn) startKeepalive() {
	k := &c.alive
	k.interval, k.timeout = c.cfg.keepaliveInterval(), c.cfg.keepaliveTimeout()
	if k.interval == 0 {
		return
	}
	k.base = time.Now()
	k.since.Store(notWaiting)
	k.draw()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.due = k.wait
	k.timer = time.AfterFunc(k.wait, c.lookForLife)
}

// stop ends the timer. A look under way does nothing more.
func (k *keepalive) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// draw shortens the interval by up to a quarter, so that connections that
// began together don't ping together.
func (k *keepalive) draw() { k.wait = k.interval - rand.N(k.interval/4+1) }

func (k *keepalive) now() time.Duration { return time.Since(k.base) }

// waitBegin is called by the reader when it is about to wait for the peer.
func (k *keepalive) waitBegin() {
	if k.interval == 0 {
		return
	}
	k.since.Store(int64(k.now()) - k.saved.Load())
	if k.recheck.Load() {
		k.wake()
	}
}

// wake makes the timer look now, if it asked for that.
func (k *keepalive) wake() {
	if !k.recheck.Swap(false) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped {
		k.due = k.now()
		k.timer.Reset(0)
	}
}

// waitEnd is called by the reader when the read is over, with whether any byte
// came.
func (k *keepalive) waitEnd(received bool) {
	if k.interval == 0 {
		return
	}
	since := k.since.Load()
	switch {
	case received:
		k.saved.Store(0)
	case since != notWaiting:
		k.saved.Store(int64(k.now()) - since)
	}
	if since != notWaiting {
		k.since.Store(notWaiting)
	}
}

// silence reads the clock.
func (k *keepalive) silence(now time.Duration) (silent time.Duration, waiting bool) {
	if since := k.since.Load(); since != notWaiting {
		return now - time.Duration(since), true
	}
	return time.Duration(k.saved.Load()), false
}

// judge decides what to do at a moment, and when to look again.
func (k *keepalive) judge(now time.Duration, t traffic) (v verdict, next time.Duration) {
	life, progress := t.received != k.seen.received, t.sent != k.seen.sent
	late := now - k.due
	k.seen = t
	if life {
		k.asked = false
		k.draw()
	}
	silent, waiting := k.silence(now)
	if !waiting && silent > 0 {
		// The next look could come too late for a silence that goes on, so
		// the reader wakes us when it waits again. It may have begun to
		// between the lines above and below, so look once more.
		k.recheck.Store(true)
		silent, waiting = k.silence(now)
	}
	switch {
	case !waiting && life:
		return alive, k.wait / 2
	case !waiting:
		return refresh, k.wait
	case !k.asked && silent < k.wait:
		return alive, k.wait - silent
	case !k.asked:
		k.asked, k.askedAt, k.excused = true, silent, false
		k.left.Store(notLeft)
		return ask, min(k.timeout, k.wait)
	}
	if left := k.left.Load(); left >= 0 {
		k.askedAt = max(k.askedAt, time.Duration(left))
	} else if left == notLeft && progress {
		k.askedAt = silent // the ping waits behind data, which the peer takes
	}
	if late > tolerance && !k.excused {
		k.askedAt, k.excused = silent, true
	}
	if rest := k.askedAt + k.timeout - silent; rest > 0 {
		return alive, min(rest, k.wait) // or sooner, since what answers begins a new silence
	}
	return dead, 0
}

// pingLeft is told what became of the ping that was asked for.
func (k *keepalive) pingLeft(err error) {
	if err != nil {
		k.left.Store(unaskable)
		return
	}
	silent, _ := k.silence(k.now())
	k.left.Store(int64(silent))
}

// lookForLife is what the timer calls.
func (c *Conn) lookForLife() {
	k := &c.alive
	t := traffic{c.stats.bytesReceived.Load(), c.stats.bytesSent.Load()}
	k.mu.Lock()
	if k.stopped {
		k.mu.Unlock()
		return
	}
	now := k.now()
	v, next := k.judge(now, t)
	if v != dead {
		k.due = now + next
		k.timer.Reset(next)
	}
	silent, _ := k.silence(now)
	left := k.left.Load()
	k.mu.Unlock()
	switch v {
	case ask:
		c.askForLife()
	case refresh:
		c.refreshPath()
	case dead:
		c.end(&CloseError{Code: frame.StatusAbnormalClosure, Err: &KeepaliveError{
			Peer:    c.peer(),
			Silence: silent,
			RTT:     c.Stats().RTT,
			Stuck:   left == notLeft,
			Closing: left == unaskable,
		}})
	}
}

// peer names the other end.
func (c *Conn) peer() string {
	return fmt.Sprintf("%v %v", frame.Client+frame.Server-c.role, c.RemoteAddr())
}

// askForLife sends a ping, or leaves it to the writer who is at work now. It
// waits for a peer that doesn't take it, as refreshPath does, on the goroutine
// of a timer that has fired; the verdict is another firing's.
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
