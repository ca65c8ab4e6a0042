package conn

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// pings are the round trips under way, and how long they took.
type pings struct {
	mu   sync.Mutex   // never held while waiting
	last uint64       // the number that the latest ping carries
	out  []*roundTrip // that have left and are not answered, in the order of their numbers

	rtt, smoothed time.Duration
}

// roundTrip is one ping and its pong. It gets its number when it leaves, so
// that numbers are in the order of the wire.
type roundTrip struct {
	id   uint64
	sent time.Time
	gone bool              // the caller of Ping has given up
	over chan roundTripEnd // holds one; nil for the keepalive's
}

type roundTripEnd struct {
	rtt time.Duration
	err error
}

// end tells the caller of Ping, once. Nobody waits for the keepalive's.
func (t *roundTrip) end(rtt time.Duration, err error) {
	select {
	case t.over <- roundTripEnd{rtt, err}:
	default:
	}
}

// leaves numbers a ping, and notes that it leaves. The keepalive waits for its
// latest ping only, so that a peer which answers none leaves nothing behind.
func (p *pings) leaves(t *roundTrip) (id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = slices.DeleteFunc(p.out, func(o *roundTrip) bool {
		return o == t || o.over == nil && t.over == nil // what was put back, and earlier questions
	})
	p.last++
	t.id, t.sent = p.last, time.Now()
	if !t.gone {
		p.out = append(p.out, t)
	}
	return t.id
}

// forget is for a caller of Ping who gave up.
func (p *pings) forget(t *roundTrip) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.gone = true
	p.out = slices.DeleteFunc(p.out, func(o *roundTrip) bool { return o == t })
}

// answered takes note of a pong. It answers the pings before its own too,
// because a peer may answer the latest of several only. One that answers no
// ping of ours is ignored (RFC 6455, section 5.5.3).
func (p *pings) answered(payload []byte) {
	if p == nil || len(payload) != 8 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := binary.BigEndian.Uint64(payload)
	if id > p.last {
		return
	}
	now := time.Now()
	n := 0
	for ; n < len(p.out) && p.out[n].id <= id; n++ {
		t := p.out[n]
		rtt := now.Sub(t.sent)
		if t.id == id {
			p.measured(rtt)
		}
		t.end(rtt, nil)
	}
	if p.out = slices.Delete(p.out, 0, n); len(p.out) == 0 {
		p.out = nil // what an idle connection doesn't need
	}
}

// times returns what is known, for Stats.
func (p *pings) times() (rtt, smoothed time.Duration) {
	if p == nil {
		return 0, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rtt, p.smoothed
}

// measured takes a round trip into Stats; the lock is held.
func (p *pings) measured(rtt time.Duration) {
	p.rtt = rtt
	if p.smoothed == 0 {
		p.smoothed = rtt
	}
	p.smoothed += (rtt - p.smoothed) / 8
}
