//go:build unix

package conn

import (
	"io"
	"net"
	"os"
	"syscall"
)

// A TCP or Unix socket is read and written through its syscall.RawConn, which
// does what net.Conn has no call for: it reads without owning a buffer while it
// waits, and writes without waiting. It also is the shallow way into the kernel:
// a goroutine that reads and writes through net.Conn outgrows the stack of 2 KiB
// that it begins with, and an idle connection then keeps twice as much.
//
// The RawConn is asked for where it is used, of the type itself, because the
// compiler then sees what becomes of it and of the callback: neither is
// allocated, and the Conn has to keep nothing for them.

// rawIO reports whether readSocket and writeSocket may be called.
func (c *Conn) rawIO() bool { return c.socket }

// readSocket waits for bytes and reads them into the free end of the read
// buffer, which it borrows when there is none. The buffer is borrowed for the
// attempt alone, and given back before the goroutine parks, which returning
// false makes it do.
func (c *Conn) readSocket() (n int, err error) {
	attempt := func(fd uintptr) bool {
		r := &c.rd
		borrowed := r.buf == nil
		if borrowed {
			r.borrow()
		}
		for {
			n, err = syscall.Read(int(fd), r.buf[r.end:])
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
				n, err = 0, c.socketError("read", err)
			case n == 0:
				err = io.EOF
			}
			return true
		}
	}
	var refused error
	switch nc := c.nc.(type) {
	case *net.TCPConn:
		rc, closed := nc.SyscallConn()
		if refused = closed; refused == nil {
			refused = rc.Read(attempt)
		}
	case *net.UnixConn:
		rc, closed := nc.SyscallConn()
		if refused = closed; refused == nil {
			refused = rc.Read(attempt)
		}
	}
	if refused != nil { // a deadline, or a socket that was closed
		return 0, refused
	}
	return n, err
}

// writeSocket gives b to the socket in one system call, and returns how much of
// it the socket took. With wait it waits until it takes something.
func (c *Conn) writeSocket(b []byte, wait bool) (n int, err error) {
	attempt := func(fd uintptr) bool {
		n, err = syscall.Write(int(fd), b)
		return !wait || err != syscall.EAGAIN
	}
	var refused error
	switch nc := c.nc.(type) {
	case *net.TCPConn:
		rc, closed := nc.SyscallConn()
		if refused = closed; refused == nil {
			refused = rc.Write(attempt)
		}
	case *net.UnixConn:
		rc, closed := nc.SyscallConn()
		if refused = closed; refused == nil {
			refused = rc.Write(attempt)
		}
	}
	switch {
	case refused != nil: // by a deadline, or because the socket was closed
		return 0, refused
	case err == syscall.EAGAIN, err == syscall.EINTR:
		return 0, nil
	case err != nil:
		return 0, c.socketError("write", err)
	}
	c.stats.bytesSent.Add(int64(n))
	return n, nil
}

// socketError gives an error the form that package net gives it.
func (c *Conn) socketError(call string, err error) error {
	local := c.nc.LocalAddr()
	return &net.OpError{Op: call, Net: local.Network(), Source: local, Addr: c.nc.RemoteAddr(), Err: os.NewSyscallError(call, err)}
}
