package conn

import "sync"

// ending is when and why a connection ends.
type ending struct {
	mu   sync.Mutex    // never held while waiting
	err  error         // set once
	gone bool          // err is set and the transport is closed
	done chan struct{} // closed when gone is set; nil until somebody asks
}

// Done is closed when the connection has ended, in whatever way.
func (c *Conn) Done() <-chan struct{} {
	e := made(&c.ending)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done == nil {
		e.done = make(chan struct{})
		if e.gone {
			close(e.done)
		}
	}
	return e.done
}

// ended returns why the connection ended, or nil while it has not.
func (c *Conn) ended() error {
	if !c.over.Load() {
		return nil
	}
	return c.cause()
}

// cause waits for the end under way, and returns why.
func (c *Conn) cause() error {
	e := made(&c.ending)
	e.mu.Lock()
	err, gone := e.err, e.gone
	e.mu.Unlock()
	if !gone { // over is true a moment before the transport is closed
		<-c.Done()
	}
	return err
}

// settle records why the connection ends, while the transport is still open.
// Only the first cause counts; the one that counts is returned.
func (c *Conn) settle(cause error) error {
	e := made(&c.ending)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = cause
	}
	return e.err
}

// end settles the cause and closes the transport.
func (c *Conn) end(cause error) error {
	cause = c.settle(cause)
	if c.over.CompareAndSwap(false, true) {
		c.stopKeepalive()
		c.nc.Close()
		c.rd.intr.letGo()
		c.wr.intr.letGo()
		c.leave()
		c.afterEnd(cause)
	}
	return cause
}

// leave says that the connection has ended.
func (c *Conn) leave() {
	e := made(&c.ending)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	if e.done != nil {
		close(e.done)
	}
}
