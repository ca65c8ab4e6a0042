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
	"os"
	"time"

	"github.com/seed24abed78/rfc6455/handshake"
)

// Accept answers the opening handshake of a request to a net/http server and
// takes its connection over. When the request is refused, Accept has sent the
// response already, and returns a [*handshake.Error]. The size of the request
// and the time it takes are bounded by the settings of http.Server.
func Accept(w http.ResponseWriter, r *http.Request, cfg *Config) (*Conn, error) {
	ws := new(Conn)
	if err := ws.accept(w, r, cfg); err != nil {
		return nil, err
	}
	return ws, nil
}

// accept is Accept for a zero Conn.
func (c *Conn) accept(w http.ResponseWriter, r *http.Request, cfg *Config) error {
	cfg, err := cfg.check()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return err
	}
	begun := cfg.traceBegin()
	if err := cfg.accept(c, w, r); err != nil {
		cfg.handshakeOver(nil, Server, begun, err)
		return err
	}
	cfg.handshakeOver(c, Server, begun, nil)
	return nil
}

func (cfg *Config) accept(ws *Conn, w http.ResponseWriter, r *http.Request) error {
	if err := cfg.Group.enter(); err != nil {
		refuseHTTP(w, err)
		return err
	}
	defer cfg.Group.leave()
	var o opening
	o.begin(cfg)
	req := handshake.FromHTTP(r)
	if err := o.judge(req); err != nil {
		refuseHTTP(w, err)
		return err
	}
	nc, early, err := hijack(w)
	if err != nil {
		return err
	}
	nc.SetDeadline(deadline(cfg.handshakeTimeout()))
	buf := writeBuffers.Get().(*[writeSize]byte)
	defer writeBuffers.Put(buf)
	if err = o.accept(ws, nc, req, buf[:0], early); err != nil {
		nc.Close()
	}
	return err
}

// hijack takes the connection over from net/http, with what has arrived early.
func hijack(w http.ResponseWriter) (nc net.Conn, early []byte, err error) {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		if errors.Is(err, http.ErrNotSupported) {
			err = fmt.Errorf("websocket: %T cannot be hijacked; a middleware that wraps the http.ResponseWriter must have Hijack or Unwrap: %w", w, err)
		}
		return nil, nil, err
	}
	early, _ = rw.Reader.Peek(rw.Reader.Buffered())
	return nc, early, nil
}

// opening is an opening handshake from the server's side. The request is not in
// it, so that one from a bare connection can stay on the stack.
type opening struct {
	cfg         *Config
	policy      handshake.Server
	res         handshake.Result
	compression *compression
}

// begin sets the policy that cfg describes, field by field: a copy would make
// the stack of every goroutine that serves net/http grow.
func (o *opening) begin(cfg *Config) {
	o.cfg = cfg
	o.policy.Subprotocols = cfg.Subprotocols
	o.policy.OriginPatterns = cfg.OriginPatterns
	o.policy.Header = cfg.Header
	o.policy.Secure = cfg.Secure
	if cfg.Compression != nil {
		o.policy.Negotiate = cfg.Compression.Negotiate
	}
}

// judge asks the protocol's rules first, then the user's.
func (o *opening) judge(req *handshake.Request) (err error) {
	if o.res, err = o.policy.Check(req); err != nil {
		return err
	}
	if ask := o.cfg.CheckRequest; ask != nil {
		shown := *req // a copy, for it may be kept
		if err := ask(&shown); err != nil {
			return refusalFor(err)
		}
	}
	o.compression, err = newCompression(Server, o.res.Extensions, o.cfg.Compression, false)
	return err
}

// refusalFor gives the user's refusal the form of an answer.
func refusalFor(err error) error {
	var refusal *handshake.Error
	if errors.As(err, &refusal) {
		return err
	}
	return &handshake.Error{Status: http.StatusForbidden, Reason: "the server refuses this request", Err: err}
}

// accept sends the 101, which it writes into buf, and ends the handshake's
// deadline. early is what has come behind the request.
func (o *opening) accept(ws *Conn, nc net.Conn, req *handshake.Request, buf, early []byte) error {
	o.res.Buffered = append([]byte(nil), early...)
	if _, err := nc.Write(o.policy.AppendResponse(buf, req, o.res)); err != nil {
		return fmt.Errorf("websocket: write the handshake's response: %w", err)
	}
	nc.SetDeadline(time.Time{})
	ws.start(nc, Server, o.res, o.cfg, o.compression)
	return nil
}

