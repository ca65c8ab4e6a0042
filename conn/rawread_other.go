//go:build !unix

package conn

// rawReader exists where a socket can be asked without a buffer at hand.
type rawReader struct{}

func (c *Conn) initRawRead() {}

func (c *Conn) rawRead() (n int, err error, ok bool) { return 0, nil, false }
