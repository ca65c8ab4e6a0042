package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/seed24abed78/rfc6455/handshake"
)

// Dial connects to a ws, wss, http or https URL and performs the opening
// handshake. When the server refuses, the error is a [*handshake.Error] with
// the status, the header and the beginning of the body.
func Dial(ctx context.Context, rawURL string, cfg *Config) (*Conn, error) {
	c, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	u, err := handshake.ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	hs := &handshake.Client{URL: u, Header: c.Header, Subprotocols: c.Subprotocols}
	request, err := hs.AppendRequest(nil) // everything wrong with it shows before a connection is opened
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.withHandshakeTimeout(ctx)
	defer cancel()
	var turn pass
	defer turn.leave()
	nc, err := c.connect(ctx, u, &turn)
	if err != nil {
		return nil, err
	}
	var res handshake.Result
	err = during(ctx, nc, func() (err error) {
		res, err = shake(nc, hs, request)
		return err
	})
	if err != nil {
		nc.Close()
		return nil, err
	}
	return newConn(nc, Client, res, c), nil
}

// connect opens TCP, through a proxy if there is one, and, for wss, TLS
// (RFC 6455, section 4.1).
func (cfg *Config) connect(ctx context.Context, u *url.URL, turn *pass) (net.Conn, error) {
	proxy, err := cfg.proxyFor(ctx, u)
	if err != nil {
		return nil, err
	}
	nc, err := cfg.open(ctx, proxy, u, turn)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "wss" && u.Scheme != "https" {
		return nc, nil
	}
	settings := cfg.tlsSettings()
	if settings.ServerName == "" {
		settings.ServerName = u.Hostname()
	}
	secure, err := startTLS(ctx, nc, settings)
	if err != nil {
		return nil, fmt.Errorf("websocket: TLS handshake with %s: %w", u.Host, err)
	}
	return secure, nil
}

// tlsSettings returns a copy of the TLS settings, for HTTP/1.1.
func (cfg *Config) tlsSettings() *tls.Config {
	settings := cfg.TLS.Clone()
	if settings == nil {
		settings = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	settings.NextProtos = []string{"http/1.1"}
	return settings
}

// startTLS closes nc when the TLS handshake fails.
func startTLS(ctx context.Context, nc net.Conn, settings *tls.Config) (net.Conn, error) {
	secure := tls.Client(nc, settings)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return secure, nil
}

// shake sends the request and judges the response.
func shake(nc net.Conn, hs *handshake.Client, request []byte) (handshake.Result, error) {
	if _, err := nc.Write(request); err != nil {
		return handshake.Result{}, fmt.Errorf("websocket: write the handshake's request: %w", err)
	}
	var resp *handshake.Response
	rest, err := readHead(nc, func(b []byte) (n int, err error) {
		resp, n, err = handshake.ParseResponse(b)
		return n, err
	})
	if err != nil {
		return handshake.Result{}, err
	}
	res, err := hs.Check(resp)
	var refusal *handshake.Error
	if errors.As(err, &refusal) && resp.Status != http.StatusSwitchingProtocols {
		refusal.Body = readBody(nc, resp.Header, rest)
	}
	res.Buffered = rest
	return res, err
}

// maxRefusalBody bounds what is kept of the body of a refusal, in bytes.
const maxRefusalBody = 1 << 10

// readBody reads the beginning of a refusal's body, as far as its
// Content-Length says that there is one.
func readBody(nc net.Conn, header http.Header, rest []byte) []byte {
	length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil || length < 0 {
		return rest[:min(len(rest), maxRefusalBody)]
	}
	want := int(min(length, maxRefusalBody))
	if len(rest) >= want {
		return rest[:want]
	}
	body := make([]byte, want)
	n := copy(body, rest)
	m, _ := io.ReadFull(nc, body[n:])
	return body[:n+m]
}
