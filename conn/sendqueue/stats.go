package sendqueue

import "time"

// Stats counts what became of the messages. Package sendqueue's comment has
// the sum that always holds.
type Stats struct {
	Accepted  int64 // for which Send answered Queued or Sent
	Refused   int64 // which the policy kept out: Send answered Dropped
	Sent      int64 // handed to the transport whole
	Dropped   int64 // accepted, and dropped for the sake of others
	Coalesced int64 // accepted, and replaced by a newer one of the same key
	Expired   int64 // accepted, and older than Config.MaxAge
	Returned  int64 // accepted, and returned by Close

	SentBytes int64 // of payload
	Batches   int64 // calls of Conn.WriteBatch, each about one system call

	Messages  int           // not sent now, those being written included
	Bytes     int           // of payload, of the same; what Buffered returns
	OldestAge time.Duration // of the oldest of them; zero when there is none

	MaxMessages int // the most that Messages has been
	MaxBytes    int // the most that Bytes has been
}

// Stats returns the counts of this moment. It looks at every message that
// waits, to find the oldest.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	n, bytes := q.waiting()
	s.Messages, s.Bytes = n+q.flight, bytes+q.flightBytes
	now := q.now()
	oldest := now
	if q.flight > 0 {
		oldest = q.flightAt
	}
	for i := range q.lanes {
		l := &q.lanes[i]
		for pos := l.head; pos != l.tail; pos++ { // coalesced ones are younger than their place
			oldest = min(oldest, l.slot(pos).at)
		}
	}
	s.OldestAge = max(0, now-oldest) // Item.Time can be in the future
	return s
}

// Buffered returns the bytes of payload that were accepted and not handed to
// the transport. Unsent has what the kernel holds besides.
func (q *Queue) Buffered() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, bytes := q.waiting()
	return bytes + q.flightBytes
}
