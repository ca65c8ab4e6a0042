package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
)

// A faulty socket does one thing wrong.
type faulty struct {
	*ourSocket
	fault string
}

func (f faulty) write(text bool, data []byte) error {
	switch f.fault {
	case "other type":
		text = !text
	case "other bytes":
		data = append([]byte("?"), data...)
	}
	return f.ourSocket.write(text, data)
}

func (f faulty) fragments(parts ...[]byte) error {
	if f.fault == "no fragments" {
		return f.ourSocket.write(true, bytes.Join(parts, nil))
	}
	return f.ourSocket.fragments(parts...)
}

func (f faulty) ping() error {
	if f.fault == "no ping" {
		return f.ourSocket.write(true, []byte("pong "))
	}
	return f.ourSocket.ping()
}

func (f faulty) close(code int, reason string) error {
	if f.fault == "other code" {
		return f.ourSocket.close(4999, reason)
	}
	return f.ourSocket.close(code, reason)
}

func (f faulty) drop() error {
	if f.fault == "polite" {
		return f.ourSocket.close(1000, "")
	}
	return f.ourSocket.drop()
}

func (f faulty) config() *conn.Config {
	cfg := f.ourSocket.config()
	cfg.FrameSize = -1
	switch f.fault {
	case "no compression":
		cfg.Compression = nil
	case "no takeover":
		cfg.Compression.ServerNoContextTakeover = true
	case "small window":
		cfg.Compression.ServerMaxWindowBits = 12
	case "other protocol":
		cfg.Subprotocols = []string{"unheard.of"}
	case "small messages":
		cfg.MaxMessageSize = 70_000
	case "few fragments":
		cfg.MaxFragments = 2
	}
	return cfg
}

func (f faulty) serve(c *conn.Conn) {
	f.Conn = c
	defer c.CloseNow()
	for {
		typ, data, err := c.ReadMessage(context.Background())
		if err == nil {
			err = f.agent.hear(f, typ == conn.Text, data)
		}
		var ce *conn.CloseError
		switch {
		case err == nil:
			continue
		case f.fault == "deaf to codes":
			f.agent.closed(f, 1001, "")
		case errors.As(err, &ce):
			f.agent.closed(f, int(ce.Code), ce.Reason)
		}
		return
	}
}

// Each fault is noticed by the checks that are there for it, and without one
// they pass.
func TestChecksNoticeFaults(t *testing.T) {
	for fault, names := range map[string][]string{
		"":               {"text", "binary", "empty", "64KiB", "16MiB", "frag→", "frag←", "deflate→", "deflate←", "takeover", "swindow", "cwindow", "ping→", "ping←", "subproto", "close→", "close←", "nocode→", "nocode←", "drop→", "drop←"},
		"other type":     {"text", "binary", "empty", "64KiB"},
		"other bytes":    {"text", "binary", "empty", "64KiB"},
		"small messages": {"16MiB"},
		"few fragments":  {"frag→"},
		"no fragments":   {"frag←"},
		"no compression": {"deflate→", "deflate←", "takeover", "swindow", "cwindow"},
		"no takeover":    {"takeover"},
		"small window":   {"takeover", "swindow"},
		"no ping":        {"ping←"},
		"other protocol": {"subproto"},
		"deaf to codes":  {"close→", "nocode→", "drop→"},
		"other code":     {"close←", "nocode←"},
		"polite":         {"drop←"},
	} {
		l := library{accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
			f := faulty{&ourSocket{agent: a}, fault}
			if c, err := conn.Accept(w, r, f.config()); err == nil {
				f.serve(c)
			}
		}}
		p, err := l.server()
		if err != nil {
			t.Fatal(err)
		}
		defer p.stop()
		for _, c := range checks {
			for _, name := range names {
				if c.name != name {
					continue
				}
				ctx := t.Context()
				if fault == "deaf to codes" { // asked until the time is over
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, time.Second)
					defer cancel()
				}
				if err := c.run(ctx, p); (err != nil) != (fault != "") {
					t.Errorf("fault %q, check %s: %v", fault, c.name, err)
				}
			}
		}
	}
}
