//go:build !unix

package conn

// socket exists where a socket can be read without a buffer at hand.
type socket struct{}

func (c *Conn) initSocket()    {}
func (c *Conn) isSocket() bool { return false }

func (c *Conn) readSocket() (int, error)              { panic("conn: not a socket") }
func (c *Conn) writeSocket([]byte, bool) (int, error) { panic("conn: not a socket") }
