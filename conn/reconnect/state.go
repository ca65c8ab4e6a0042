package reconnect

import (
	"context"
	"sync"
	"time"
)

// Phase is what a Client is doing.
type Phase uint8

// The phases. A Client begins with Connecting and ends with Closed.
const (
	Connecting Phase = iota // dialing, or in OnConnect
	Open                    // connected, messages flow
	Waiting                 // until State.Next, or until Wake
	Closed                  // for good, because of State.Err
)

func (p Phase) String() string {
	switch p {
	case Connecting:
		return "connecting"
	case Open:
		return "open"
	case Waiting:
		return "waiting"
	}
	return "closed"
}

// State is what a Client was doing at one moment.
type State struct {
	Phase Phase
	// Since is when the phase began.
	Since time.Time
	// Connections counts the connections that came to be Open.
	Connections int
	// Attempts counts the attempts since the last stable connection, the
	// present one included.
	Attempts int
	// Next is when the next attempt begins; set in Waiting only.
	Next time.Time
	// Err says why the last attempt failed or the last connection ended, or,
	// when Closed, why the Client closed. It is nil at first, and in Open.
	Err error
}

// watchDepth is how many changes a watcher can be behind before it misses
// the oldest.
const watchDepth = 16

// states holds the present State and who watches it.
type states struct {
	mu       sync.Mutex // never held while waiting
	now      State
	watchers map[chan State]func() bool // what takes the watcher's context back
}

// State returns what the Client is doing now.
func (c *Client) State() State {
	c.states.mu.Lock()
	defer c.states.mu.Unlock()
	return c.states.now
}

// Watch returns a channel on which the present State comes at once and each
// change after it. A receiver that falls behind by more than 16 changes misses
// the oldest of them, never the latest. The channel is closed when ctx ends,
// and after Closed was sent.
func (c *Client) Watch(ctx context.Context) <-chan State {
	s := &c.states
	ch := make(chan State, watchDepth)
	s.mu.Lock()
	defer s.mu.Unlock()
	ch <- s.now
	if s.now.Phase == Closed {
		close(ch)
		return ch
	}
	s.watchers[ch] = context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, ok := s.watchers[ch]; ok {
			delete(s.watchers, ch)
			close(ch)
		}
	})
	return ch
}

// set changes the state and tells the watchers.
func (s *states) set(change func(*State)) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Since = time.Now()
	s.now.Next = time.Time{}
	change(&s.now)
	for ch := range s.watchers {
		select {
		case ch <- s.now:
		default:
			select {
			case <-ch: // only set sends, so there is room after this
			default:
			}
			ch <- s.now
		}
	}
	if s.now.Phase == Closed {
		for ch, stop := range s.watchers {
			stop()
			close(ch)
		}
		clear(s.watchers)
	}
	return s.now
}
