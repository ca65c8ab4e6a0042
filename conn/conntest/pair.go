package conntest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/seed24abed78/rfc6455/conn"
)

// Options say how [Pair] connects. Nil and the zero Options are useful.
type Options struct {
	Link // between the two; the zero Link has no latency and DefaultBuffer

	// Server and Client configure the two ends; nil means the defaults.
	// What Client says about dialing, proxies and TLS is not used.
	Server, Client *conn.Config

	// WrapServer and WrapClient put something between a Conn and its end of
	// the pipe: a [Fault], a [Recorder]. They see the opening handshake too.
	// Nil means nothing.
	WrapServer, WrapClient func(net.Conn) net.Conn
}

// Pair returns two connected Conns. They have performed the opening handshake
// (RFC 6455, section 4), so that subprotocols and extensions are agreed on as
// over a network. It panics when the handshake fails, which only the Options
// can cause.
func Pair(o *Options) (server, client *conn.Conn) {
	if o == nil {
		o = new(Options)
	}
	a, b := Pipe(o.Link)
	var near, far net.Conn = a, b
	if o.WrapServer != nil {
		near = o.WrapServer(a)
	}
	if o.WrapClient != nil {
		far = o.WrapClient(b)
	}
	type upgraded struct {
		ws  *conn.Conn
		err error
	}
	accepted := make(chan upgraded, 1)
	go func() {
		ws, err := conn.Upgrade(context.Background(), near, o.Server)
		accepted <- upgraded{ws, err}
	}()
	var cfg conn.Config
	if o.Client != nil {
		cfg = *o.Client
	}
	cfg.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	cfg.ParallelHandshakes = true // waiting for another bubble's would be seen by no fake time
	cfg.DialContext = func(context.Context, string, string) (net.Conn, error) { return far, nil }
	client, err := conn.Dial(context.Background(), "ws://conntest.invalid/", &cfg)
	if err != nil {
		far.Close()
	}
	s := <-accepted
	if err == nil {
		err = s.err
	}
	if err != nil {
		panic(fmt.Sprintf("conntest: Pair: %v", err))
	}
	return s.ws, client
}
