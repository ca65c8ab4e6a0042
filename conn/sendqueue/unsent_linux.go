package sendqueue

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Unsent returns the bytes that the kernel holds for this connection because
// the peer's kernel has not acknowledged them (SIOCOUTQ): what Buffered no
// longer counts, and what can still be lost. It counts bytes of the wire, so
// headers and TLS as well. It works on Linux, for TCP, also below TLS;
// elsewhere the error is errors.ErrUnsupported.
func (q *Queue) Unsent() (int, error) {
	rc, err := q.ws.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("sendqueue: unsent: %w", err)
	}
	var n int32
	var errno syscall.Errno
	err = rc.Control(func(fd uintptr) {
		// SIOCOUTQ is TIOCOUTQ by another name.
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("ioctl SIOCOUTQ", errno)
	}
	if err != nil {
		return 0, fmt.Errorf("sendqueue: unsent: %w", err)
	}
	return int(n), nil
}
