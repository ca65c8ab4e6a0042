package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// ours is this module's own, which stands behind the proxies, and is a row of
// its own so that a wrong check shows.
var ours = library{
	name: "rfc6455 itself",
	accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
		s := &ourSocket{agent: a}
		if c, err := conn.Accept(w, r, s.config()); err == nil {
			s.serve(c)
		}
	},
	dial: func(url string, a *agent) error {
		s := &ourSocket{agent: a}
		c, err := conn.Dial(context.Background(), url, s.config())
		if err == nil {
			s.serve(c)
		}
		return err
	},
	asks: allParameters(9),
}

type ourSocket struct {
	*conn.Conn
	agent *agent
}

func (s *ourSocket) config() *conn.Config {
	return &conn.Config{
		Subprotocols:   []string{subprotocol},
		MaxMessageSize: -1,
		FrameSize:      128 << 10,
		Compression:    s.agent.parameters().options(),
		OnPong:         func(_ *conn.Conn, payload []byte) { s.agent.ponged(s, string(payload)) },
	}
}

func (s *ourSocket) serve(c *conn.Conn) {
	s.Conn = c
	defer c.CloseNow()
	for {
		typ, data, err := c.ReadMessage(context.Background())
		if err == nil {
			err = s.agent.hear(s, typ == conn.Text, data)
		}
		var ce *conn.CloseError
		switch {
		case err == nil:
			continue
		case errors.As(err, &ce):
			s.agent.closed(s, int(ce.Code), ce.Reason)
		default:
			s.agent.closed(s, 1006, "")
		}
		return
	}
}

func (s *ourSocket) write(text bool, data []byte) error {
	typ := conn.Binary
	if text {
		typ = conn.Text
	}
	return s.WriteMessage(context.Background(), typ, data)
}

func (s *ourSocket) fragments(parts ...[]byte) error {
	w, err := s.NextWriter(context.Background(), conn.Text)
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

// ping leaves the wait for the pong to a goroutine, since the caller is the
// one who reads.
func (s *ourSocket) ping() error {
	go s.Ping(context.Background())
	return nil
}

func (s *ourSocket) close(code int, reason string) error {
	go s.CloseWith(frame.CloseCode(code), reason) // the caller reads on
	return nil
}

func (s *ourSocket) drop() error { return s.CloseNow() }
