package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
)

// A middleman is a program between our client and our server.
type middleman struct {
	name, program, pkg string
	// settings is the text of the configuration file: it listens on listen,
	// sends to backend, and where TLS is spoken has pem for it. dir is for
	// whatever it needs to write.
	settings func(listen, backend, pem, dir string) string
	// args are the arguments for it.
	args func(listen, file string) []string
}

// The configurations, which docs/deployment.md quotes.
var (
	//go:embed proxies/nginx.conf
	nginxConf string
	//go:embed proxies/haproxy.cfg
	haproxyConf string
)

// fill puts the values of one run into a configuration. tls is what follows
// the address where TLS is spoken.
func fill(config, listen, tls, backend, dir string) string {
	return strings.NewReplacer("LISTEN", listen+tls, "BACKEND", backend, "DIR", dir).Replace(config)
}

// reverse are the proxies that stand before a server.
var reverse = []middleman{
	{
		name: "nginx", program: "nginx", pkg: "nginx",
		settings: func(listen, backend, pem, dir string) string {
			tls := ""
			if pem != "" {
				tls = " ssl; ssl_certificate " + pem + "; ssl_certificate_key " + pem
			}
			return fill(nginxConf, listen, tls, backend, dir)
		},
		args: func(_, file string) []string { return []string{"-e", "stderr", "-c", file} },
	},
	{
		name: "HAProxy", program: "haproxy", pkg: "haproxy",
		settings: func(listen, backend, pem, dir string) string {
			tls := ""
			if pem != "" {
				tls = " ssl crt " + pem + " alpn http/1.1"
			}
			return fill(haproxyConf, listen, tls, backend, dir)
		},
		args: func(_, file string) []string { return []string{"-db", "-f", file} },
	},
}

// proxyLacks is what a proxy has no part in.
var proxyLacks = map[string]string{
	"takeover": proxyBlind,
	"swindow":  proxyBlind,
	"cwindow":  proxyBlind,
	"theirs":   proxyBlind,
}

const proxyBlind = "a proxy passes bytes, and the rows of rfc6455 itself have this"

// start puts the middleman before our server, and our client before it.
func (m middleman) start(ctx context.Context, secure bool) (*peer, error) {
	path, err := need(ctx, m.pkg, m.program)
	if err != nil {
		return nil, err
	}
	backend, stop, err := ours.listen(nil)
	if err != nil {
		return nil, err
	}
	address, end, roots, err := m.run(ctx, path, backend, secure)
	if err != nil {
		stop()
		return nil, err
	}
	scheme := "ws://"
	if secure {
		scheme = "wss://"
	}
	return &peer{
		link: func(ctx context.Context, cfg *conn.Config) (*conn.Conn, error) {
			c := *cfg
			c.TLS = &tls.Config{RootCAs: roots}
			return conn.Dial(ctx, scheme+address, &c)
		},
		lacks: proxyLacks,
		stop:  func() { end(); stop() },
	}, nil
}

// run starts the program, and returns where it listens and whom to trust.
func (m middleman) run(ctx context.Context, path, backend string, secure bool) (address string, end func(), roots *x509.CertPool, err error) {
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return "", nil, nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	file := ""
	if secure {
		file = filepath.Join(dir, "server.pem")
		var text []byte
		if text, roots, err = certificate(); err != nil {
			return "", nil, nil, err
		}
		if err = os.WriteFile(file, text, 0o600); err != nil {
			return "", nil, nil, err
		}
	}
	if address, err = freeAddress(); err != nil {
		return "", nil, nil, err
	}
	config := filepath.Join(dir, "config")
	if err = os.WriteFile(config, []byte(m.settings(address, backend, file, dir)), 0o644); err != nil {
		return "", nil, nil, err
	}
	p, err := startProgram(path, m.args(address, config)...)
	if err != nil {
		return "", nil, nil, err
	}
	if err = p.listening(ctx, address); err != nil {
		p.stop()
		return "", nil, nil, err
	}
	return address, func() { p.stop(); os.RemoveAll(dir) }, roots, nil
}

// A forward is a proxy that our client asks to connect it, with a name and a
// password.
type forward struct {
	middleman
	scheme string
}

const proxyUser, proxyPassword = "somebody", "secret"

var forwards = []forward{
	{middleman{
		name: "HTTP CONNECT proxy (tinyproxy)", program: "tinyproxy", pkg: "tinyproxy-bin",
		settings: func(listen, _, _, _ string) string {
			host, port, _ := net.SplitHostPort(listen)
			return fmt.Sprintf("Listen %s\nPort %s\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\nBasicAuth %s %s\n",
				host, port, proxyUser, proxyPassword)
		},
		args: func(_, file string) []string { return []string{"-d", "-c", file} },
	}, "http"},
	{middleman{
		name: "SOCKS5 proxy (microsocks)", program: "microsocks", pkg: "microsocks",
		settings: func(string, string, string, string) string { return "" },
		args: func(listen, _ string) []string {
			host, port, _ := net.SplitHostPort(listen)
			return []string{"-i", host, "-p", port, "-u", proxyUser, "-P", proxyPassword}
		},
	}, "socks5"},
}

// start starts the proxy and our server, which the client reaches through it.
func (f forward) start(ctx context.Context, secure bool) (*peer, error) {
	path, err := need(ctx, f.pkg, f.program)
	if err != nil {
		return nil, err
	}
	scheme := "ws://"
	var serverTLS, clientTLS *tls.Config
	if secure {
		scheme = "wss://"
		text, roots, err := certificate()
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			return nil, err
		}
		serverTLS, clientTLS = &tls.Config{Certificates: []tls.Certificate{pair}}, &tls.Config{RootCAs: roots}
	}
	server, stop, err := ours.listen(serverTLS)
	if err != nil {
		return nil, err
	}
	address, end, _, err := f.run(ctx, path, "", false)
	if err != nil {
		stop()
		return nil, err
	}
	proxy := &url.URL{Scheme: f.scheme, Host: address, User: url.UserPassword(proxyUser, proxyPassword)}
	return &peer{
		link: func(ctx context.Context, cfg *conn.Config) (*conn.Conn, error) {
			c := *cfg
			c.TLS = clientTLS
			c.Proxy = func(*http.Request) (*url.URL, error) { return proxy, nil }
			return conn.Dial(ctx, scheme+server, &c)
		},
		lacks: proxyLacks,
		stop:  func() { end(); stop() },
	}, nil
}

// certificate returns a certificate for 127.0.0.1 that has signed itself, with
// its key, as PEM, and the pool that trusts it.
func certificate() (text []byte, roots *x509.CertPool, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	return text, roots, nil
}
