package main

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

var gorilla = library{
	name: "gorilla/websocket " + version("github.com/gorilla/websocket"),
	accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
		up := websocket.Upgrader{Subprotocols: []string{subprotocol}, EnableCompression: true}
		if c, err := up.Upgrade(w, r, nil); err == nil {
			serveGorilla(c, a)
		}
	},
	dial: func(url string, a *agent) error {
		d := websocket.Dialer{Subprotocols: []string{subprotocol}, EnableCompression: true}
		c, _, err := d.Dial(url, nil)
		if err == nil {
			serveGorilla(c, a)
		}
		return err
	},
	habit:       noContext,
	serverLacks: map[string]string{"swindow": silentWindow, "theirs": noParameters},
	clientLacks: map[string]string{"cwindow": unofferedWindow, "theirs": noParameters},
}

const (
	silentWindow    = "the server accepts server_max_window_bits without confirming it, against RFC 7692, section 7.1.2.1"
	unofferedWindow = "the client doesn't offer client_max_window_bits"
	noParameters    = "the library has no settings for the parameters"
)

type gorillaSocket struct{ *websocket.Conn }

func serveGorilla(c *websocket.Conn, a *agent) {
	defer c.Close()
	s := gorillaSocket{c}
	c.SetPongHandler(func(payload string) error { return a.ponged(s, payload) })
	for {
		typ, data, err := c.ReadMessage()
		if err == nil {
			err = a.hear(s, typ == websocket.TextMessage, data)
		}
		var ce *websocket.CloseError
		switch {
		case err == nil:
			continue
		case errors.As(err, &ce) && ce.Code != websocket.CloseAbnormalClosure:
			a.closed(s, ce.Code, ce.Text)
		default:
			a.closed(s, 1006, "")
		}
		return
	}
}

func (s gorillaSocket) write(text bool, data []byte) error {
	if text {
		return s.WriteMessage(websocket.TextMessage, data)
	}
	return s.WriteMessage(websocket.BinaryMessage, data)
}

// fragments fills the write buffer with each part more than once, so that it leaves.
func (s gorillaSocket) fragments(parts ...[]byte) error {
	s.EnableWriteCompression(false)
	defer s.EnableWriteCompression(true)
	w, err := s.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Close()
}

func (s gorillaSocket) ping() error {
	return s.WriteControl(websocket.PingMessage, []byte(pingPayload), time.Now().Add(checkTime))
}

func (s gorillaSocket) close(code int, reason string) error {
	return s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(checkTime))
}

func (s gorillaSocket) drop() error {
	s.NetConn().Close()
	return net.ErrClosed
}
