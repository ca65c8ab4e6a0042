package conn_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
)

type contextKey struct{}

// handled runs serve as a handler behind a middleware, and returns when it has
// returned.
func handled(t *testing.T, middleware func(context.Context) context.Context, serve func(context.Context)) {
	over := make(chan struct{})
	h := conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		defer close(over)
		_, _, err := ws.ReadMessage(ctx) // now the request's own context has ended
		if err == nil {
			serve(ctx)
		}
		return err
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := middleware(r.Context())
		h.ServeHTTP(w, r.WithContext(ctx))
	}))
	defer s.Close()
	ws, err := conn.Dial(t.Context(), s.URL, nil)
	require.NoError(t, err)
	defer ws.Close()
	require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, nil))
	<-over
}

// A handler's context has the values of the request's, whatever that was made
// of, and doesn't end with it.
func TestHandlerContextValues(t *testing.T) {
	for name, middleware := range map[string]func(context.Context) context.Context{
		"value": func(ctx context.Context) context.Context { return context.WithValue(ctx, contextKey{}, "value") },
		"value, then cancel": func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(context.WithValue(ctx, contextKey{}, "value"))
			cancel()
			return ctx
		},
		"timeout, then value": func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			t.Cleanup(cancel)
			return context.WithValue(ctx, contextKey{}, "value")
		},
	} {
		t.Run(name, func(t *testing.T) {
			handled(t, middleware, func(ctx context.Context) {
				for range 2 { // before and after somebody watches it
					require.Equal(t, "value", ctx.Value(contextKey{}))
					require.NotNil(t, ctx.Value(http.ServerContextKey))
					require.NotNil(t, ctx.Value(http.LocalAddrContextKey))
					require.Nil(t, ctx.Value("another"))
					require.NoError(t, ctx.Err())
					require.NoError(t, context.Cause(ctx))
					_, ok := ctx.Deadline()
					require.False(t, ok)
					require.NotNil(t, ctx.Done())
				}
			})
		})
	}
}

// It ends when the handler has returned, and with it whatever was made of it.
func TestHandlerContextEnds(t *testing.T) {
	var ctx, child context.Context
	called := make(chan struct{})
	handled(t, func(ctx context.Context) context.Context { return ctx }, func(c context.Context) {
		ctx = c
		var cancel context.CancelFunc
		child, cancel = context.WithCancel(ctx)
		t.Cleanup(cancel)
		context.AfterFunc(ctx, func() { close(called) })
		require.NoError(t, child.Err())
	})
	<-ctx.Done()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	require.ErrorIs(t, context.Cause(ctx), context.Canceled)
	<-child.Done()
	<-called
}

// So it does when nobody has watched it.
func TestHandlerContextEndsUnwatched(t *testing.T) {
	var ctx context.Context
	handled(t, func(ctx context.Context) context.Context { return ctx }, func(c context.Context) { ctx = c })
	<-ctx.Done()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}
