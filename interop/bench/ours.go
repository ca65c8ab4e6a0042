package main

import (
	"context"
	"net"
	"net/http"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/handshake"
)

var (
	ourConfig   = &conn.Config{MaxMessageSize: maxMessage}
	ourDeflated = &conn.Config{MaxMessageSize: maxMessage, Compression: new(deflate.Options)}
)

// ourEchoConfig is for an echo server; what the load offers decides on takeover.
func ourEchoConfig(mode compression) *conn.Config {
	if mode == plain {
		return ourConfig
	}
	return ourDeflated
}

// ourSmallWindow is of 4 KiB, as gws's is when it takes the context over.
var ourSmallWindow = &conn.Config{MaxMessageSize: maxMessage, Compression: &deflate.Options{ServerMaxWindowBits: 12}}

var ourUsual = &idiom{
	lib: ours, name: "usual", module: "github.com/seed24abed78/rfc6455",
	echo: func(mode compression) http.Handler {
		return conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
			for {
				typ, p, err := ws.ReadMessage(ctx)
				if err != nil {
					return err
				}
				if err := ws.WriteMessage(ctx, typ, p); err != nil {
					return err
				}
			}
		}, ourEchoConfig(mode))
	},
	fanout: func(mode compression) fanout { return ourTopic(mode, nil) },
	reader: func(nc net.Conn) (func(int) error, error) {
		ws := conn.New(nc, conn.Server, handshake.Result{}, ourConfig)
		ctx := context.Background()
		return func(n int) error {
			for range n {
				if _, _, err := ws.ReadMessage(ctx); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
}

// ourTopic publishes through a hub.Topic and a queue for each connection.
func ourTopic(mode compression, cfg *sendqueue.Config) fanout {
	topic, err := hub.NewTopic(nil)
	if err != nil {
		panic(err) // only of a Log of somebody else's
	}
	h := conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		q, err := sendqueue.New(ws, cfg)
		if err != nil {
			return err
		}
		sub, err := topic.Subscribe(q, hub.Live)
		if err != nil {
			return err
		}
		defer sub.Close()
		_, _, err = ws.ReadMessage(ctx)
		return err
	}, ourEchoConfig(mode))
	return fanout{h, func(p []byte) error {
		_, err := topic.Publish(conn.Binary, p)
		return err
	}, topic.Subscribers}
}

var ourBest = &idiom{
	lib: ours, name: "best", module: ourUsual.module,
	echo: func(mode compression) http.Handler {
		if mode == takeover {
			return conn.Handler(ourEcho, ourSmallWindow)
		}
		return conn.Handler(ourEcho, ourEchoConfig(mode))
	},
	listen: func(ln net.Listener) error {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return err
			}
			go func() {
				ctx := context.Background()
				ws, err := conn.Upgrade(ctx, nc, ourConfig)
				if err != nil {
					return
				}
				// The handshake's deep stack ends here: an idle connection
				// keeps the small one of a new goroutine.
				go func() {
					defer ws.Close()
					ourEcho(ctx, ws)
				}()
			}()
		}
	},
	upgrade: func(nc net.Conn) error {
		ws, err := conn.Upgrade(context.Background(), nc, ourConfig)
		if err != nil {
			return err
		}
		return ws.CloseNow() // which ends its keepalive, too
	},
	reader: func(nc net.Conn) (func(int) error, error) {
		ws := conn.New(nc, conn.Server, handshake.Result{}, ourConfig)
		ctx := context.Background()
		return func(n int) error {
			for _, err := range ws.Messages(ctx) {
				if err != nil {
					return err
				}
				if n--; n == 0 {
					break
				}
			}
			return nil
		}, nil
	},
	writer: func(nc net.Conn, client bool) (func([]byte) error, error) {
		ctx := context.Background()
		ws := conn.New(nc, conn.Server, handshake.Result{}, ourConfig)
		if client {
			var err error
			cfg := &conn.Config{DialContext: func(context.Context, string, string) (net.Conn, error) { return nc, nil }}
			if ws, err = conn.Dial(ctx, "ws://bench/", cfg); err != nil {
				return nil, err
			}
		}
		return func(p []byte) error { return ws.WriteMessage(ctx, conn.Binary, p) }, nil
	},
	fanout: func(mode compression) fanout { return ourTopic(mode, &sendqueue.Config{Direct: true}) },
}

// ourEcho answers in place: what a burst of messages brings leaves in one write,
// when the next read is about to wait.
func ourEcho(ctx context.Context, ws *conn.Conn) error {
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := ws.BufferMessage(msg.Type, msg.Data); err != nil {
			return err
		}
	}
	return nil
}
