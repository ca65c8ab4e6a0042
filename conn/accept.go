package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/seed24abed78/rfc6455/handshake"
)

// Accept answers the opening handshake of a request to a net/http server and
// takes its connection over. When the request is refused, Accept has sent the
// response already, and returns a [*handshake.Error].
func Accept(w http.ResponseWriter, r *http.Request, cfg *Config) (*Conn, error) {
	c, err := cfg.resolve()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return nil, err
	}
	policy := c.server()
	req := handshake.FromHTTP(r)
	res, err := policy.Check(req)
	if err != nil {
		refuseHTTP(w, err)
		return nil, err
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		if errors.Is(err, http.ErrNotSupported) {
			err = fmt.Errorf("websocket: %T cannot be hijacked; a middleware that wraps the http.ResponseWriter must have Hijack or Unwrap: %w", w, err)
		}
		return nil, err
	}
	nc.SetDeadline(deadline(c.HandshakeTimeout))
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		res.Buffered = append([]byte(nil), early...)
	}
	if _, err := nc.Write(policy.AppendResponse(nil, req, res)); err != nil {
		nc.Close()
		return nil, fmt.Errorf("websocket: write the handshake's response: %w", err)
	}
	nc.SetDeadline(time.Time{})
	return newConn(nc, Server, res, c), nil
}

// server returns the judge of requests that this Config describes.
func (cfg *Config) server() handshake.Server {
	return handshake.Server{
		Subprotocols:   cfg.Subprotocols,
		OriginPatterns: cfg.OriginPatterns,
		Header:         cfg.Header,
	}
}

// refuseHTTP sends a refusal through net/http.
func refuseHTTP(w http.ResponseWriter, err error) {
	var refusal *handshake.Error
	if !errors.As(err, &refusal) {
		refusal = &handshake.Error{Status: http.StatusInternalServerError}
	}
	for name, values := range refusal.Header {
		w.Header()[name] = values
	}
	http.Error(w, refusal.Reason, refusal.Status)
}

// Handler returns an http.Handler that accepts each request, calls serve on a
// goroutine of its own, and closes the connection when serve returns: with
// code 1000 for nil, with 1011 for an error that did not end the connection
// itself. The context ends when serve has returned. At most one Config is used.
//
// The goroutine is fresh so that net/http can let go of its buffers, and so
// that it begins with a small stack.
func Handler(serve func(ctx context.Context, ws *Conn) error, cfg ...*Config) http.Handler {
	var config *Config
	if len(cfg) > 0 {
		config = cfg[0]
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := Accept(w, r, config)
		if err != nil {
			return
		}
		// The request's context ends when this function returns.
		ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
		go func() {
			defer cancel()
			ws.closeAfter(serve(ctx, ws))
		}()
	})
}

// closeAfter closes the connection as the outcome of a handler asks for.
func (c *Conn) closeAfter(err error) {
	if c.ended() != nil {
		return
	}
	if err != nil {
		c.CloseWith(1011, "")
		return
	}
	c.Close()
}

// deadline is the moment d from now; no moment when d has no bound.
func deadline(d time.Duration) time.Time {
	if d == 1<<63-1 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// Upgrade answers the opening handshake on a bare connection, without
// net/http. When the request is refused, the response has been sent and nc is
// closed; the error then is a [*handshake.Error].
func Upgrade(ctx context.Context, nc net.Conn, cfg *Config) (*Conn, error) {
	c, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.withHandshakeTimeout(ctx)
	defer cancel()
	var ws *Conn
	err = during(ctx, nc, func() (err error) {
		ws, err = upgrade(nc, c)
		return err
	})
	if err != nil {
		nc.Close()
		return nil, err
	}
	return ws, nil
}

// maxHandshakeSize bounds the head of a request or response in bytes.
const maxHandshakeSize = 16 << 10

var errHandshakeSize = fmt.Errorf("websocket: the peer's handshake is longer than %d bytes", maxHandshakeSize)

func upgrade(nc net.Conn, cfg *Config) (*Conn, error) {
	policy := cfg.server()
	_, policy.Secure = nc.(*tls.Conn) // decides which scheme is the same origin
	var req *handshake.Request
	rest, err := readHead(nc, func(b []byte) (n int, err error) {
		req, n, err = handshake.ParseRequest(b)
		return n, err
	})
	if err == nil {
		var res handshake.Result
		if res, err = policy.Check(req); err == nil {
			res.Buffered = rest
			if _, err := nc.Write(policy.AppendResponse(nil, req, res)); err != nil {
				return nil, fmt.Errorf("websocket: write the handshake's response: %w", err)
			}
			return newConn(nc, Server, res, cfg), nil
		}
	}
	var refusal *handshake.Error
	if errors.As(err, &refusal) {
		nc.Write(refusal.AppendResponse(nil))
	}
	return nil, err
}

// readHead reads until parse has what it needs, and returns a copy of the
// bytes that came behind it.
func readHead(nc net.Conn, parse func([]byte) (int, error)) (rest []byte, err error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	have := 0
	for {
		n, err := nc.Read(buf[have:])
		have += n
		if n > 0 {
			used, err := parse(buf[:have])
			if err == nil {
				return append([]byte(nil), buf[used:have]...), nil
			}
			if !errors.Is(err, handshake.ErrIncomplete) {
				return nil, err
			}
			if have == maxHandshakeSize {
				return nil, errHandshakeSize
			}
		}
		if err != nil {
			return nil, fmt.Errorf("websocket: read the peer's handshake: %w", err)
		}
	}
}

// during runs f, whose reads and writes on nc end when ctx does.
func during(ctx context.Context, nc net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(longAgo) })
	err := f()
	if !stop() && ctx.Err() != nil {
		return fmt.Errorf("websocket: opening handshake: %w", context.Cause(ctx))
	}
	return err
}
