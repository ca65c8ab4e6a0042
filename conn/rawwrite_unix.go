//go:build unix

package conn

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// tryWriter writes to a socket what it takes without waiting.
type tryWriter struct {
	rc  syscall.RawConn
	try func(fd uintptr) bool // made once, so that a write allocates nothing
	b   []byte
	n   int
	err error
}

func (w *tryWriter) init(nc net.Conn) {
	var sc syscall.Conn
	switch nc := nc.(type) { // exactly these: a wrapper's own Write must be called
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
	w.rc = rc
	w.try = func(fd uintptr) bool {
		for {
			w.n, w.err = syscall.Write(int(fd), w.b)
			if w.err != syscall.EINTR {
				return true // never wait
			}
		}
	}
}

func (w *tryWriter) able() bool { return w.rc != nil }

// write returns zero without an error when the socket takes nothing now.
func (w *tryWriter) write(b []byte) (int, error) {
	w.b, w.n, w.err = b, 0, nil
	err := w.rc.Write(w.try)
	w.b = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // of a context that has ended since
		return 0, nil
	case err != nil:
		return 0, err
	case w.err == syscall.EAGAIN:
		return 0, nil
	case w.err != nil:
		return 0, os.NewSyscallError("write", w.err)
	}
	return w.n, nil
}
