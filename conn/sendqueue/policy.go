package sendqueue

import "fmt"

// Policy says what gives way when a message finds the queue full. Low messages
// give way before High ones do.
type Policy int

const (
	// Block makes Send wait until there is room or its context ends. Nothing
	// that was accepted is lost; the producer is as slow as the peer. Those who
	// wait get room in their order, High ones first.
	Block Policy = iota

	// DropNewest refuses the message that finds no room. A High one takes
	// the place of the newest Low ones, when that gives it room.
	DropNewest

	// DropOldest drops the oldest Low messages, then, for a High message,
	// the oldest High ones, until there is room. A Low message that would
	// need the place of a High one is refused.
	DropOldest

	// ClosePeer closes the connection of a peer that is too slow, with
	// Config.CloseCode and Config.CloseReason. Low messages give way first: a
	// Low one is refused, and a High one takes the place of the oldest Low
	// ones, when that gives it room.
	ClosePeer
)

var policyNames = [...]string{"block", "drop newest", "drop oldest", "close peer"}

func (p Policy) String() string {
	if p < 0 || int(p) >= len(policyNames) {
		return fmt.Sprintf("Policy(%d)", int(p))
	}
	return policyNames[p]
}

// Priority is the class of a message. Within a class the order stays; High
// messages overtake Low ones that wait.
type Priority int

// The two priorities.
const (
	High Priority = iota
	Low
)

// outcome is what admit has decided.
type outcome int

const (
	accepted outcome = iota
	refused
	full    // the caller must wait
	tooSlow // the peer must be closed
)

// admit finds a place for e, with the lock held.
func (q *Queue) admit(e entry, p Priority, policy Policy) outcome {
	l := &q.lanes[p]
	for {
		old := l.find(e.key)
		if q.fits(&e, old) {
			q.place(l, e, old)
			return accepted
		}
		if q.expire() {
			continue
		}
		low, high := &q.lanes[Low], &q.lanes[High]
		switch lowSuffices := q.fitsWithoutLow(&e, p, old); {
		case policy == Block:
			return full
		case policy == DropOldest && low.len() > 0 && (p == High || lowSuffices):
			q.drop(low.popFront())
		case policy == DropOldest && p == High:
			q.drop(high.popFront())
		case policy == DropNewest && p == High && low.len() > 0 && lowSuffices:
			q.drop(low.popBack())
		case policy == ClosePeer && p == High && low.len() > 0 && lowSuffices:
			q.drop(low.popFront())
		case policy == ClosePeer && p == High:
			return tooSlow
		default:
			return refused
		}
	}
}

// fits reports whether e has room, in place of old unless that is nil.
func (q *Queue) fits(e, old *entry) bool {
	n, bytes := q.waiting()
	if old == nil {
		return n < q.cfg.MaxMessages && bytes+e.size() <= q.cfg.MaxBytes
	}
	return bytes-old.size()+e.size() <= q.cfg.MaxBytes
}

// fitsWithoutLow reports whether e of priority p had room if no Low message
// waited.
func (q *Queue) fitsWithoutLow(e *entry, p Priority, old *entry) bool {
	n, bytes := q.lanes[High].len(), q.lanes[High].bytes
	if p == High && old != nil {
		n, bytes = n-1, bytes-old.size()
	}
	return n < q.cfg.MaxMessages && bytes+e.size() <= q.cfg.MaxBytes
}

// place puts e behind the others, or in the place of old.
func (q *Queue) place(l *lane, e entry, old *entry) {
	q.stats.Accepted++
	if old == nil {
		l.push(e)
		return
	}
	l.bytes += e.size() - old.size()
	*old = e
	q.stats.Coalesced++
}

// expire drops the oldest messages whose time has passed, and reports whether
// there were any.
func (q *Queue) expire() bool {
	if q.cfg.MaxAge <= 0 {
		return false
	}
	before := q.stats.Expired
	for i := range q.lanes {
		for l := &q.lanes[i]; l.len() > 0 && q.expired(l.slot(l.head)); {
			l.popFront()
			q.stats.Expired++
		}
	}
	return q.stats.Expired != before
}

func (q *Queue) expired(e *entry) bool {
	return q.cfg.MaxAge > 0 && q.now()-e.at >= q.cfg.MaxAge
}

func (q *Queue) drop(entry) { q.stats.Dropped++ }
