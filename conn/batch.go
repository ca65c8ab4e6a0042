package conn

import (
	"context"
	"sync"
)

// batchSize is how many messages WriteBatch gives to one system call at most.
// It keeps the place where each of them ends, to know which have left.
const batchSize = 128

// WriteBatch sends the messages in order, behind what BufferMessage has left,
// with one system call for each write buffer that they fill (18 KiB or 128
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

// batchNote is what has to be known of the messages of a batch.
type batchNote struct {
	ends  [batchSize]int64 // where each ends in the stream of bytes
	forms [batchSize]int   // what packedForm.packed says of each
}

// batchNotes are not on the stack, which would have to grow for them in each of
// the many short-lived goroutines that write one batch.
var batchNotes = sync.Pool{New: func() any { return new(batchNote) }}

// writeBatch sends at most batchSize messages, with the lock held.
func (c *Conn) writeBatch(ctx context.Context, ms []*PreparedMessage) (sent int, err error) {
	notes := batchNotes.Get().(*batchNote)
	defer batchNotes.Put(notes)
	ends, forms := &notes.ends, &notes.forms
	n, start := 0, c.streamEnd()
	for _, m := range ms {
		if forms[n], err = c.appendPrepared(ctx, m); err != nil {
			break
		}
		ends[n] = c.streamEnd()
		n++
	}
	if err == nil {
		err = c.flush(ctx)
	}
	left := c.stats.bytesSent.Load()
	switch {
	case err == nil:
		sent = n
	case c.over.Load():
		for sent < n && ends[sent] <= left {
			sent++
		}
	default: // ctx ended; what has not begun to leave is taken back
		for sent < n && start < left {
			start = ends[sent]
			sent++
		}
		err = c.takeBack(start, err)
	}
	for i, m := range ms[:sent] {
		c.countPrepared(m, forms[i])
	}
	return sent, err
}
