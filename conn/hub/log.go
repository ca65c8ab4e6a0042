package hub

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// Entry is one published message.
type Entry struct {
	Seq      uint64
	Time     time.Time
	Message  *conn.PreparedMessage // as subscribers get it
	Key      string                // see sendqueue.Item
	Priority sendqueue.Priority
}

// Limits bound a history. A field that is zero or negative bounds nothing.
type Limits struct {
	Messages int
	Bytes    int // of payload
	Age      time.Duration
}

// Log is the history of one topic. The one in memory is [Ring]; one that keeps
// the messages elsewhere lets them outlive the process. Its numbers begin above
// zero and have no gaps. Methods are called concurrently, but Append and Trim not with each
// other.
type Log interface {
	// Append stores e, whose number is the one after the last.
	Append(e Entry) error
	// Since appends to dst the entries after number seq, in order: at most
	// so many messages and bytes of payload, but one at least when there is
	// one. It returns ErrHistoryLost when the first of them is gone.
	Since(dst []Entry, seq uint64, messages, bytes int) ([]Entry, error)
	// Bounds returns the first number that is kept and the last that was
	// given. Nothing is kept when first is last+1.
	Bounds() (first, last uint64, err error)
	// Trim forgets the oldest entries until the rest is within the limits.
	Trim(keep Limits, now time.Time) error
}

// ErrHistoryLost says that messages which a subscriber has not seen are no
// longer in the log: it must load its state anew, and subscribe from there.
var ErrHistoryLost = errors.New("hub: the history doesn't reach back so far")

// HistoryLostError is the ErrHistoryLost of Subscribe.
type HistoryLostError struct {
	Since       uint64 // what the subscriber asked for
	First, Last uint64 // what the log has; nothing when First is Last+1
}

func (e *HistoryLostError) Error() string {
	if e.Since > e.Last {
		return fmt.Sprintf("hub: history asked for after number %d, which this topic has not given yet (the last is %d): it is of another log", e.Since, e.Last)
	}
	return fmt.Sprintf("hub: history asked for after number %d, but the first that is kept is %d", e.Since, e.First)
}

// Is reports the error as ErrHistoryLost.
func (e *HistoryLostError) Is(target error) bool { return target == ErrHistoryLost }

// Ring is a Log in memory.
type Ring struct {
	mu      sync.Mutex
	entries []Entry // a ring; number n lies at entries[n % len(entries)]
	first   uint64  // the oldest number kept
	next    uint64  // the number to come: first <= next <= first+len(entries)
	bytes   int
}

// NewRing returns an empty log whose first number is first. With zero it is
// the Unix time in microseconds, so that a client of an earlier process, who
// asks for what came after a number of that process, is told that the history
// is lost; that holds while the clock doesn't go back and a topic has fewer
// than a million messages a second on average.
func NewRing(first uint64) *Ring {
	if first == 0 {
		first = uint64(time.Now().UnixMicro())
	}
	return &Ring{first: first, next: first}
}

func (r *Ring) slot(seq uint64) *Entry { return &r.entries[seq%uint64(len(r.entries))] }

// Append implements Log.
func (r *Ring) Append(e Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Seq != r.next {
		return fmt.Errorf("hub: Ring.Append of number %d, where %d comes next", e.Seq, r.next)
	}
	if n := int(r.next - r.first); n == len(r.entries) {
		grown := make([]Entry, max(8, 2*n))
		for seq := r.first; seq != r.next; seq++ {
			grown[seq%uint64(len(grown))] = *r.slot(seq)
		}
		r.entries = grown
	}
	*r.slot(e.Seq) = e
	r.next++
	r.bytes += len(e.Message.Payload())
	return nil
}

// Since implements Log.
func (r *Ring) Since(dst []Entry, seq uint64, messages, bytes int) ([]Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq+1 < r.first {
		return dst, ErrHistoryLost
	}
	for n := 0; seq+1 < r.next && n < messages; n++ {
		e := r.slot(seq + 1)
		if bytes -= len(e.Message.Payload()); bytes < 0 && n > 0 {
			break
		}
		dst = append(dst, *e)
		seq++
	}
	return dst, nil
}

// Bounds implements Log.
func (r *Ring) Bounds() (first, last uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first, r.next - 1, nil
}

// Trim implements Log.
func (r *Ring) Trim(keep Limits, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.first != r.next {
		e := r.slot(r.first)
		within := (keep.Messages <= 0 || r.next-r.first <= uint64(keep.Messages)) &&
			(keep.Bytes <= 0 || r.bytes <= keep.Bytes) &&
			(keep.Age <= 0 || now.Sub(e.Time) <= keep.Age)
		if within {
			return nil
		}
		r.bytes -= len(e.Message.Payload())
		*e = Entry{}
		r.first++
	}
	r.entries = nil
	return nil
}
