package main

import (
	"net"
	"net/http"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

// nbio's documentation shows its own HTTP server on its own poller, with
// OnMessage; in memory it reads in its blocking mode.
var nbioUsual = &idiom{
	lib: "nbio", name: "usual", module: "github.com/lesismal/nbio",
	echo: func(mode compression) http.Handler {
		u := websocket.NewUpgrader()
		u.EnableCompression(mode != plain) // it has no takeover
		u.OnMessage(func(c *websocket.Conn, typ websocket.MessageType, p []byte) { c.WriteMessage(typ, p) })
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.Upgrade(w, r, nil) })
	},
	reader: func(nc net.Conn) (func(int) error, error) {
		g := newGate()
		u := nbioBlocking()
		u.OnMessage(func(*websocket.Conn, websocket.MessageType, []byte) { g.pass() })
		u.OnClose(func(_ *websocket.Conn, err error) { g.fail(err) })
		c, err := u.Upgrade(hijackable(nc), upgradeRequest(), nil)
		if err != nil {
			return nil, err
		}
		go c.HandleRead(4096)
		return g.read, nil
	},
	writer: func(nc net.Conn, client bool) (func([]byte) error, error) {
		if client {
			return nil, errNoMeans
		}
		c, err := nbioBlocking().Upgrade(hijackable(nc), upgradeRequest(), nil)
		return func(p []byte) error { return c.WriteMessage(websocket.BinaryMessage, p) }, err
	},
	fanout: func(mode compression) fanout { // it has no prepared messages
		var all audience[*websocket.Conn]
		u := websocket.NewUpgrader()
		u.EnableCompression(mode != plain)
		u.OnClose(func(c *websocket.Conn, _ error) { all.leave(c) })
		h := func(w http.ResponseWriter, r *http.Request) {
			c, err := u.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			c.EnableWriteCompression(mode != plain)
			all.join(c)
		}
		return fanout{http.HandlerFunc(h), func(p []byte) error {
			return all.each(func(c *websocket.Conn) error { return c.WriteMessage(websocket.BinaryMessage, p) })
		}, all.size}
	},
}

func nbioBlocking() *websocket.Upgrader {
	u := websocket.NewUpgrader()
	u.BlockingModHandleRead = false
	u.BlockingModAsyncWrite = false
	return u
}

// serveNbio runs nbio's own server on ln, and returns when it is up.
func serveNbio(ln net.Listener, h http.Handler) error {
	logging.SetLevel(logging.LevelNone) // connections that end are part of the measurement
	return nbhttp.NewEngine(nbhttp.Config{
		Network:                 "tcp",
		Addrs:                   []string{ln.Addr().String()},
		Listen:                  func(string, string) (net.Listener, error) { return ln, nil },
		ReleaseWebsocketPayload: true,
		Handler:                 h,
	}).Start()
}
