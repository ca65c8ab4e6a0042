package conn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

var errJSONType = errors.New("websocket: ReadJSON received a Binary message; JSON is sent as Text")

// ReadJSON reads the next message, which Config.MaxMessageSize bounds, and
// decodes it into v as json.Unmarshal does. A Binary message is an error, and
// so is a Text message that is not the one JSON value that v wants; then the
// message is consumed and the Conn stays usable. Other errors are those of
// AppendMessage.
func (c *Conn) ReadJSON(ctx context.Context, v any) error {
	typ, p, err := c.ReadMessage(ctx)
	if err != nil {
		return err
	}
	if typ != Text {
		return errJSONType
	}
	if err := json.Unmarshal(p, v); err != nil {
		return fmt.Errorf("websocket: ReadJSON: %w", err)
	}
	return nil
}

// WriteJSON encodes v as json.Marshal does and sends it as one Text message.
// When v can't be encoded nothing is sent. Other errors are those of
// WriteMessage.
func (c *Conn) WriteJSON(ctx context.Context, v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("websocket: WriteJSON: %w", err)
	}
	return c.WriteMessage(ctx, Text, p)
}
