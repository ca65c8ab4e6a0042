package reconnect

import "sync/atomic"

// Stats counts what a Client has done since New.
type Stats struct {
	Connections int   // that came to be Open
	Received    int64 // messages, acknowledgements and duplicates included
	Duplicates  int64 // received before, and dropped
	Gaps        int64 // noticed, or declared by the server
	Sent        int64 // messages written to a connection, each time that they were
	Resent      int64 // of them, sent again because they were not acknowledged
	Failed      int64 // messages cut by the loss of a connection, and not sent again
	Dropped     int64 // messages that gave way to Config.Policy

	OutboxMessages int // in the outbox now, unacknowledged ones included
	OutboxBytes    int // their payload
	InboxMessages  int // received and not yet taken from Messages, gaps included
	InboxBytes     int // their payload
}

type counters struct {
	received, duplicates, gaps    atomic.Int64
	sent, resent, failed, dropped atomic.Int64
}

// Stats returns the counts of this moment.
func (c *Client) Stats() Stats {
	n := &c.counts
	s := Stats{
		Connections: c.State().Connections,
		Received:    n.received.Load(),
		Duplicates:  n.duplicates.Load(),
		Gaps:        n.gaps.Load(),
		Sent:        n.sent.Load(),
		Resent:      n.resent.Load(),
		Failed:      n.failed.Load(),
		Dropped:     n.dropped.Load(),
	}
	s.OutboxMessages, s.OutboxBytes = c.out.buffered()
	s.InboxMessages, s.InboxBytes = c.in.buffered()
	return s
}
