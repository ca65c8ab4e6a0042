//go:build !unix

package conn

// rawIO reports false where a socket can't be read without a buffer at hand.
func (c *Conn) rawIO() bool { return false }

func (c *Conn) readSocket() (int, error)              { panic("conn: not a socket") }
func (c *Conn) writeSocket([]byte, bool) (int, error) { panic("conn: not a socket") }
