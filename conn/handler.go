package conn

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"
)

// Handler returns an http.Handler that accepts each request, calls serve on a
// goroutine of its own, and closes the connection when serve returns: with
// code 1000 for nil, with 1011 for an error that did not end the connection
// itself. The context has the values of the request's, and ends when serve has
// returned. At most one Config is used.
//
// The goroutine is fresh so that net/http can let go of its buffers, and so
// that it begins with a small stack.
func Handler(serve func(ctx context.Context, ws *Conn) error, cfg ...*Config) http.Handler {
	var config *Config
	if len(cfg) > 0 {
		config = cfg[0]
	}
	var group *Group
	if config != nil {
		group = config.Group
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		group.serving(1) // before the Conn joins, so that Shutdown waits for both
		h := new(handlerContext)
		if err := h.ws.accept(w, r, config); err != nil {
			group.serving(-1)
			return
		}
		h.values = h.ws.lasting(r.Context())
		go h.serve(serve)
	})
}

// handlerContext is the context of a handler, with its connection. It ends after
// the connection has, which need not watch it.
//
// An idle connection has one, so it is no more than it has to be: what lets
// others watch it is made when somebody asks.
type handlerContext struct {
	ws     Conn
	values context.Context          // of the request, which has ended
	made   atomic.Pointer[lifetime] // nil until somebody asks
}

// lifetime is a context of package context, to which others can be added.
type lifetime struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func (h *handlerContext) serve(serve func(context.Context, *Conn) error) {
	defer h.end()
	h.ws.closeAfter(serve(h, &h.ws))
}

func (h *handlerContext) end() {
	h.lifetime().cancel()
	h.ws.cfg.Group.serving(-1)
}

func (h *handlerContext) lifetime() *lifetime {
	if l := h.made.Load(); l != nil {
		return l
	}
	l := new(lifetime)
	l.ctx, l.cancel = context.WithCancel(h.values)
	if !h.made.CompareAndSwap(nil, l) {
		l.cancel()
		return h.made.Load()
	}
	return l
}

func (h *handlerContext) Deadline() (t time.Time, ok bool) { return t, false }

func (h *handlerContext) Done() <-chan struct{} { return h.lifetime().ctx.Done() }

func (h *handlerContext) Err() error {
	if l := h.made.Load(); l != nil {
		return l.ctx.Err()
	}
	return nil
}

// Value also is how package context finds the one that can be watched.
func (h *handlerContext) Value(key any) any {
	ctx := h.values
	if l := h.made.Load(); l != nil {
		ctx = l.ctx
	}
	if v := ctx.Value(key); v != nil || key != http.LocalAddrContextKey {
		return v
	}
	return h.ws.LocalAddr()
}

// doneOf is ctx.Done, but nil for the context of c's handler, which ends after c
// and which nobody has to watch for c.
func (c *Conn) doneOf(ctx context.Context) <-chan struct{} {
	if h, ok := ctx.(*handlerContext); ok && &h.ws == c {
		return nil
	}
	return ctx.Done()
}

// lasting is context.WithoutCancel without the memory of contexts that do
// nothing but end, or name the connection's address. net/http makes two and one
// of them for each request.
func (c *Conn) lasting(ctx context.Context) context.Context {
	for {
		below, names := parent(ctx)
		if below == nil || names && !c.knows(ctx, below) {
			break
		}
		ctx = below
	}
	if ctx.Done() == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// knows reports whether all that ctx adds to below is the address of c.
func (c *Conn) knows(ctx, below context.Context) bool {
	addr, ok := ctx.Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && c.LocalAddr() == net.Addr(addr) && below.Value(http.LocalAddrContextKey) == nil
}

// parent returns what was given to context.WithCancel or context.WithValue for
// ctx, and which it was; nil when it was neither. Both keep it in an exported
// field. Were there none, lasting would be as good, but larger.
func parent(ctx context.Context) (below context.Context, names bool) {
	t := reflect.TypeOf(ctx)
	if t != endingType && t != namingType {
		return nil, false
	}
	if f := reflect.ValueOf(ctx).Elem().FieldByName("Context"); f.IsValid() {
		below, _ = f.Interface().(context.Context)
	}
	return below, t == namingType
}

var (
	cancelled, _ = context.WithCancel(context.Background())
	endingType   = reflect.TypeOf(cancelled)
	namingType   = reflect.TypeOf(context.WithValue(cancelled, endingType, nil))
)

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
