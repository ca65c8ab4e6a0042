package conntest

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Action is what goes wrong at a byte.
type Action uint8

// The actions of a [Trigger].
const (
	None   Action = iota // nothing
	Error                // the call fails with the trigger's error, and every later one in this direction
	Reset                // both directions end with syscall.ECONNRESET, for the other end too where the transport can
	Stall                // the call waits until its deadline, Close or another Set
	Vanish               // as if the cable were cut: writes succeed and go nowhere, reads wait
)

// Trigger says at which byte of a direction something goes wrong. Bytes before
// it pass, whatever the size of the calls. The zero Trigger does nothing.
type Trigger struct {
	Byte int64 // counted from the beginning, or from the last Set
	Do   Action
	Err  error // of the action Error; nil means ErrFault
}

// ErrFault is the error of a [Trigger] that names none.
var ErrFault error = fault{}

type fault struct{}

func (fault) Error() string { return "conntest: the transport failed, as the test asked for" }

// Fault describes what goes wrong on a transport. The zero Fault is a
// transport on which everything works.
type Fault struct {
	// MaxRead and MaxWrite bound the bytes of one call to the transport.
	// A longer Write becomes several. Zero means no bound.
	MaxRead, MaxWrite int

	// ReadDelay and WriteDelay pass before each call to the transport.
	ReadDelay, WriteDelay time.Duration

	// Read and Write say at which byte of either direction it breaks.
	Read, Write Trigger

	// DropClose keeps the end of the connection from the other side: Close
	// ends the calls of this side only, and returns nil. The caller closes
	// the transport beneath, FaultConn.Conn, in the end.
	DropClose bool
}

// Wrap puts the fault on nc.
func (f Fault) Wrap(nc net.Conn) *FaultConn {
	c := &FaultConn{Conn: nc, fault: f}
	c.changed.L = &c.mu
	return c
}

// FaultConn is a net.Conn on which things go wrong as a [Fault] says.
type FaultConn struct {
	net.Conn // the transport beneath

	mu              sync.Mutex
	changed         sync.Cond
	fault           Fault
	read, written   int64
	closed, reset   bool
	readBy, writeBy deadline
}

// Set changes the fault from now on; bytes count from zero again. A call that
// stalls looks again.
func (c *FaultConn) Set(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault, c.read, c.written = f, 0, 0
	c.changed.Broadcast()
}

// Read reads from the transport, as the fault allows.
func (c *FaultConn) Read(p []byte) (int, error) {
	n, vanished, err := c.allow(&c.readBy, len(p), func(f *Fault) (Trigger, int, time.Duration, *int64) {
		return f.Read, f.MaxRead, f.ReadDelay, &c.read
	})
	if err != nil || vanished {
		return 0, err
	}
	n, err = c.Conn.Read(p[:n])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read += int64(n)
	return n, err
}

// Write writes to the transport, in as many calls as the fault asks for.
func (c *FaultConn) Write(p []byte) (n int, err error) {
	for {
		m, vanished, err := c.allow(&c.writeBy, len(p)-n, func(f *Fault) (Trigger, int, time.Duration, *int64) {
			return f.Write, f.MaxWrite, f.WriteDelay, &c.written
		})
		switch {
		case err != nil:
			return n, err
		case vanished:
			return len(p), nil
		}
		m, err = c.Conn.Write(p[n : n+m])
		n += m
		c.mu.Lock()
		c.written += int64(m)
		c.mu.Unlock()
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// allow waits as the fault says, and returns how many of want bytes may pass
// now. vanished says that they pass into nothing.
func (c *FaultConn) allow(by *deadline, want int, side func(*Fault) (Trigger, int, time.Duration, *int64)) (n int, vanished bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, _, delay, _ := side(&c.fault); delay > 0 {
		c.pause(by, delay)
	}
	for {
		trigger, most, _, passed := side(&c.fault)
		left := trigger.Byte - *passed
		if trigger.Do == Vanish && left <= 0 && by == &c.writeBy && !c.over(by) {
			return want, true, nil
		}
		switch {
		case c.closed:
			return 0, false, net.ErrClosed
		case c.reset:
			return 0, false, syscall.ECONNRESET
		case by.passed():
			return 0, false, os.ErrDeadlineExceeded
		case trigger.Do == None || left > 0:
			n = want
			if trigger.Do != None {
				n = int(min(left, int64(n)))
			}
			if most > 0 {
				n = min(n, most)
			}
			return n, false, nil
		case trigger.Do == Error:
			if trigger.Err == nil {
				trigger.Err = ErrFault
			}
			return 0, false, fmt.Errorf("at byte %d: %w", *passed, trigger.Err)
		case trigger.Do == Reset:
			c.breakDown()
			continue
		}
		c.changed.Wait() // Stall, or a read of what has vanished
	}
}

func (c *FaultConn) over(by *deadline) bool { return c.closed || c.reset || by.passed() }

// pause waits for d, a deadline or the end, whatever comes first.
func (c *FaultConn) pause(by *deadline, d time.Duration) {
	until := time.Now().Add(d)
	defer time.AfterFunc(d, c.wake).Stop()
	for time.Now().Before(until) && !c.over(by) {
		c.changed.Wait()
	}
}

// breakDown resets the connection, with the lock held.
func (c *FaultConn) breakDown() {
	c.reset = true
	switch nc := c.Conn.(type) {
	case interface{ Reset() }:
		nc.Reset()
	case *net.TCPConn:
		nc.SetLinger(0)
		nc.Close()
	default:
		nc.Close()
	}
	c.changed.Broadcast()
}

func (c *FaultConn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
}

// Close ends the calls of this side, and closes the transport unless the fault
// keeps it.
func (c *FaultConn) Close() error {
	c.mu.Lock()
	c.closed = true
	drop := c.fault.DropClose
	c.changed.Broadcast()
	c.mu.Unlock()
	if drop {
		return c.Conn.SetDeadline(time.Unix(1, 0))
	}
	return c.Conn.Close()
}

// CloseWrite closes the direction away from this end where the transport can,
// and unless the fault keeps it.
func (c *FaultConn) CloseWrite() error {
	c.mu.Lock()
	drop := c.fault.DropClose
	c.mu.Unlock()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	switch {
	case !ok:
		return fmt.Errorf("conntest: %T has no CloseWrite", c.Conn)
	case drop:
		return nil
	}
	return half.CloseWrite()
}

// SetDeadline sets both deadlines.
func (c *FaultConn) SetDeadline(t time.Time) error {
	c.setDeadline(&c.readBy, t)
	c.setDeadline(&c.writeBy, t)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline sets the deadline of reads, stalled ones included.
func (c *FaultConn) SetReadDeadline(t time.Time) error {
	c.setDeadline(&c.readBy, t)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of writes, stalled ones included.
func (c *FaultConn) SetWriteDeadline(t time.Time) error {
	c.setDeadline(&c.writeBy, t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *FaultConn) setDeadline(d *deadline, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.set(t, c.wake)
	c.changed.Broadcast()
}
