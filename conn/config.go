package conn

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Defaults of the fields of Config that are zero.
const (
	DefaultMaxMessageSize   = 1 << 20
	DefaultMaxFragments     = 1 << 14
	DefaultFrameSize        = 256 << 10 // leaves within DefaultKeepaliveTimeout at 140 kbit/s
	DefaultMaxHandshakeSize = 16 << 10
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultCloseTimeout     = 5 * time.Second
	DefaultControlTimeout   = 5 * time.Second

	DefaultKeepaliveInterval = 30 * time.Second // shorter than the 60 s after which many proxies cut
	DefaultKeepaliveTimeout  = 15 * time.Second
)

// Config configures a connection, in either role. A nil *Config and the zero
// Config are useful: they mean the defaults. A Config may be shared by many
// connections and must not be changed once it is in use.
type Config struct {
	// Subprotocols are offered by a client, most preferred first, and chosen
	// from by a server, in the server's order. Empty means none.
	Subprotocols []string

	// Header is added to the client's request or to the server's 101
	// response. Headers that the handshake itself owns are refused.
	Header http.Header

	// Compression offers permessage-deflate (RFC 7692) as a client, and agrees
	// to it as a server, with these settings. Nil means no compression.
	//
	// Each direction has a window that both sides keep between messages, unless
	// no context takeover was agreed for it. Sending then keeps up to 80 KiB a
	// connection at level 1 and up to 144 KiB above, receiving up to 32 KiB, in
	// proportion to the agreed windows; all of it grows only as messages need
	// it. Without takeover an idle connection keeps nothing of it. Package
	// deflate has the commands that measure this.
	Compression *deflate.Options

	// MaxMessageSize bounds a received message in bytes of payload, counted
	// after it is inflated.
	// Zero means DefaultMaxMessageSize, negative means no bound.
	MaxMessageSize int64

	// MaxFragments bounds the frames of one received message.
	// Zero means DefaultMaxFragments, negative means no bound.
	MaxFragments int

	// FrameSize is the largest payload that is sent in one frame, in bytes;
	// longer messages leave as fragments, between which control frames pass.
	// A peer that takes longer than KeepaliveTimeout for one frame, and sends
	// nothing meanwhile, is taken for dead: for slow peers choose it smaller.
	// Zero means DefaultFrameSize, negative means one frame a message.
	FrameSize int

	// HandshakeTimeout bounds the opening handshake.
	// Zero means DefaultHandshakeTimeout, negative means no bound but the context.
	HandshakeTimeout time.Duration

	// MaxHandshakeSize bounds the head that the peer sends in the opening
	// handshake, in bytes, interim responses and a proxy's answer included;
	// a server answers a longer one with status 431. With Accept it is
	// http.Server.MaxHeaderBytes that counts. Zero means
	// DefaultMaxHandshakeSize; it cannot be negative, because a peer could
	// then fill the memory.
	MaxHandshakeSize int

	// CloseTimeout bounds the closing handshake, and the wait for the peer to
	// read why a connection failed. Zero means DefaultCloseTimeout; it cannot
	// be negative, because a silent peer could then hold Close for ever.
	CloseTimeout time.Duration

	// ControlTimeout is how long a read waits for the pong that it owes to
	// leave. When it passes, reading goes on, and the pong leaves when the
	// peer takes it; the answer to a later ping replaces it until then.
	// Zero means DefaultControlTimeout; it cannot be negative.
	ControlTimeout time.Duration

	// KeepaliveInterval is how long nothing may arrive before a ping is sent
	// (RFC 6455, section 5.5.2). It is shortened by up to a quarter, at
	// random, so that connections that began together don't ping together.
	// Any byte from the peer is a sign of life. Only the time in which a read
	// waits counts: a peer is not blamed while this side isn't reading, but
	// still pinged now and then, so that proxies on the way see traffic.
	// Zero means DefaultKeepaliveInterval, negative turns the keepalive off.
	KeepaliveInterval time.Duration

	// KeepaliveTimeout is how long, after that ping has left, nothing at all
	// may arrive before the connection fails with a [*KeepaliveError].
	// Zero means DefaultKeepaliveTimeout; it cannot be negative.
	KeepaliveTimeout time.Duration

	// Group is what the connection belongs to until it ends; nil means none.
	Group *Group

	// Trace has hooks for logs and metrics; nil means none.
	Trace *Trace

	// OnClose is called once, when the connection has ended and its transport
	// is closed, on the goroutine that ended it, with what every call of ws
	// returns from then on. It must not read, write or close. Nil means
	// nobody is told.
	OnClose func(ws *Conn, err error)

	// OnPing and OnPong see the payload of each ping and pong received, on
	// the goroutine that reads; a ping is answered afterwards in any case. They
	// must not keep the slice, and must not read from ws or close it. Nil means
	// nobody looks.
	OnPing, OnPong func(ws *Conn, payload []byte)

	// OriginPatterns name the origins that a server accepts besides its own;
	// package handshake describes the patterns. A client ignores them.
	OriginPatterns []string

	// Secure says that clients reach a server over TLS although it doesn't see
	// that itself, as behind a proxy that ends TLS. The server's own origin is
	// https then. A client ignores it.
	Secure bool

	// CheckRequest is a server's last word on a request that the protocol's
	// rules and the origin's allow; it is called on the goroutine of Accept or
	// Upgrade. An error refuses the request: with its status, header and reason
	// when it is a *handshake.Error, with status 403 otherwise, and without the
	// error's text. Nil means that every such request is accepted. A client
	// ignores it.
	CheckRequest func(*handshake.Request) error

	// TLS configures wss for a client; nil means the defaults of crypto/tls
	// with TLS 1.2 as the lowest version. A server ignores it.
	TLS *tls.Config

	// Proxy returns the proxy of a client for a request, or nil for none. It
	// sees http for ws and https for wss. The schemes of proxies are http,
	// https, socks5 and socks5h; both of the last send names to the proxy
	// unresolved. User information in the proxy's URL is sent to the proxy.
	// TLS applies to an https proxy too, but for its ServerName. Nil means
	// http.ProxyFromEnvironment; a function that returns nil turns that off.
	Proxy func(*http.Request) (*url.URL, error)

	// ParallelHandshakes lets Dial run its opening handshake beside others with
	// the same server. By default a handshake waits, within HandshakeTimeout,
	// for the one before it with the same IP address, and at most 16 run at a
	// time through proxies (RFC 6455, section 4.1). It is for load generators,
	// and for servers that dial their own address to answer a handshake.
	ParallelHandshakes bool

	// Jar has the cookies of a client, for the http or https form of the URL.
	// They are sent beside those in Header, and those of every response are
	// stored, of refusals too. Nil means none.
	Jar http.CookieJar

	// MaxRedirects is how many redirects Dial follows (status 301, 302, 303,
	// 307 and 308), all within HandshakeTimeout. A redirect never leads from
	// wss to ws. To another origin go neither the URL's user information nor
	// Authorization, Proxy-Authorization, Cookie and Host of Header, and they
	// don't come back; other fields, Subprotocols and client certificates of
	// TLS do go. Zero and negative
	// mean that a redirect is a refusal.
	MaxRedirects int

	// DialContext opens the TCP connection of a client, to the proxy if there
	// is one; nil means net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// check returns cfg, or the defaults for nil, and the first field that has an
// impossible value.
func (cfg *Config) check() (*Config, error) {
	if cfg == nil {
		return defaults, nil
	}
	switch c := cfg; {
	case c.CloseTimeout < 0:
		return nil, fmt.Errorf("websocket: Config.CloseTimeout is %v; it must be zero (for %v) or positive", c.CloseTimeout, DefaultCloseTimeout)
	case c.MaxHandshakeSize < 0:
		return nil, fmt.Errorf("websocket: Config.MaxHandshakeSize is %d; it must be zero (for %d) or positive", c.MaxHandshakeSize, DefaultMaxHandshakeSize)
	case c.ControlTimeout < 0:
		return nil, fmt.Errorf("websocket: Config.ControlTimeout is %v; it must be zero (for %v) or positive", c.ControlTimeout, DefaultControlTimeout)
	case c.KeepaliveTimeout < 0:
		return nil, fmt.Errorf("websocket: Config.KeepaliveTimeout is %v; it must be zero (for %v) or positive; a negative KeepaliveInterval turns the keepalive off", c.KeepaliveTimeout, DefaultKeepaliveTimeout)
	}
	if cfg.Compression != nil {
		if err := cfg.Compression.Validate(); err != nil {
			return nil, fmt.Errorf("websocket: Config.Compression: %w", err)
		}
	}
	return cfg, nil
}

var defaults = new(Config)

// What the rest of the package reads: the fields with their defaults. No bound
// is the largest value. A copy with the defaults filled in would be memory of
// every connection.

func (cfg *Config) maxMessageSize() int64 {
	return orDefault(cfg.MaxMessageSize, DefaultMaxMessageSize, math.MaxInt64)
}

func (cfg *Config) maxFragments() int {
	return orDefault(cfg.MaxFragments, DefaultMaxFragments, math.MaxInt)
}

func (cfg *Config) frameSize() int {
	return orDefault(cfg.FrameSize, DefaultFrameSize, math.MaxInt)
}

func (cfg *Config) handshakeTimeout() time.Duration {
	return orDefault(cfg.HandshakeTimeout, DefaultHandshakeTimeout, math.MaxInt64)
}

func (cfg *Config) maxHandshakeSize() int {
	return cmp.Or(cfg.MaxHandshakeSize, DefaultMaxHandshakeSize)
}

func (cfg *Config) closeTimeout() time.Duration {
	return cmp.Or(cfg.CloseTimeout, DefaultCloseTimeout)
}

func (cfg *Config) controlTimeout() time.Duration {
	return cmp.Or(cfg.ControlTimeout, DefaultControlTimeout)
}

// keepaliveInterval is zero when the keepalive is off.
func (cfg *Config) keepaliveInterval() time.Duration {
	return orDefault(cfg.KeepaliveInterval, DefaultKeepaliveInterval, 0)
}

func (cfg *Config) keepaliveTimeout() time.Duration {
	return cmp.Or(cfg.KeepaliveTimeout, DefaultKeepaliveTimeout)
}

// orDefault returns def for zero, unbounded for a negative value, else v.
func orDefault[T int | int64 | time.Duration](v, def, unbounded T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return unbounded
	}
	return v
}

// withHandshakeTimeout bounds ctx by the configured time.
func (cfg *Config) withHandshakeTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, cfg.handshakeTimeout(), errHandshakeTimeout)
}

var errHandshakeTimeout = errors.New("websocket: the opening handshake took longer than Config.HandshakeTimeout")
