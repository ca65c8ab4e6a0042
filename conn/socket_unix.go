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
func (c *Conn) readSocket() (int, error) {
	n := 0 // less than zero: the number of an error
	attempt := func(fd uintptr) bool {
		borrowed := c.rd.buf == nil
		if borrowed {
			c.rd.borrowForTry()
		}
		for n = interrupted; n == interrupted; {
			n = result(syscall.Read(int(fd), c.rd.buf[c.rd.end:]))
		}
		if n != again {
			return true
		}
		if borrowed {
			c.rd.giveBack()
		}
		return false
	}
	var err error
	switch nc := c.nc.(type) {
	case *net.TCPConn:
		var rc syscall.RawConn
		if rc, err = nc.SyscallConn(); err == nil {
			err = rc.Read(attempt)
		}
	case *net.UnixConn:
		var rc syscall.RawConn
		if rc, err = nc.SyscallConn(); err == nil {
			err = rc.Read(attempt)
		}
	}
	switch {
	case err != nil: // a deadline, or the socket was closed
		return 0, err
	case n < 0:
		return 0, c.socketError("read", n)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

const (
	again       = -int(syscall.EAGAIN)
	interrupted = -int(syscall.EINTR)
)

// result is that of a system call in one word, negative for an error.
func result(n int, err error) int {
	if errno, ok := err.(syscall.Errno); ok {
		return -int(errno)
	}
	return n
}

// writeSocket gives b to the socket in one system call, and returns how much of
// it the socket took. With wait it waits until it takes something.
func (c *Conn) writeSocket(b []byte, wait bool) (int, error) {
	n := 0 // less than zero: the number of an error
	attempt := func(fd uintptr) bool {
		n = result(syscall.Write(int(fd), b))
		return n != again || !wait
	}
	var err error
	switch nc := c.nc.(type) {
	case *net.TCPConn:
		var rc syscall.RawConn
		if rc, err = nc.SyscallConn(); err == nil {
			err = rc.Write(attempt)
		}
	case *net.UnixConn:
		var rc syscall.RawConn
		if rc, err = nc.SyscallConn(); err == nil {
			err = rc.Write(attempt)
		}
	}
	switch {
	case err != nil: // a deadline, or the socket was closed
		return 0, err
	case n == again, n == interrupted:
		return 0, nil
	case n < 0:
		return 0, c.socketError("write", n)
	}
	c.stats.bytesSent.Add(int64(n))
	return n, nil
}

// socketError gives an error the form that package net gives it.
func (c *Conn) socketError(call string, result int) error {
	local := c.nc.LocalAddr()
	return &net.OpError{Op: call, Net: local.Network(), Source: local, Addr: c.nc.RemoteAddr(), Err: os.NewSyscallError(call, syscall.Errno(-result))}
}
