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
}

// passage counts what goes into a compressor or decompressor, and comes out.
type passage struct{ from, to atomic.Int64 }

func (p *passage) count(from, to int) {
	p.from.Add(int64(from))
	p.to.Add(int64(to))
}

// Stats returns the counts of this moment.
func (c *Conn) Stats() Stats {
	s := &c.stats
	all := Stats{
		MessagesReceived: s.messagesReceived.Load(),
		MessagesSent:     s.messagesSent.Load(),
		PayloadSent:      s.payloadSent.Load(),
		BytesReceived:    s.bytesReceived.Load(),
		BytesSent:        s.bytesSent.Load(),
	}
	all.RTT, all.SmoothedRTT = c.pings.Load().times()
	if z := c.compression; z != nil {
		all.DeflatedFrom, all.DeflatedTo = z.deflated.from.Load(), z.deflated.to.Load()
		all.InflatedFrom, all.InflatedTo = z.inflated.from.Load(), z.inflated.to.Load()
	}
	return all
}
