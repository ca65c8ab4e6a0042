package conn

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"

	"github.com/seed24abed78/rfc6455/handshake"
)

// Dial connects to a ws, wss, http or https URL and performs the opening
// handshake. When the server refuses, the error is a [*handshake.Error] with
// the status, the header and the beginning of the body; Config.MaxRedirects
// says whether a redirect is a refusal. User information in the URL is sent as
// basic authentication. A host that is not ASCII is converted, see
// [handshake.ParseURL].
func Dial(ctx context.Context, rawURL string, cfg *Config) (*Conn, error) {
	c, err := cfg.check()
	if err != nil {
		return nil, err
	}
	u, err := handshake.ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.withHandshakeTimeout(ctx)
	defer cancel()
	begun := c.traceBegin()
	ws, err := c.dialFollowing(ctx, attempt{u, c.Header})
	c.handshakeOver(ws, Client, begun, err)
	return ws, err
}

// dialOnce connects and shakes hands, without following a redirect.
func (cfg *Config) dialOnce(ctx context.Context, a attempt) (*Conn, error) {
	header, err := cfg.withCookies(a.header, a.url)
	if err != nil {
		return nil, err
	}
	hs := &handshake.Client{URL: a.url, Header: header, Subprotocols: cfg.Subprotocols}
	if cfg.Compression != nil {
		hs.Extensions = cfg.Compression.Offers()
	}
	request, err := hs.AppendRequest(nil) // everything wrong with it shows before a connection is opened
	if err != nil {
		return nil, err
	}
	var turn pass
	defer turn.leave()
	nc, err := cfg.connect(ctx, a.url, &turn)
	if err != nil {
		return nil, err
	}
	var res handshake.Result
	err = during(ctx, nc, func() (err error) {
		res, err = cfg.shake(nc, hs, request)
		return err
	})
	if err != nil {
		nc.Close()
		return nil, err
	}
	compression, err := newCompression(Client, res.Extensions, cfg.Compression, cfg.Compression != nil)
	if err != nil {
		nc.Close()
		return nil, &handshake.Error{Status: http.StatusSwitchingProtocols, Header: res.Header, Section: "9.1",
			Reason: "the server's answer to the offer of compression can't be used", Err: err}
	}
	ws := new(Conn)
	ws.start(nc, Client, res, cfg, compression)
	return ws, nil
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
		settings.ServerName, _, _ = strings.Cut(u.Hostname(), "%") // no certificate has a zone
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
func (cfg *Config) shake(nc net.Conn, hs *handshake.Client, request []byte) (handshake.Result, error) {
	if _, err := nc.Write(request); err != nil {
		return handshake.Result{}, fmt.Errorf("websocket: write the handshake's request: %w", err)
	}
	resp, rest, err := readResponse(nc, cfg.maxHandshakeSize())
	if err != nil {
		return handshake.Result{}, err
	}
	cfg.keepCookies(hs.URL, resp.Header)
	res, err := hs.Check(resp)
	var refusal *handshake.Error
	if errors.As(err, &refusal) && resp.Status != http.StatusSwitchingProtocols && !cfg.follows(resp.Status) {
		refusal.Body = readBody(nc, resp, rest)
	}
	res.Buffered = rest
	return res, err
}

// readResponse reads the final response, limit bytes at most, and returns what
// came behind it. It skips interim responses, such as 103 (RFC 9110, section
// 15.2); the bound counts them all.
func readResponse(nc net.Conn, limit int) (resp *handshake.Response, rest []byte, err error) {
	skip := 0
	err = readHead(nc, limit, func(b []byte) error {
		for {
			r, n, err := handshake.ParseResponse(b[skip:])
			if err != nil {
				return err
			}
			skip += n
			if r.Status >= 200 || r.Status == http.StatusSwitchingProtocols {
				resp, rest = r, append([]byte(nil), b[skip:]...)
				return nil
			}
		}
	})
	return resp, rest, err
}

// readBody reads the beginning of a refusal's body, of which rest has arrived.
// What can't be read any more is left out.
func readBody(nc net.Conn, resp *handshake.Response, rest []byte) []byte {
	if resp.Status == http.StatusNoContent || resp.Status == http.StatusNotModified {
		return nil
	}
	body := io.MultiReader(bytes.NewReader(rest), nc)
	switch length, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); {
	case strings.EqualFold(resp.Header.Get("Transfer-Encoding"), "chunked"):
		body = httputil.NewChunkedReader(body)
	case err == nil && length >= 0:
		body = io.LimitReader(body, length)
	}
	b, _ := io.ReadAll(io.LimitReader(body, handshake.MaxErrorBody))
	return b
}
