package conn

import (
	"context"
	"errors"
	"os"
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
	if !c.rawIO() || w.stream != nil || !c.mayWriteAlone(m.payload) {
		return false, false, nil
	}
	form, err := c.formOf(m)
	if err != nil {
		return false, false, err
	}
	wire := form.wire
	if !c.sharesWire(form) {
		c.appendForm(context.Background(), m.typ, form) // it fits
		wire = w.buf
	}
	n, err := c.writeSocket(wire, false)
	switch {
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // set for a context that has ended since
		return false, false, c.failWrite(err)
	case n == 0: // taken back
		c.dropBuffer()
		return false, false, nil
	case n < len(wire):
		c.keepRest(wire[n:])
	default:
		c.dropBuffer()
		whole = true
	}
	c.countPrepared(m, form.packed())
	return true, whole, nil
}
