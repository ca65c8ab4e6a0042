//go:build unix

package conn

import (
	"io"
	"net"
	"os"
	"syscall"
)

// socket does with a TCP or Unix socket what net.Conn has no call for: it reads
// without owning a buffer while it waits, and writes without waiting. It also
// is the shallow way into the kernel: a goroutine that reads and writes through
// net.Conn outgrows the stack of 2 KiB that it begins with, and an idle
// connection then keeps twice as much.
type socket struct {
	rc   syscall.RawConn       // nil for another transport
	read func(fd uintptr) bool // made once, so that a call allocates nothing
	send func(fd uintptr) bool

	// The outcome of the last read; belongs to the holder of the reader's lock.
	in struct {
		n   int
		err error
	}
	// The write under way and its outcome; to the holder of the writer's lock.
	out struct {
		b    []byte
		wait bool // for room in the socket
		n    int
		err  error
	}
}

func (c *Conn) initSocket() {
	var sc syscall.Conn
	switch nc := c.nc.(type) { // exactly these: a wrapper's own Read and Write must be called
	case *net.TCPConn:
		sc = nc
	case *net.UnixConn:
		sc = nc
	default:
		return
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return
	}
	c.socket.rc = rc
	c.socket.read = c.reader()
	c.socket.send = c.sender()
}

// isSocket reports whether readSocket and writeSocket may be called.
func (c *Conn) isSocket() bool { return c.socket.rc != nil }

// readSocket waits for bytes and reads them into the free end of the read
// buffer, which it borrows when there is none.
func (c *Conn) readSocket() (int, error) {
	s := &c.socket
	if err := s.rc.Read(s.read); err != nil {
		return 0, err
	}
	return s.in.n, s.in.err
}

// reader reads once. It borrows the buffer for the attempt alone, and gives it
// back before the goroutine parks, which returning false makes it do.
func (c *Conn) reader() func(fd uintptr) bool {
	return func(fd uintptr) bool {
		r, in := &c.rd, &c.socket.in
		borrowed := r.buf == nil
		if borrowed {
			r.borrow()
		}
		for {
			n, err := syscall.Read(int(fd), r.buf[r.end:])
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				if borrowed {
					r.giveBack()
				}
				c.alive.parks()
				return false
			case err != nil:
				in.n, in.err = 0, c.socketError("read", err)
			case n == 0:
				in.n, in.err = 0, io.EOF
			default:
				in.n, in.err = n, nil
			}
			return true
		}
	}
}

// writeSocket writes b. With wait it waits until all of it has left; otherwise
// it writes what the socket takes now, which may be nothing.
func (c *Conn) writeSocket(b []byte, wait bool) (int, error) {
	s := &c.socket
	s.out.b, s.out.wait, s.out.n, s.out.err = b, wait, 0, nil
	err := s.rc.Write(s.send)
	s.out.b = nil
	c.stats.bytesSent.Add(int64(s.out.n))
	if err == nil {
		err = s.out.err
	}
	return s.out.n, err
}

// sender writes until all has left, or the socket takes no more.
func (c *Conn) sender() func(fd uintptr) bool {
	return func(fd uintptr) bool {
		out := &c.socket.out
		for out.n < len(out.b) {
			n, err := syscall.Write(int(fd), out.b[out.n:])
			switch {
			case err == syscall.EINTR:
			case err == syscall.EAGAIN:
				return !out.wait
			case err != nil:
				out.err = c.socketError("write", err)
				return true
			default:
				out.n += n
			}
		}
		return true
	}
}

// socketError gives an error the form that package net gives it.
func (c *Conn) socketError(call string, err error) error {
	local := c.nc.LocalAddr()
	return &net.OpError{Op: call, Net: local.Network(), Source: local, Addr: c.nc.RemoteAddr(), Err: os.NewSyscallError(call, err)}
}
