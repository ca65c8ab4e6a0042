package conn

import "context"

// batchSize is how many messages WriteBatch gives to one system call at most.
// It keeps the place where each of them ends, to know which have left.
const batchSize = 128

// WriteBatch sends the messages in order, behind what BufferMessage has left,
// with one system call for each write buffer that they fill (16 KiB or 128
// messages, whichever comes first). A message larger than that leaves as
// WritePrepared describes. Without messages it is Flush. The slice is not kept.
//
// It returns how many messages were sent: the first n of ms. When ctx ends,
// a message that has left in part counts too, because its rest stays in the
// write buffer and leaves ahead of the next write; the others were not sent,
// and the Conn stays usable unless a frame larger than the buffer was cut. When
// the connection fails, n counts the messages that the transport took whole.
func (c *Conn) WriteBatch(ctx context.Context, ms []*PreparedMessage) (n int, err error) {
	if err := c.lockForMessage(ctx); err != nil {
		return 0, err
	}
	defer c.unlockWriter()
	for {
		k, err := c.writeBatch(ctx, ms[n:min(len(ms), n+batchSize)])
		if n += k; n == len(ms) || err != nil {
			return n, err
		}
	}
}

// writeBatch sends at most batchSize messages, with the lock held.
func (c *Conn) writeBatch(ctx context.Context, ms []*PreparedMessage) (int, error) {
	var ends [batchSize]int64 // in the stream of bytes, where each message ends
	var err error
	n, begin := 0, c.streamEnd()
	for _, m := range ms {
		if _, err = c.appendPrepared(ctx, m); err != nil {
			break
		}
		ends[n] = c.streamEnd()
		n++
	}
	if err == nil {
		err = c.flushLocked(ctx)
	}
	if err == nil {
		return n, nil
	}
	left := c.stats.bytesSent.Load()
	sent := 0
	if c.ended() != nil {
		for sent < n && ends[sent] <= left {
			sent++
		}
		return sent, err
	}
	// The context ended. What has not begun to leave is taken back.
	for sent < n && begin < left {
		begin = ends[sent]
		sent++
	}
	if w := &c.wr; w.buf != nil {
		w.buf = w.buf[:begin-left]
		if len(w.buf) == 0 {
			c.dropBuffer()
		}
	}
	for _, m := range ms[sent:n] {
		if form, err := c.formOf(m); err == nil {
			c.countPrepared(m, form, -1)
		}
	}
	return sent, err
}

// streamEnd counts the bytes that have left or lie in the write buffer. The
// caller holds the lock, so nothing else changes either.
func (c *Conn) streamEnd() int64 { return c.stats.bytesSent.Load() + int64(len(c.wr.buf)) }
