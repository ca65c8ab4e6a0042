package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// checkTime bounds one check of one peer.
const checkTime = 2 * time.Minute

// A check is a column of the matrix.
type check struct {
	name string
	run  func(ctx context.Context, p *peer) error
}

// → is from us to the peer, ← from the peer to us. swindow and cwindow are the
// windows of the server and the client in permessage-deflate, theirs is what
// the peer itself can ask for there.
var checks = []check{
	{"handshake", with(nil, func(context.Context, *conn.Conn) error { return nil })},
	{"text", with(nil, checkText)},
	{"binary", with(nil, checkBinary)},
	{"empty", with(nil, checkEmpty)},
	{"64KiB", with(nil, check64K)},
	{"16MiB", with(&conn.Config{MaxMessageSize: 16 << 20}, check16M)},
	{"frag→", with(&conn.Config{FrameSize: 999}, checkFragmentsOut)},
	{"frag←", checkFragmentsIn},
	{"deflate→", checkDeflateOut},
	{"deflate←", checkDeflateIn},
	{"takeover", checkTakeover},
	{"swindow", checkServerWindow},
	{"cwindow", checkClientWindow},
	{"theirs", checkTheirs},
	{"ping→", with(nil, checkPingOut)},
	{"ping←", checkPingIn},
	{"subproto", checkSubprotocol},
	{"close→", checkCloseOut(end{1000, "bye"}, end{1000, ""}, end{4000, strings.Repeat("é", 61)})},
	{"close←", checkCloseIn(end{1000, "done"}, end{1000, ""}, end{4001, "why: ω"})},
	{"nocode→", checkCloseOut(end{1005, ""})},
	{"nocode←", checkCloseIn(end{1005, ""})},
	{"drop→", checkDropOut},
	{"drop←", checkDropIn},
}

// with makes a check of what is done on one connection. The connection is
// closed in the end, and must close well.
func with(cfg *conn.Config, f func(ctx context.Context, ws *conn.Conn) error) func(context.Context, *peer) error {
	return func(ctx context.Context, p *peer) error {
		ws, err := p.connect(ctx, cfg)
		if err != nil {
			return err
		}
		defer ws.CloseNow()
		if err := f(ctx, ws); err != nil {
			return err
		}
		return ws.Close()
	}
}

// echo sends a message and expects it back.
func echo(ctx context.Context, ws *conn.Conn, typ conn.MessageType, data []byte) error {
	if err := ws.WriteMessage(ctx, typ, data); err != nil {
		return err
	}
	return expect(ctx, ws, typ, data)
}

func expect(ctx context.Context, ws *conn.Conn, typ conn.MessageType, want []byte) error {
	gotType, got, err := ws.ReadMessage(ctx)
	if err != nil {
		return err
	}
	if gotType != typ || !bytes.Equal(got, want) {
		return fmt.Errorf("got a %v of %d bytes (%.40q), want a %v of %d (%.40q)", gotType, len(got), got, typ, len(want), want)
	}
	return nil
}

