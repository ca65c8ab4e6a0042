package main

import (
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

// coder's documentation shows Read and Write; Reader reads into memory that is
// used again. It leaves text unchecked.
var (
	coderUsual = coderIdiom("usual")
	coderBest  = coderIdiom("best")
)

func coderIdiom(name string) *idiom {
	reuse := name == "best"
	accept := func(w http.ResponseWriter, r *http.Request, mode compression) (*websocket.Conn, error) {
		opts := new(websocket.AcceptOptions)
		switch mode {
		case alone:
			opts.CompressionMode = websocket.CompressionNoContextTakeover
			opts.CompressionThreshold = 1
		case takeover:
			opts.CompressionMode = websocket.CompressionContextTakeover
			opts.CompressionThreshold = 1
		}
		ws, err := websocket.Accept(w, r, opts)
		if err == nil {
			ws.SetReadLimit(maxMessage)
		}
		return ws, err
	}
	return &idiom{
		lib: "coder", name: name, module: "github.com/coder/websocket",
		echo: func(mode compression) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ws, err := accept(w, r, mode)
				if err != nil {
					return
				}
				defer ws.CloseNow()
				ctx := context.Background()
				read := coderRead(ws, reuse)
				for {
					typ, p, err := read(ctx)
					if err != nil {
						return
					}
					if err := ws.Write(ctx, typ, p); err != nil {
						return
					}
				}
			})
		},
		reader: func(nc net.Conn) (func(int) error, error) {
			ws, err := accept(hijackable(nc), upgradeRequest(), plain)
			if err != nil {
				return nil, err
			}
			read, ctx := coderRead(ws, reuse), context.Background()
			return func(n int) error {
				for range n {
					if _, _, err := read(ctx); err != nil {
						return err
					}
				}
				return nil
			}, nil
		},
		writer: func(nc net.Conn, client bool) (func([]byte) error, error) {
			ctx := context.Background()
			var ws *websocket.Conn
			var err error
			if client {
				dial := func(context.Context, string, string) (net.Conn, error) { return nc, nil }
				ws, _, err = websocket.Dial(ctx, "ws://bench/", &websocket.DialOptions{
					HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}},
				})
			} else {
				ws, err = accept(hijackable(nc), upgradeRequest(), plain)
			}
			return func(p []byte) error { return ws.Write(ctx, websocket.MessageBinary, p) }, err
		},
		fanout: func(mode compression) fanout {
			var all audience[*websocket.Conn]
			h := func(w http.ResponseWriter, r *http.Request) {
				ws, err := accept(w, r, mode)
				if err != nil {
					return
				}
				defer ws.CloseNow()
				all.join(ws)
				defer all.leave(ws)
				ws.Read(context.Background())
			}
			return fanout{http.HandlerFunc(h), func(p []byte) error { // it has no prepared messages
				return all.each(func(ws *websocket.Conn) error {
					return ws.Write(context.Background(), websocket.MessageBinary, p)
				})
			}, all.size}
		},
	}
}

func coderRead(ws *websocket.Conn, reuse bool) func(context.Context) (websocket.MessageType, []byte, error) {
	if !reuse {
		return ws.Read
	}
	var into buffer
	return func(ctx context.Context) (websocket.MessageType, []byte, error) {
		typ, r, err := ws.Reader(ctx)
		if err != nil {
			return 0, nil, err
		}
		p, err := into.readAll(r)
		return typ, p, err
	}
}
