package conn

import "sync/atomic"

// Stats counts what a Conn has received and sent.
type Stats struct {
	MessagesReceived int64
	MessagesSent     int64
	PayloadSent      int64 // bytes of message payload
	BytesReceived    int64 // as read from the transport, headers and control frames included
	BytesSent        int64
}

type counters struct {
	messagesReceived atomic.Int64
	messagesSent     atomic.Int64
	payloadSent      atomic.Int64
	bytesReceived    atomic.Int64
	bytesSent        atomic.Int64
}

// Stats returns the counts of this moment.
func (c *Conn) Stats() Stats {
	s := &c.stats
	return Stats{
		MessagesReceived: s.messagesReceived.Load(),
		MessagesSent:     s.messagesSent.Load(),
		PayloadSent:      s.payloadSent.Load(),
		BytesReceived:    s.bytesReceived.Load(),
		BytesSent:        s.bytesSent.Load(),
	}
}
