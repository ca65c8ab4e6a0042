//go:build unix

package conn

import (
	"io"
	"net"
	"syscall"
)

// rawReader reads a socket without owning a buffer while it waits: the
// callback takes one from the pool only for the attempt, and gives it back
// when the socket has nothing, before the goroutine parks.
type rawReader struct {
	rc  syscall.RawConn
	try func(fd uintptr) bool // made once, so that a read allocates nothing
	n   int
	err error
}

func (c *Conn) initRawRead() {
	var sc syscall.Conn
	switch nc := c.nc.(type) { // exactly these: a wrapper's own Read must be called
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
	r := &c.rd
	r.raw.rc = rc
	r.raw.try = func(fd uintptr) bool {
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
				r.raw.n, r.raw.err = 0, err
			case n == 0:
				r.raw.n, r.raw.err = 0, io.EOF
			default:
				r.raw.n, r.raw.err = n, nil
			}
			return true
		}
	}
}

// rawRead reads into the free end of the read buffer. It reports ok false
// when the transport has no file descriptor to ask.
func (c *Conn) rawRead() (n int, err error, ok bool) {
	raw := &c.rd.raw
	if raw.rc == nil {
		return 0, nil, false
	}
	if err := raw.rc.Read(raw.try); err != nil {
		return 0, err, true
	}
	return raw.n, raw.err, true
}
