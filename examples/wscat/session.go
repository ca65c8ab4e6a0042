package main

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// target is where the input goes: a peer, or all of them.
type target interface {
	send(ctx context.Context, typ conn.MessageType, p []byte) error
	ping(ctx context.Context) error
	// finish says that nothing more is sent. Whoever reads gets the rest, and
	// then the end, at the latest closeTimeout from now.
	finish(ctx context.Context, code frame.CloseCode, reason string) error
}

// peer is the other end of a session.
type peer interface {
	target
	messages(ctx context.Context) iter.Seq2[conn.Message, error]
	// goodbye closes the connection when nobody reads any more.
	goodbye(ctx context.Context, code frame.CloseCode) error
}

// closeTimeout bounds how long the peer may take to answer our Close.
const closeTimeout = 5 * time.Second

// session is a conversation with one peer.
type session struct {
	o    *options
	p    *printer
	peer peer
	who  string // marks messages when there are many peers
}

// run talks until the connection ends, and says why.
func (s *session) run(ctx context.Context, input io.Reader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The typist ends with the input, which nothing but the program's end
	// stops when it is a terminal.
	go newTypist(s.o, s.p, s.peer).run(ctx, cancel, input)
	if s.o.ping > 0 {
		go pingEvery(ctx, s.o.ping, s.p, s.peer) // ends with ctx
	}
	return s.receive(ctx)
}

// receive prints messages until the end.
func (s *session) receive(ctx context.Context) error {
	for msg, err := range s.peer.messages(ctx) {
		if err != nil {
			return s.over(ctx, err)
		}
		last, err := s.p.message(s.who, msg)
		if err != nil {
			return s.over(ctx, localError{err})
		}
		if s.o.echo {
			if err := s.peer.send(ctx, msg.Type, msg.Data); err != nil {
				return s.over(ctx, err)
			}
		}
		if last {
			s.goodbye(ctx, frame.StatusNormalClosure) // -n got what it asked for, whatever the peer says to it
			return nil
		}
	}
	return nil
}

// over ends a session after an error. A connection that is still open, because
// the program is what ends, is closed properly.
func (s *session) over(ctx context.Context, err error) error {
	if cause := asked(ctx); cause != nil {
		s.goodbye(ctx, frame.StatusGoingAway)
		return cause
	}
	if exitCode(err) == exitLocal {
		s.goodbye(ctx, frame.StatusGoingAway)
	}
	return err
}

// goodbye closes within closeTimeout, whatever happened to ctx.
func (s *session) goodbye(ctx context.Context, code frame.CloseCode) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return s.peer.goodbye(ctx, code)
}

// pingEvery pings until ctx ends, never two at a time.
func pingEvery(ctx context.Context, every time.Duration, p *printer, t target) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := t.ping(ctx); err != nil && ctx.Err() == nil {
				p.note("no pong: %v", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// single is a peer over one connection.
type single struct {
	ws *conn.Conn
	p  *printer
}

func (c single) messages(ctx context.Context) iter.Seq2[conn.Message, error] {
	return c.ws.Messages(ctx)
}

func (c single) send(ctx context.Context, typ conn.MessageType, p []byte) error {
	return c.ws.WriteMessage(ctx, typ, p)
}

func (c single) ping(ctx context.Context) error {
	rtt, err := c.ws.Ping(ctx)
	if err == nil {
		c.p.note("pong after %v", round(rtt))
	}
	return err
}

func (c single) finish(ctx context.Context, code frame.CloseCode, reason string) error {
	if err := c.ws.CloseWrite(code, reason); err != nil {
		return err
	}
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		c.p.note("no answer to the Close within %v", closeTimeout)
		c.ws.CloseNow()
	case <-c.ws.Done():
	case <-ctx.Done(): // the reader sees that too, and says goodbye
	}
	return nil
}

func (c single) goodbye(ctx context.Context, code frame.CloseCode) error {
	stop := context.AfterFunc(ctx, func() { c.ws.CloseNow() })
	defer stop()
	return c.ws.CloseWith(code, "")
}
