package main

import (
	"net/http"
	"sync/atomic"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

var nbio = library{
	name: "lesismal/nbio " + version("github.com/lesismal/nbio"),
	accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
		up := nbioEvents(a, nil)
		up.BlockingModHandleRead, up.BlockingModAsyncWrite = false, false
		if c, err := up.Upgrade(w, r, nil); err == nil {
			c.HandleRead(4096)
		}
	},
	dial: func(url string, a *agent) error {
		// One for each connection: the end of one may take the next along that
		// got its file descriptor.
		logging.SetLevel(logging.LevelError) // it announces every start
		engine := nbhttp.NewEngine(nbhttp.Config{MaxWebsocketFramePayloadSize: 32 << 20})
		if err := engine.Start(); err != nil {
			return err
		}
		defer engine.Stop()
		ended := make(chan struct{})
		d := websocket.Dialer{
			Engine:            engine,
			Upgrader:          nbioEvents(a, func() { close(ended) }),
			Subprotocols:      []string{subprotocol},
			EnableCompression: true,
		}
		if _, _, err := d.Dial(url, nil); err != nil {
			return err
		}
		<-ended
		return nil
	},
	habit:       noContext,
	serverLacks: map[string]string{"empty": nbioEmpty, "swindow": silentWindow, "theirs": noParameters},
	clientLacks: map[string]string{"empty": nbioEmpty, "cwindow": unofferedWindow, "theirs": noParameters},
}

const nbioEmpty = "the library doesn't hand out messages without payload"

func nbioEvents(a *agent, ended func()) *websocket.Upgrader {
	up := websocket.NewUpgrader()
	up.Subprotocols = []string{subprotocol}
	up.EnableCompression(true)
	up.OnOpen(func(c *websocket.Conn) { c.EnableWriteCompression(true) })
	up.OnMessage(func(c *websocket.Conn, typ websocket.MessageType, data []byte) {
		a.hear(nbioSocket{c}, typ == websocket.TextMessage, data)
	})
	up.SetPongHandler(func(c *websocket.Conn, payload string) { a.ponged(nbioSocket{c}, payload) })
	up.MessageLengthLimit = 32 << 20
	// OnClose is not told of code 1000, so the Close frame itself is looked at.
	var answered atomic.Bool
	up.SetCloseHandler(func(c *websocket.Conn, code int, reason string) {
		a.closed(nbioSocket{c}, code, reason)
		if !answered.Swap(true) {
			nbioSocket{c}.close(code, "")
		}
	})
	up.OnClose(func(c *websocket.Conn, _ error) {
		if !answered.Load() {
			a.closed(nbioSocket{c}, 1006, "")
		}
		if ended != nil {
			ended()
		}
	})
	return up
}

type nbioSocket struct{ *websocket.Conn }

func (s nbioSocket) write(text bool, data []byte) error {
	if text {
		return s.WriteMessage(websocket.TextMessage, data)
	}
	return s.WriteMessage(websocket.BinaryMessage, data)
}

func (s nbioSocket) fragments(parts ...[]byte) error {
	for i, part := range parts {
		if err := s.WriteFrame(websocket.TextMessage, i == 0, i == len(parts)-1, part); err != nil {
			return err
		}
	}
	return nil
}

func (s nbioSocket) ping() error {
	return s.WriteMessage(websocket.PingMessage, []byte(pingPayload))
}

func (s nbioSocket) close(code int, reason string) error {
	if code == 1005 {
		return s.WriteMessage(websocket.CloseMessage, nil)
	}
	return s.WriteClose(code, reason)
}

func (s nbioSocket) drop() error { return s.Conn.Close() }