// refuseHTTP sends a refusal through net/http, as Error.AppendResponse does
// without.
func refuseHTTP(w http.ResponseWriter, err error) {
	var refusal *handshake.Error
	if !errors.As(err, &refusal) {
		refusal = &handshake.Error{Status: http.StatusInternalServerError, Reason: http.StatusText(http.StatusInternalServerError)}
	}
	status := refusal.Status
	if status < 300 || status > 599 {
		status = http.StatusBadRequest
	}
	body := refusal.Body
	if len(body) == 0 {
		body = []byte(refusal.Reason + "\n")
	}
	body = body[:min(len(body), handshake.MaxErrorBody)]
	h := w.Header()
	for name, values := range refusal.Header {
		h[name] = values
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	h.Del("Content-Length") // of what a middleware meant to send
	h.Del("Content-Encoding")
	w.WriteHeader(status)
	w.Write(body)
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
	c, err := cfg.check()
	if err != nil {
		return nil, err
	}
	// A deadline costs less than a context with a timeout.
	nc.SetDeadline(deadline(c.handshakeTimeout()))
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { nc.SetDeadline(longAgo) })
	}
	begun := c.traceBegin()
	ws, err := c.upgrade(nc)
	if ended := !stop(); ended || err != nil {
		if ws != nil {
			ws.CloseNow() // the keepalive knows it
		}
		nc.Close()
		err = upgradeFailed(ctx, ended, err)
		c.handshakeOver(nil, Server, begun, err)
		return nil, err
	}
	c.handshakeOver(ws, Server, begun, nil)
	return ws, nil
}

// upgradeFailed says why: a refusal first, for it has been sent.
func upgradeFailed(ctx context.Context, ended bool, err error) error {
	var refusal *handshake.Error
	switch {
	case errors.As(err, &refusal):
		return err
	case ended:
		return fmt.Errorf("websocket: opening handshake: %w", context.Cause(ctx))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("websocket: opening handshake: %w", errHandshakeTimeout)
	}
	return err
}

var errHandshakeSize = errors.New("websocket: the peer's handshake is longer than Config.MaxHandshakeSize")

func (cfg *Config) upgrade(nc net.Conn) (ws *Conn, err error) {
	err = readHead(nc, cfg.maxHandshakeSize(), func(b []byte) error {
		req, n, err := handshake.ParseRequest(b)
		if err == nil {
			ws, err = cfg.answer(nc, req, b[:0], b[n:])
		}
		return err
	})
	if err != nil {
		if errors.Is(err, errHandshakeSize) {
			err = &handshake.Error{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "the request is too long", Err: err}
		}
		sendRefusal(nc, err)
	}
	return ws, err
}

// sendRefusal answers with a refusal, if err is one.
func sendRefusal(nc net.Conn, err error) {
	var refusal *handshake.Error
	if !errors.As(err, &refusal) {
		return
	}
	if _, err := nc.Write(refusal.AppendResponse(nil)); err == nil {
		dropRequest(nc)
	}
}

// answer judges a request on a bare connection, and accepts it.
func (cfg *Config) answer(nc net.Conn, req *handshake.Request, buf, early []byte) (*Conn, error) {
	if err := cfg.Group.enter(); err != nil {
		return nil, err
	}
	defer cfg.Group.leave()
	var o opening
	o.begin(cfg)
	if _, ok := nc.(*tls.Conn); ok { // decides which scheme is the same origin
		o.policy.Secure = true
	}
	if err := o.judge(req); err != nil {
		return nil, err
	}
	ws := new(Conn)
	if err := o.accept(ws, nc, req, buf, early); err != nil {
		return nil, err
	}
	return ws, nil
}

// dropSize is how much of a request that was refused is dropped unread, in
// bytes: what net/http does.
const dropSize = 256 << 10

// dropRequest drops what the peer goes on sending, a body perhaps, until it has
// read the refusal and closes: closing with unread bytes makes TCP throw away
// what was sent. The handshake's deadline bounds it.
func dropRequest(nc net.Conn) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		io.CopyN(io.Discard, nc, dropSize)
	}
}

// readHead reads until parse has what it needs, limit bytes at most. parse may
// write over the bytes when it doesn't want more, and keeps none of them.
func readHead(nc net.Conn, limit int, parse func([]byte) error) error {
	pooled := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(pooled)
	buf := pooled[:min(limit, readSize)]
	have := 0
	for {
		if have == len(buf) { // more than readSize is allowed, and has arrived
			buf = append(make([]byte, 0, min(2*have, limit)), buf...)
			buf = buf[:cap(buf)]
		}
		n, err := nc.Read(buf[have:])
		come := buf[have : have+n]
		have += n
		// Only the end of a line can be that of the head: a peer that sends byte
		// by byte has each line parsed, not each byte.
		if bytes.IndexByte(come, '\n') >= 0 {
			if err := parse(buf[:have]); err != handshake.ErrIncomplete {
				return err
			}
		}
		if have == limit {
			return errHandshakeSize
		}
		if err != nil {
			return fmt.Errorf("websocket: read the peer's handshake: %w", err)
		}
	}
}

// during runs f, whose reads and writes on nc end when ctx does. A refusal that
// f has got until then counts, though its body may be cut.
func during(ctx context.Context, nc net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(longAgo) })
	err := f()
	var refusal *handshake.Error
	if !stop() && ctx.Err() != nil && !errors.As(err, &refusal) {
		return fmt.Errorf("websocket: opening handshake: %w", context.Cause(ctx))
	}
	return err
}
