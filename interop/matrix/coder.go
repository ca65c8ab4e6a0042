package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/coder/websocket"
)

var coder = library{
	name: "coder/websocket " + version("github.com/coder/websocket"),
	accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
		s := &coderSocket{agent: a}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols:    []string{subprotocol},
			CompressionMode: s.mode(),
			OnPongReceived:  s.pong,
		})
		if err == nil {
			s.serve(c)
		}
	},
	dial: func(url string, a *agent) error {
		s := &coderSocket{agent: a}
		c, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{
			Subprotocols:    []string{subprotocol},
			CompressionMode: s.mode(),
			OnPongReceived:  s.pong,
		})
		if err == nil {
			s.serve(c)
		}
		return err
	},
	asks:        []parameters{{}, {ServerNoContextTakeover: true, ClientNoContextTakeover: true}},
	serverLacks: map[string]string{"swindow": declinedWindow},
	clientLacks: map[string]string{"cwindow": unofferedWindow},
}

const declinedWindow = "the server declines offers that name its window"

type coderSocket struct {
	*websocket.Conn
	agent *agent
}

func (s *coderSocket) mode() websocket.CompressionMode {
	if s.agent.parameters().ServerNoContextTakeover {
		return websocket.CompressionNoContextTakeover
	}
	return websocket.CompressionContextTakeover
}

func (s *coderSocket) serve(c *websocket.Conn) {
	s.Conn = c
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for {
		typ, data, err := c.Read(context.Background())
		if err == nil {
			err = s.agent.hear(s, typ == websocket.MessageText, data)
		}
		var ce websocket.CloseError
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

func (s *coderSocket) pong(_ context.Context, payload []byte) {
	s.agent.ponged(s, string(payload))
}

func (s *coderSocket) write(text bool, data []byte) error {
	typ := websocket.MessageBinary
	if text {
		typ = websocket.MessageText
	}
	return s.Write(context.Background(), typ, data)
}

func (s *coderSocket) fragments(parts ...[]byte) error {
	w, err := s.Writer(context.Background(), websocket.MessageText)
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
func (s *coderSocket) ping() error {
	go s.Ping(context.Background())
	return nil
}

func (s *coderSocket) close(code int, reason string) error {
	return s.Close(websocket.StatusCode(code), reason)
}

func (s *coderSocket) drop() error { return s.CloseNow() }
