package conn

import (
	"errors"

	"github.com/seed24abed78/rfc6455/frame"
)

// CloseWrite sends a Close frame and doesn't wait for the answer. It is for who
// has said everything and wants to hear all of the answers: what the peer sends
// before its own Close frame is there to be read, where CloseWith drops what
// comes between two reads. Writes fail from now on.
//
// The caller reads until the *CloseError, and bounds that with a context or
// with CloseNow, because a peer may go on for as long as it likes.
func (c *Conn) CloseWrite(code frame.CloseCode, reason string) error {
	payload, err := frame.AppendClose(nil, code, reason)
	if err != nil {
		return err
	}
	if code == frame.StatusMandatoryExtension && c.role == Server {
		return errors.New("websocket: code 1010 is for clients; a server refuses the handshake instead")
	}
	ctx, cancel := timeout(c.cfg.closeTimeout(), errCloseTimeout)
	defer cancel()
	if err := c.sendClose(ctx, payload); err != nil {
		return c.endClosing(ctx, err)
	}
	return nil
}
