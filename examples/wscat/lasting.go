package main

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/frame"
)

// stay is the client with -reconnect.
func stay(ctx context.Context, e *env, o *options, p *printer) error {
	d := newDialer(e, o, p)
	l := &lasting{p: p}
	cfg := d.config()
	client, err := reconnect.New(context.WithoutCancel(ctx), d.url, &reconnect.Config{
		Conn:      cfg,
		Dial:      d.dial,
		OnConnect: func(_ context.Context, ws *conn.Conn, _ *reconnect.Resume) error { l.opened(ws, d); return nil },
		Backoff:   reconnect.Backoff{Base: time.Second, Cap: 30 * time.Second},
		Trace:     &reconnect.Trace{State: l.changed, Failed: l.failed},
	})
	if err != nil {
		return usageError{err}
	}
	l.client = client
	s := &session{o: o, p: p, peer: l}
	err = s.run(ctx, e.stdin)
	cut, cancel := context.WithCancel(ctx)
	cancel()
	client.Close(cut) // nothing is left running
	return err
}

// lasting is a peer over one connection after the other.
type lasting struct {
	p      *printer
	client *reconnect.Client
	ws     atomic.Pointer[conn.Conn] // the present connection, or the last
}

func (l *lasting) opened(ws *conn.Conn, d *dialer) {
	l.ws.Store(ws)
	l.p.opened(ws, d)
}

func (l *lasting) changed(s reconnect.State) {
	if s.Phase == reconnect.Waiting {
		l.p.note("%s; attempt %d in %v", describe(s.Err), s.Attempts+1, round(s.Next.Sub(s.Since)))
	}
}

func (l *lasting) failed(m reconnect.Item) {
	l.p.note("a message of %d bytes was being sent when the connection was lost; it may not have arrived", len(m.Data))
}

func (l *lasting) messages(ctx context.Context) iter.Seq2[conn.Message, error] {
	return func(yield func(conn.Message, error) bool) {
		for m, err := range l.client.Messages(ctx) {
			if !yield(conn.Message{Type: m.Type, Data: m.Data}, err) {
				return
			}
		}
	}
}

func (l *lasting) send(ctx context.Context, typ conn.MessageType, p []byte) error {
	_, err := l.client.Send(ctx, typ, p)
	return err
}

func (l *lasting) ping(ctx context.Context) error {
	ws := l.ws.Load()
	if ws == nil {
		return errors.New("not connected")
	}
	return single{ws, l.p}.ping(ctx)
}

// finish sends what waits, and then closes with 1000, whatever the code: a
// Client that closes has no other.
func (l *lasting) finish(ctx context.Context, _ frame.CloseCode, _ string) error {
	return l.goodbye(ctx, frame.StatusNormalClosure)
}

func (l *lasting) goodbye(ctx context.Context, _ frame.CloseCode) error {
	err := l.client.Close(ctx)
	var unsent *reconnect.UnsentError
	if errors.As(err, &unsent) {
		l.p.note("%d messages of the input were not sent", len(unsent.Messages))
	}
	return err
}
