package conn

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"
)

// lookout looks at the clocks of silence of many connections with one timer. A
// timer for each would take a third of what an idle Conn does.
type lookout struct {
	mu    sync.Mutex  // never held while waiting; guards the connections' keepalive too
	due   looks       // the first is due first
	timer *time.Timer // nil before the first connection
}

// lookouts share the connections, so that those of many cores which open and
// close them seldom wait for each other.
var lookouts [16]lookout

// anyLookout returns a lookout for a connection that is made now. In a bubble of
// testing/synctest time begins at the year 2000, and nothing is shared with
// what is outside: there a connection has its own.
func anyLookout() *lookout {
	if now() < 0 {
		return new(lookout)
	}
	return &lookouts[rand.N(len(lookouts))]
}

// add has the lookout look at c at the moment c.alive.due.
func (l *lookout) add(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	heap.Push(&l.due, c)
	if l.timer == nil {
		l.timer = time.AfterFunc(c.alive.due-now(), l.look)
	} else if l.due[0] == c {
		l.timer.Reset(c.alive.due - now())
	}
}

// remove has no effect when c is not there any more.
func (l *lookout) remove(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.alive.place == 0 {
		return
	}
	heap.Remove(&l.due, int(c.alive.place-1))
	if len(l.due) == 0 {
		l.timer.Stop()
	}
}

// hurry makes the lookout look at c now.
func (l *lookout) hurry(k *keepalive) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.place != 0 {
		k.due = now()
		heap.Fix(&l.due, int(k.place-1))
		l.timer.Reset(0)
	}
}

// look is what the timer calls. It looks at what is due, and leaves what has to
// be done about it to goroutines.
func (l *lookout) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := now()
	for len(l.due) > 0 && l.due[0].alive.due <= now {
		c := l.due[0]
		v, next := c.alive.judge(c.cfg, now, c.traffic())
		c.alive.due = now + max(next, 1)
		switch v {
		case alive:
			heap.Fix(&l.due, 0)
		case ask:
			heap.Fix(&l.due, 0)
			go c.askForLife()
		case refresh:
			heap.Fix(&l.due, 0)
			go c.refreshPath()
		case dead:
			heap.Remove(&l.due, 0)
			silence, _ := c.alive.silence(now)
			go c.giveUp(silence, c.alive.question.left)
		}
	}
	if len(l.due) > 0 {
		l.timer.Reset(l.due[0].alive.due - now)
	}
}

// looks is a heap. Each connection knows its place in it, counted from one.
type looks []*Conn

func (h looks) Len() int           { return len(h) }
func (h looks) Less(i, j int) bool { return h[i].alive.due < h[j].alive.due }
func (h looks) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].alive.place, h[j].alive.place = int32(i+1), int32(j+1)
}

func (h *looks) Push(x any) {
	c := x.(*Conn)
	*h = append(*h, c)
	c.alive.place = int32(len(*h))
}

func (h *looks) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	c.alive.place = 0
	(*h)[last] = nil
	*h = (*h)[:last]
	return c
}
