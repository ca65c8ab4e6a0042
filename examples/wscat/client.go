package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// connect is the client without -reconnect.
func connect(ctx context.Context, e *env, o *options, p *printer) error {
	d := newDialer(e, o, p)
	ws, err := d.dial(ctx, d.url, d.config())
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	p.opened(ws, d)
	s := &session{o: o, p: p, peer: single{ws, p}}
	return s.run(ctx, e.stdin)
}

// dialer opens connections as the flags say.
type dialer struct {
	o    *options
	p    *printer
	url  string
	open func(ctx context.Context, network, addr string) (net.Conn, error)
	// began and tcp are times of the last attempt; attempts don't overlap.
	began, tcp time.Time
}

func newDialer(e *env, o *options, p *printer) *dialer {
	open := e.dial
	if open == nil {
		open = new(net.Dialer).DialContext
	}
	return &dialer{o: o, p: p, url: o.url, open: open}
}

// dial is conn.Dial with its times taken.
func (d *dialer) dial(ctx context.Context, url string, cfg *conn.Config) (*conn.Conn, error) {
	d.began = time.Now()
	return conn.Dial(ctx, url, cfg)
}

// config returns the Config of a client.
func (d *dialer) config() *conn.Config {
	cfg := &conn.Config{
		Subprotocols:   d.o.subprotocols,
		Header:         d.o.header,
		MaxMessageSize: d.o.max,
		Compression:    d.o.compression(),
		DialContext:    d.connectTCP,
	}
	if d.o.insecure {
		cfg.TLS = &tls.Config{InsecureSkipVerify: true} // asked for by -insecure
	}
	if d.o.trace {
		d.trace(cfg)
	}
	return cfg
}

func (d *dialer) connectTCP(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := d.open(ctx, network, addr)
	d.tcp = time.Now()
	return nc, err
}

// trace puts a recorder where it sees the plain bytes. For wss that is above
// TLS, so this side does TLS itself, and the library is told of a ws URL with
// the same Host.
func (d *dialer) trace(cfg *conn.Config) {
	u, err := url.Parse(d.o.url)
	if err != nil || u.Scheme != "wss" {
		cfg.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := d.connectTCP(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return d.p.recorder().Wrap(nc, conn.Client), nil
		}
		return
	}
	settings := cfg.TLS.Clone()
	if settings == nil {
		settings = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	settings.ServerName, _, _ = strings.Cut(u.Hostname(), "%") // no certificate has a zone
	settings.NextProtos = []string{"http/1.1"}
	cfg.Header = cfg.Header.Clone()
	if cfg.Header.Get("Host") == "" {
		cfg.Header.Set("Host", u.Host)
	}
	cfg.Proxy = noProxy
	cfg.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := d.connectTCP(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(nc, settings)
		if err := secure.HandshakeContext(ctx); err != nil {
			nc.Close()
			return nil, err
		}
		return d.p.recorder().Wrap(secure, conn.Client), nil
	}
	u.Scheme, u.Host = "ws", handshake.Address(u)
	d.url = u.String()
}

// noProxy refuses the combination that trace can't serve.
func noProxy(r *http.Request) (*url.URL, error) {
	asked := *r.URL
	asked.Scheme = "https"
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &asked})
	if err == nil && proxy != nil {
		err = errors.New("-trace of wss doesn't go through a proxy; unset HTTPS_PROXY, or add the host to NO_PROXY")
	}
	return nil, err
}

// took says how long the last attempt took.
func (d *dialer) took() string {
	now := time.Now()
	return fmt.Sprintf(" in %v (TCP %v)", round(now.Sub(d.began)), round(d.tcp.Sub(d.began)))
}
