package conn

import (
	"context"
	"errors"
	"os"

	"github.com/seed24abed78/rfc6455/frame"
)

// TryWrite sends m if that needs no waiting: nobody else is writing, nothing
// is buffered, m fits the write buffer (18 KiB) and one frame, and the socket
// takes bytes now. Otherwise nothing is sent and ok is false, as it always is
// for a transport other than a TCP or Unix socket, and on Windows.
//
// With ok, whole is false when the socket took only a part of m. The rest is in
// the write buffer and leaves with the next write or Flush, for which the
// caller must see.
func (c *Conn) TryWrite(m *PreparedMessage) (ok, whole bool, err error) {
	w := &c.wr
	if !w.lock.tryLock() {
		return false, false, nil
	}
	defer c.unlockWriter()
	if err := c.writable(); err != nil {
		return false, false, err
	}
	if !c.rawIO() || w.stream != nil || w.buf != nil || len(m.payload) > min(tryPayload, c.cfg.frameSize()) {
		return false, false, nil
	}
	packed, err := c.appendPrepared(context.Background(), m)
	if err != nil {
		return false, false, err
	}
	n, err := c.writeSocket(w.buf, false)
	switch {
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // set for a context that has ended since
		return false, false, c.failWrite(err)
	case n == 0: // taken back
		c.dropBuffer()
		return false, false, nil
	case n < len(w.buf):
		w.buf = w.buf[:copy(w.buf, w.buf[n:])]
		w.queued.Store(true)
	default:
		c.dropBuffer()
		whole = true
	}
	c.countPrepared(m, packed)
	return true, whole, nil
}

// tryPayload is the largest payload that fits the write buffer in one frame.
const tryPayload = writeSize - frame.MaxHeaderSize
