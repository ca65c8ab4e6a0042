package sendqueue

import (
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
)

// entry is one message that waits.
type entry struct {
	msg *conn.PreparedMessage
	key string
	at  time.Duration // when it was accepted, since Queue.base
}

func (e *entry) size() int { return len(e.msg.Payload()) }

// lane is the messages of one priority, oldest first, in a ring. Positions
// count on for ever; position i lies at ring[i & (len(ring)-1)].
//
//	head <= tail, tail-head <= len(ring), len(ring) is 0 or a power of two
type lane struct {
	ring       []entry
	head, tail uint64
	bytes      int               // of payload
	keys       map[string]uint64 // the position of each key that waits
}

const firstRing = 8 // entries of the smallest ring

// firstRings are for queues that were empty, which in a fan-out happens for
// each subscriber with each message.
var firstRings = sync.Pool{New: func() any { return new([firstRing]entry) }}

func (l *lane) len() int { return int(l.tail - l.head) }

func (l *lane) slot(pos uint64) *entry { return &l.ring[pos&uint64(len(l.ring)-1)] }

func (l *lane) push(e entry) {
	l.grow()
	if e.key != "" {
		if l.keys == nil {
			l.keys = make(map[string]uint64)
		}
		l.keys[e.key] = l.tail
	}
	*l.slot(l.tail) = e
	l.tail++
	l.bytes += e.size()
}

// pushFront puts back what could not be sent. Its key stays with the newer
// value, if there is one.
func (l *lane) pushFront(e entry) {
	l.grow()
	l.head--
	*l.slot(l.head) = e
	l.bytes += e.size()
}

func (l *lane) popFront() entry {
	e := l.clear(l.head)
	l.head++
	return e
}

func (l *lane) popBack() entry {
	l.tail--
	return l.clear(l.tail)
}

// clear takes the entry at pos out of the ring, so that it holds no memory.
func (l *lane) clear(pos uint64) entry {
	s := l.slot(pos)
	e := *s
	*s = entry{}
	l.bytes -= e.size()
	if at, ok := l.keys[e.key]; ok && at == pos {
		delete(l.keys, e.key)
	}
	return e
}

// find returns the entry that waits under key, or nil.
func (l *lane) find(key string) *entry {
	if key == "" {
		return nil
	}
	if pos, ok := l.keys[key]; ok {
		return l.slot(pos)
	}
	return nil
}

func (l *lane) grow() {
	switch {
	case l.len() < len(l.ring):
		return
	case l.ring == nil:
		l.ring = firstRings.Get().(*[firstRing]entry)[:]
		return
	}
	ring := make([]entry, 2*len(l.ring))
	for pos := l.head; pos != l.tail; pos++ {
		ring[pos&uint64(len(ring)-1)] = *l.slot(pos)
	}
	l.letGo()
	l.ring = ring
}

// release lets go of the memory of an empty lane.
func (l *lane) release() {
	l.letGo()
	l.ring, l.keys = nil, nil
}

// letGo gives the ring back, if it is a pooled one.
func (l *lane) letGo() {
	if len(l.ring) == firstRing {
		clear(l.ring)
		firstRings.Put((*[firstRing]entry)(l.ring))
	}
}
