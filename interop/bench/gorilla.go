package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// gorilla's documentation shows ReadMessage and WriteMessage with buffers of
// 1024 bytes; without sizes it takes over net/http's.
var gorillaUsual = gorillaIdiom("usual", &websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, EnableCompression: true})

// The same, with a pool for write buffers, and read into one buffer.
var gorillaBest = gorillaIdiom("best", &websocket.Upgrader{
	ReadBufferSize: 4096, WriteBufferSize: 4096, WriteBufferPool: new(sync.Pool), EnableCompression: true,
})

func gorillaIdiom(name string, base *websocket.Upgrader) *idiom {
	reuse := name == "best"
	upgrade := func(w http.ResponseWriter, r *http.Request, mode compression) (*websocket.Conn, error) {
		u := *base
		u.EnableCompression = mode != plain // it has no takeover
		ws, err := u.Upgrade(w, r, nil)
		if err == nil {
			ws.SetReadLimit(maxMessage)
		}
		return ws, err
	}
	return &idiom{
		lib: "gorilla", name: name, module: "github.com/gorilla/websocket",
		echo: func(mode compression) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ws, err := upgrade(w, r, mode)
				if err != nil {
					return
				}
				defer ws.Close()
				read := gorillaRead(ws, reuse)
				for {
					typ, p, err := read()
					if err != nil {
						return
					}
					if err := ws.WriteMessage(typ, p); err != nil {
						return
					}
				}
			})
		},
		reader: func(nc net.Conn) (func(int) error, error) {
			ws, err := upgrade(hijackable(nc), upgradeRequest(), plain)
			if err != nil {
				return nil, err
			}
			read := gorillaRead(ws, reuse)
			return func(n int) error {
				for range n {
					if _, _, err := read(); err != nil {
						return err
					}
				}
				return nil
			}, nil
		},
		writer: func(nc net.Conn, client bool) (func([]byte) error, error) {
			if !client {
				ws, err := upgrade(hijackable(nc), upgradeRequest(), plain)
				return func(p []byte) error { return ws.WriteMessage(websocket.BinaryMessage, p) }, err
			}
			d := websocket.Dialer{
				ReadBufferSize: base.ReadBufferSize, WriteBufferSize: base.WriteBufferSize, WriteBufferPool: base.WriteBufferPool,
				NetDialContext: func(context.Context, string, string) (net.Conn, error) { return nc, nil },
			}
			ws, _, err := d.Dial("ws://bench/", nil)
			return func(p []byte) error { return ws.WriteMessage(websocket.BinaryMessage, p) }, err
		},
		fanout: func(mode compression) fanout {
			accept := func(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) { return upgrade(w, r, mode) }
			if name == "usual" {
				return gorillaHub(accept)
			}
			return gorillaLoop(accept)
		},
	}
}

type gorillaAccept func(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error)

// gorillaLoop publishes one write after the other: the least that can be done,
// and it waits for a peer that is slow.
func gorillaLoop(accept gorillaAccept) fanout {
	var all audience[*websocket.Conn]
	h := func(w http.ResponseWriter, r *http.Request) {
		ws, err := accept(w, r)
		if err != nil {
			return
		}
		defer ws.Close()
		all.join(ws)
		defer all.leave(ws)
		ws.ReadMessage()
	}
	return fanout{http.HandlerFunc(h), func(p []byte) error {
		m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, p)
		if err != nil {
			return err
		}
		return all.each(func(ws *websocket.Conn) error { return ws.WritePreparedMessage(m) })
	}, all.size}
}

// gorillaHub is the hub of its chat example: a channel of 256 messages and a
// goroutine that writes for each client, and a client whose channel is full is
// given up. The messages are prepared, as its documentation advises.
func gorillaHub(accept gorillaAccept) fanout {
	type client struct {
		ws   *websocket.Conn
		send chan *websocket.PreparedMessage
	}
	var all audience[*client]
	h := func(w http.ResponseWriter, r *http.Request) {
		ws, err := accept(w, r)
		if err != nil {
			return
		}
		defer ws.Close()
		c := &client{ws, make(chan *websocket.PreparedMessage, 256)}
		go func() {
			for m := range c.send {
				ws.WritePreparedMessage(m)
			}
		}()
		all.join(c)
		ws.ReadMessage()
		all.leave(c)
		close(c.send)
	}
	return fanout{http.HandlerFunc(h), func(p []byte) error {
		m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, p)
		if err != nil {
			return err
		}
		return all.each(func(c *client) error {
			select {
			case c.send <- m:
				return nil
			default:
				return errors.New("a client's channel is full")
			}
		})
	}, all.size}
}

// gorillaRead returns ReadMessage, or what reads into the same memory each time.
// gorilla leaves text unchecked.
func gorillaRead(ws *websocket.Conn, reuse bool) func() (int, []byte, error) {
	if !reuse {
		return ws.ReadMessage
	}
	var into buffer
	return func() (int, []byte, error) {
		typ, r, err := ws.NextReader()
		if err != nil {
			return 0, nil, err
		}
		p, err := into.readAll(r)
		return typ, p, err
	}
}

// buffer is memory for one message at a time.
type buffer struct{ p []byte }

// readAll is io.ReadAll into the memory of the time before.
func (b *buffer) readAll(r io.Reader) ([]byte, error) {
	p := b.p[:0]
	for {
		if len(p) == cap(p) {
			p = append(p, 0)[:len(p)]
		}
		n, err := r.Read(p[len(p):cap(p)])
		p = p[:len(p)+n]
		b.p = p
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
