package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/seed24abed78/rfc6455/conn"
)

// A link returns a fresh connection with a peer's agent. cfg is ours.
type link func(ctx context.Context, cfg *conn.Config) (*conn.Conn, error)

// A peer is a row of the matrix: somebody to hold a connection with, in one role.
type peer struct {
	name string
	link link
	// lacks names the checks that the peer can't be put to, each with the reason.
	lacks map[string]string
	// habit and asks are what the peer does with compression: in its own way,
	// and what its agent can be told to ask for.
	habit habit
	asks  []parameters
	// own has checks that are done in a way of the peer's own.
	own  map[string]func(context.Context) error
	stop func()
}

// connect links with the peer's subprotocol where cfg names none: many
// implementations refuse a handshake without the one that they want. It is the
// check that bounds the time, since a busy machine makes peers slow.
func (p *peer) connect(ctx context.Context, cfg *conn.Config) (*conn.Conn, error) {
	var c conn.Config
	if cfg != nil {
		c = *cfg
	}
	c.HandshakeTimeout, c.CloseTimeout = -1, checkTime
	if len(c.Subprotocols) == 0 {
		c.Subprotocols = []string{subprotocol}
	}
	return p.link(ctx, &c)
}

// A library is a WebSocket implementation for Go.
type library struct {
	name string
	// accept answers a request and serves the connection until its end.
	accept func(w http.ResponseWriter, r *http.Request, a *agent)
	// dial connects and serves the connection until its end. The error is
	// that of the opening handshake.
	dial func(url string, a *agent) error
	// adjust makes our settings fit for the library; nil leaves them.
	adjust func(cfg *conn.Config)

	serverLacks, clientLacks map[string]string
	habit                    habit
	asks                     []parameters
}

// version returns the version of a module that this program is built with.
func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return "of an unknown version"
}

// fit returns link with our settings adjusted.
func (l library) fit(link link) link {
	if l.adjust == nil {
		return link
	}
	return func(ctx context.Context, cfg *conn.Config) (*conn.Conn, error) {
		l.adjust(cfg)
		return link(ctx, cfg)
	}
}

// server starts the library as a server, for our client.
func (l library) server() (*peer, error) {
	base, stop, err := l.listen(nil)
	if err != nil {
		return nil, err
	}
	return &peer{
		name: l.name + " as server",
		link: l.fit(func(ctx context.Context, cfg *conn.Config) (*conn.Conn, error) {
			return conn.Dial(ctx, "ws://"+base, cfg)
		}),
		lacks: l.serverLacks,
		habit: l.habit,
		asks:  l.asks,
		stop:  stop,
	}, nil
}

// listen starts the library as a server, with TLS unless secure is nil, and
// returns its address.
func (l library) listen(secure *tls.Config) (address string, stop func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	a := new(agent)
	server := &http.Server{TLSConfig: secure, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.accept(w, r, a)
	})}
	if secure == nil {
		go server.Serve(ln)
	} else {
		go server.ServeTLS(ln, "", "")
	}
	return ln.Addr().String(), func() { server.Close() }, nil
}

// client starts the library as a client, for our server.
func (l library) client() (*peer, error) {
	h, err := newHost()
	if err != nil {
		return nil, err
	}
	a := new(agent)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if err := l.dial(h.url(), a); err != nil {
				h.lost(err)
				return
			}
		}
	}()
	return &peer{
		name:  l.name + " as client",
		link:  l.fit(h.link),
		lacks: l.clientLacks,
		habit: l.habit,
		asks:  l.asks,
		stop: func() {
			h.end()
			<-ended
			h.close()
		},
	}, nil
}

// A host is our server for peers that are clients. They connect again and
// again; each request waits until a check wants a connection.
type host struct {
	ln     net.Listener
	server *http.Server
	wanted chan order
	over   chan struct{} // closed by end
	end    func()

	gone   chan struct{} // closed by lost
	lost   func(error)   // the peer won't connect any more, because of this
	reason error         // valid when gone is closed
}

type order struct {
	cfg   *conn.Config
	reply chan<- answer
}

type answer struct {
	ws  *conn.Conn
	err error
}

func newHost() (*host, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &host{ln: ln, wanted: make(chan order), over: make(chan struct{}), gone: make(chan struct{})}
	h.end = sync.OnceFunc(func() { close(h.over) })
	var once sync.Once
	h.lost = func(err error) {
		once.Do(func() {
			h.reason = err
			close(h.gone)
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", h.serve)
	mux.HandleFunc("/", h.page)
	h.server = &http.Server{Handler: mux}
	go h.server.Serve(ln)
	return h, nil
}

func (h *host) url() string { return "ws://" + h.ln.Addr().String() + "/ws" }

func (h *host) close() { h.server.Close() }

func (h *host) serve(w http.ResponseWriter, r *http.Request) {
	select {
	case o := <-h.wanted:
		ws, err := conn.Accept(w, r, o.cfg)
		o.reply <- answer{ws, err}
	case <-h.over:
		http.Error(w, "there is nothing left to check", http.StatusGone)
	case <-r.Context().Done():
	}
}

// link waits for the peer to connect.
func (h *host) link(ctx context.Context, cfg *conn.Config) (*conn.Conn, error) {
	reply := make(chan answer, 1)
	select {
	case h.wanted <- order{cfg, reply}:
		a := <-reply
		return a.ws, a.err
	case <-h.gone:
		return nil, fmt.Errorf("the peer doesn't connect any more: %w", h.reason)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
