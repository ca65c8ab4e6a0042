package conn

import (
	"sync/atomic"
	"time"
)

// Stats counts what a Conn has received and sent, and says how far the peer is.
type Stats struct {
	MessagesReceived int64
	MessagesSent     int64
	PayloadSent      int64 // bytes of message payload
	BytesReceived    int64 // as read from the transport, headers and control frames included
	BytesSent        int64

	// RTT is the last round trip of a ping of Ping or of the keepalive, and
	// SmoothedRTT a moving average, in which each counts an eighth. Zero means
	// that there was none. A pong is noticed when it is read, so a reader
	// that is late makes them longer.
	RTT, SmoothedRTT time.Duration

	// What compression did: payload of messages sent compressed, in bytes
	// before and after, and of messages received compressed, in bytes as they
	// came and inflated. They stay zero when none was agreed.
	DeflatedFrom, DeflatedTo int64
	InflatedFrom, InflatedTo int64
}

type counters struct {
	messagesReceived atomic.Int64
	messagesSent     atomic.Int64
	payloadSent      atomic.Int64
	bytesReceived    atomic.Int64
	bytesSent        atomic.Int64

	deflatedFrom, deflatedTo atomic.Int64
	inflatedFrom, inflatedTo atomic.Int64
}

// Stats returns the counts of this moment.
func (c *Conn) Stats() Stats {
	s := &c.stats
	c.pings.mu.Lock()
	defer c.pings.mu.Unlock()
	return Stats{
		RTT:              c.pings.rtt,
		SmoothedRTT:      c.pings.smoothed,
		MessagesReceived: s.messagesReceived.Load(),
		MessagesSent:     s.messagesSent.Load(),
		PayloadSent:      s.payloadSent.Load(),
		BytesReceived:    s.bytesReceived.Load(),
		BytesSent:        s.bytesSent.Load(),
		DeflatedFrom:     s.deflatedFrom.Load(),
		DeflatedTo:       s.deflatedTo.Load(),
		InflatedFrom:     s.inflatedFrom.Load(),
		InflatedTo:       s.inflatedTo.Load(),
	}
}
