package main

import (
	"context"
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
		fanout: func() (http.Handler, func([]byte) (int, error)) {
			var mu sync.Mutex
			var all []*websocket.Conn
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ws, err := upgrade(w, r, plain)
				if err != nil {
					return
				}
				mu.Lock()
				all = append(all, ws)
				mu.Unlock()
				ws.ReadMessage()
				ws.Close()
			})
			return h, func(p []byte) (int, error) {
				m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, p)
				if err != nil {
					return 0, err
				}
				mu.Lock()
				defer mu.Unlock()
				for _, ws := range all {
					if err := ws.WritePreparedMessage(m); err != nil {
						return 0, err
					}
				}
				return len(all), nil
			}
		},
	}
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
