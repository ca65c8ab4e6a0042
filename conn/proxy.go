package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed24abed78/rfc6455/handshake"
)

// ProxyError is the error of Dial when an HTTP proxy refuses to connect. It is
// not a [*handshake.Error], because the server has not been asked.
type ProxyError struct {
	Proxy  string // host of the proxy's URL
	Status int
	Reason string
	Header http.Header
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("websocket: proxy %s refused CONNECT: %d %s", e.Proxy, e.Status, e.Reason)
}

// proxyFor returns the URL of the proxy on the way to u; nil means none.
func (cfg *Config) proxyFor(ctx context.Context, u *url.URL) (*url.URL, error) {
	choose := cfg.Proxy
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	r := &http.Request{Method: http.MethodGet, URL: httpURL(u), Host: u.Host, Header: make(http.Header)}
	proxy, err := choose(r.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("websocket: choose a proxy: %w", err)
	}
	return proxy, nil
}

// proxyPorts has the schemes of proxies, and the port of each unless the URL
// has one.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// open returns a connection to the host of u, through the proxy if there is
// one (RFC 6455, section 4.1).
func (cfg *Config) open(ctx context.Context, proxy, u *url.URL, turn *pass) (net.Conn, error) {
	address := handshake.Address(u)
	if proxy == nil {
		return cfg.openDirect(ctx, address, turn)
	}
	address = withoutZone(address)
	dial := cfg.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	port, ok := proxyPorts[proxy.Scheme]
	if !ok || proxy.Hostname() == "" {
		return nil, fmt.Errorf("websocket: proxy %q with scheme %q: want a host and one of http, https, socks5, socks5h", proxy.Host, proxy.Scheme)
	}
	if p := proxy.Port(); p != "" {
		port = p
	}
	if !cfg.ParallelHandshakes {
		if err := turn.enterProxied(ctx, u); err != nil {
			return nil, err
		}
	}
	nc, err := dial(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("websocket: dial proxy: %w", err)
	}
	ask := connectHTTP
	switch proxy.Scheme {
	case "https":
		settings := cfg.tlsSettings()
		// These two are about the server in Config.TLS.
		settings.ServerName = proxy.Hostname()
		settings.EncryptedClientHelloConfigList = nil
		if nc, err = startTLS(ctx, nc, settings); err != nil {
			return nil, fmt.Errorf("websocket: TLS handshake with proxy %s: %w", proxy.Host, err)
		}
	case "socks5", "socks5h":
		ask = connectSOCKS5
	}
	if err := during(ctx, nc, func() error { return ask(nc, proxy, address, cfg.maxHandshakeSize()) }); err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}

// withoutZone drops the zone of an IPv6 address, which means nothing to another
// machine.
func withoutZone(address string) string {
	before, zone, found := strings.Cut(address, "%")
	if !found {
		return address
	}
	return before + zone[strings.IndexByte(zone, ']'):]
}

// openDirect connects when it is this handshake's turn at the IP address.
func (cfg *Config) openDirect(ctx context.Context, address string, turn *pass) (net.Conn, error) {
	dial := cfg.DialContext
	switch {
	case dial == nil && cfg.ParallelHandshakes:
		dial = new(net.Dialer).DialContext
	case dial == nil:
		dial = turn.dial
	}
	nc, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("websocket: dial: %w", err)
	}
	if !cfg.ParallelHandshakes {
		if err := turn.connected(ctx, nc); err != nil {
			nc.Close()
			return nil, err
		}
	}
	return nc, nil
}

// connectHTTP asks an HTTP proxy for a tunnel (RFC 6455, section 4.1;
// RFC 9110, section 9.3.6).
func connectHTTP(nc net.Conn, proxy *url.URL, address string, limit int) error {
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if proxy.User != nil {
		credentials, err := handshake.BasicAuth(proxy.User)
		if err != nil {
			return fmt.Errorf("websocket: proxy %s: %w", proxy.Host, err)
		}
		request += "Proxy-Authorization: " + credentials + "\r\n"
	}
	if _, err := nc.Write([]byte(request + "\r\n")); err != nil {
		return fmt.Errorf("websocket: proxy %s: write CONNECT: %w", proxy.Host, err)
	}
	resp, rest, err := readResponse(nc, limit)
	var malformed *handshake.Error
	switch {
	case errors.As(err, &malformed):
		// Not wrapped, for it would pass as the server's.
		return fmt.Errorf("websocket: proxy %s: %v", proxy.Host, err)
	case err != nil:
		return fmt.Errorf("websocket: proxy %s: %w", proxy.Host, err)
	case resp.Status < 200 || resp.Status > 299:
		return &ProxyError{Proxy: proxy.Host, Status: resp.Status, Reason: resp.Reason, Header: resp.Header}
	case len(rest) > 0:
		// With TLS or without, the client speaks first, so these bytes are
		// not the server's.
		return fmt.Errorf("websocket: proxy %s: %d bytes behind the response to CONNECT", proxy.Host, len(rest))
	}
	return nil
}