func checkText(ctx context.Context, ws *conn.Conn) error {
	for _, text := range []string{"Hello", "κόσμε, 世界, 🚀", "\x00"} {
		if err := echo(ctx, ws, conn.Text, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

func checkBinary(ctx context.Context, ws *conn.Conn) error {
	return echo(ctx, ws, conn.Binary, noise(0, 256))
}

func checkEmpty(ctx context.Context, ws *conn.Conn) error {
	return errors.Join(echo(ctx, ws, conn.Text, nil), echo(ctx, ws, conn.Binary, nil))
}

// check64K also sends the lengths at which the header changes its form.
func check64K(ctx context.Context, ws *conn.Conn) error {
	for _, n := range []int{125, 126, 65535, 65536} {
		if err := echo(ctx, ws, conn.Binary, noise(0, n)); err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
	}
	return nil
}

func check16M(ctx context.Context, ws *conn.Conn) error {
	return echo(ctx, ws, conn.Binary, noise(0, 16<<20))
}

// checkFragmentsOut sends a message in frames that split code points: in many
// by the size of frames, and in two with a ping between them.
func checkFragmentsOut(ctx context.Context, ws *conn.Conn) error {
	text := []byte(strings.Repeat("é", 5000))
	if err := echo(ctx, ws, conn.Text, text); err != nil {
		return err
	}
	w, err := ws.NextWriter(ctx, conn.Text)
	if err != nil {
		return err
	}
	if _, err := w.Write(text[:6001]); err != nil {
		return err
	}
	pinged := make(chan error, 1)
	go func() {
		_, err := ws.Ping(ctx)
		pinged <- err
		if _, werr := w.Write(text[6001:]); werr == nil {
			w.Close()
		}
	}()
	return errors.Join(expect(ctx, ws, conn.Text, text), <-pinged)
}

// checkFragmentsIn asks for a message in fragments, and then for one that has
// more of them than the limit allows: so they are fragments indeed.
func checkFragmentsIn(ctx context.Context, p *peer) error {
	err := with(nil, func(ctx context.Context, ws *conn.Conn) error {
		if err := ws.WriteMessage(ctx, conn.Text, []byte("!fragments")); err != nil {
			return err
		}
		return expect(ctx, ws, conn.Text, bytes.Join(fragments[:], nil))
	})(ctx, p)
	if err != nil {
		return err
	}
	ws, err := p.connect(ctx, &conn.Config{MaxFragments: 2})
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	if err := ws.WriteMessage(ctx, conn.Text, []byte("!fragments")); err != nil {
		return err
	}
	if _, _, err := ws.ReadMessage(ctx); !errors.Is(err, frame.ErrTooManyFragments) {
		return fmt.Errorf("a message of three fragments under a limit of two: %w", wrong(err))
	}
	return nil
}

func checkPingOut(ctx context.Context, ws *conn.Conn) error {
	pinged := make(chan error, 1)
	go func() {
		_, err := ws.Ping(ctx)
		pinged <- err
		ws.WriteMessage(ctx, conn.Text, []byte("after the ping"))
	}()
	return errors.Join(expect(ctx, ws, conn.Text, []byte("after the ping")), <-pinged)
}

func checkPingIn(ctx context.Context, p *peer) error {
	pinged := ""
	pings := 0
	cfg := &conn.Config{OnPing: func(_ *conn.Conn, payload []byte) { pinged = string(payload); pings++ }}
	return with(cfg, func(ctx context.Context, ws *conn.Conn) error {
		if err := ws.WriteMessage(ctx, conn.Text, []byte("!ping")); err != nil {
			return err
		}
		typ, got, err := ws.ReadMessage(ctx)
		if err != nil {
			return err
		}
		if typ != conn.Text || string(got) != "pong "+pinged || pings == 0 {
			return fmt.Errorf("%d pings, the last with %q, and then the message %q", pings, pinged, got)
		}
		return nil
	})(ctx, p)
}

func checkSubprotocol(ctx context.Context, p *peer) error {
	cfg := &conn.Config{Subprotocols: []string{"unheard.of", subprotocol}}
	return with(cfg, func(_ context.Context, ws *conn.Conn) error {
		if got := ws.Subprotocol(); got != subprotocol {
			return fmt.Errorf("agreed on %q, want %q", got, subprotocol)
		}
		return nil
	})(ctx, p)
}

// An end is what a Close frame says; code 1005 stands for one that is empty.
type end struct {
	code   frame.CloseCode
	reason string
}

// checkCloseOut closes with each of the codes and reasons, and asks the peer
// what it saw.
func checkCloseOut(ends ...end) func(context.Context, *peer) error {
	return func(ctx context.Context, p *peer) error {
		for _, e := range ends {
			ws, err := watched(ctx, p)
			if err != nil {
				return err
			}
			err = ws.CloseWith(e.code, e.reason)
			ws.CloseNow()
			if err != nil {
				return fmt.Errorf("close with %d: %w", e.code, err)
			}
			if err := expectLast(ctx, p, fmt.Sprintf("%d %s", e.code, e.reason)); err != nil {
				return err
			}
		}
		return nil
	}
}

// checkCloseIn lets the peer close with each of the codes and reasons.
func checkCloseIn(ends ...end) func(context.Context, *peer) error {
	return func(ctx context.Context, p *peer) error {
		for _, e := range ends {
			ws, err := p.connect(ctx, nil)
			if err != nil {
				return err
			}
			command := strings.TrimSuffix(fmt.Sprintf("!close %d %s", e.code, e.reason), " ")
			err = ws.WriteMessage(ctx, conn.Text, []byte(command))
			if err == nil {
				_, _, err = ws.ReadMessage(ctx)
			}
			ws.CloseNow()
			var ce *conn.CloseError
			if !errors.As(err, &ce) || ce.Err != nil || ce.Local || ce.Code != e.code || ce.Reason != e.reason {
				return fmt.Errorf("%s: %w", command, wrong(err))
			}
		}
		return nil
	}
}

func checkDropOut(ctx context.Context, p *peer) error {
	ws, err := watched(ctx, p)
	if err != nil {
		return err
	}
	if err := ws.CloseNow(); err != nil {
		return err
	}
	return expectLast(ctx, p, "1006 ")
}

func checkDropIn(ctx context.Context, p *peer) error {
	ws, err := p.connect(ctx, nil)
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	if err := ws.WriteMessage(ctx, conn.Text, []byte("!drop")); err != nil {
		return err
	}
	_, _, err = ws.ReadMessage(ctx)
	var ce *conn.CloseError
	if !errors.As(err, &ce) || ce.Err == nil || ce.Code != frame.StatusAbnormalClosure {
		return fmt.Errorf("a peer that closed TCP: %w", wrong(err))
	}
	return nil
}

// watched returns a connection whose end the peer will remember.
func watched(ctx context.Context, p *peer) (*conn.Conn, error) {
	ws, err := p.connect(ctx, nil)
	if err != nil {
		return nil, err
	}
	err = ws.WriteMessage(ctx, conn.Text, []byte("!watch"))
	if err == nil {
		err = expect(ctx, ws, conn.Text, []byte("watching"))
	}
	if err != nil {
		ws.CloseNow()
	}
	return ws, err
}

// expectLast asks the peer how the watched connection ended. The peer may still
// be about to take note of it.
func expectLast(ctx context.Context, p *peer, want string) error {
	ws, err := p.connect(ctx, nil)
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if err := ws.WriteMessage(ctx, conn.Text, []byte("!last")); err != nil {
			return err
		}
		_, got, err := ws.ReadMessage(ctx)
		if err != nil {
			return err
		}
		if string(got) == want {
			return ws.Close()
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("the peer saw the end %.40q, want %.40q", got, want)
		}
	}
}

// wrong is err, or says that there was none.
func wrong(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}
