package sendqueue

// changed compares the level with the water marks, with the lock held.
func (q *Queue) changed() {
	n, bytes := q.waiting()
	bytes += q.flightBytes
	q.stats.MaxBytes = max(q.stats.MaxBytes, bytes)
	q.stats.MaxMessages = max(q.stats.MaxMessages, n+q.flight)
	switch {
	case bytes >= q.cfg.HighWater || n >= q.cfg.MaxMessages:
		q.congested = true
	case bytes <= q.cfg.LowWater && n <= q.cfg.MaxMessages/2:
		q.congested = false
	}
	if (!q.congested || q.err != nil) && q.drained != nil {
		close(q.drained)
		q.drained = nil
	}
}

// Congested reports whether the queue has reached high water, or had no room
// for a message, and not yet fallen to low water.
func (q *Queue) Congested() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.congested
}

// Drained returns a channel that is closed as soon as the queue isn't
// congested, or accepts nothing any more. It is closed already when that is so
// now. A producer that can pause sends until Congested, and goes on when
// Drained is closed.
func (q *Queue) Drained() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.congested || q.err != nil {
		return closedChan
	}
	if q.drained == nil {
		q.drained = make(chan struct{})
	}
	return q.drained
}

var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
