package conn

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// SyscallConn gives access to the socket below, also below TLS, for what only
// the operating system can tell or set, such as a socket option. Reading or
// writing through it breaks the connection. The error is errors.ErrUnsupported
// when the transport isn't a socket.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	nc := c.nc
	for {
		if sc, ok := nc.(syscall.Conn); ok {
			return sc.SyscallConn()
		}
		above, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil, fmt.Errorf("websocket: SyscallConn of %T: %w", nc, errors.ErrUnsupported)
		}
		nc = above.NetConn()
	}
}
