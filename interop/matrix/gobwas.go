package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

var gobwas = library{
	name: "gobwas/ws " + version("github.com/gobwas/ws"),
	accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
		e := wsflate.Extension{Parameters: wsflate.DefaultParameters}
		up := ws.HTTPUpgrader{
			Protocol:  func(p string) bool { return p == subprotocol },
			Negotiate: e.Negotiate,
		}
		nc, rw, _, err := up.Upgrade(r, w)
		if err != nil {
			return
		}
		_, deflate := e.Accepted()
		(&gobwasSocket{nc: nc, r: rw.Reader, agent: a, state: ws.StateServerSide, deflate: deflate}).serve()
	},
	dial: func(url string, a *agent) error {
		d := ws.Dialer{
			Protocols:  []string{subprotocol},
			Extensions: []httphead.Option{wsflate.DefaultParameters.Option()},
		}
		nc, br, hs, err := d.Dial(context.Background(), url)
		if err != nil {
			return err
		}
		if br == nil {
			br = bufio.NewReader(nc)
		}
		(&gobwasSocket{nc: nc, r: br, agent: a, state: ws.StateClientSide, deflate: len(hs.Extensions) > 0}).serve()
		return nil
	},
	habit:       noContext,
	serverLacks: map[string]string{"swindow": declinedWindow, "theirs": noParameters},
	clientLacks: map[string]string{"cwindow": unofferedWindow, "theirs": noParameters},
}

// gobwasSocket works on frames, which is what that library is about.
type gobwasSocket struct {
	nc      net.Conn
	r       io.Reader
	agent   *agent
	state   ws.State
	deflate bool

	first   ws.Header // of the message that has begun
	message []byte
	closing bool
}

var errGobwasClosed = errors.New("the closing handshake is over")

func (s *gobwasSocket) serve() {
	defer s.nc.Close()
	for {
		f, err := s.read()
		if err == nil {
			err = s.frame(f)
		}
		if err == nil {
			continue
		}
		if err != errGobwasClosed {
			s.agent.closed(s, 1006, "")
		}
		return
	}
}

func (s *gobwasSocket) read() (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(s.r); err != nil {
		return f, err
	}
	if f.Header.Length > 32<<20 {
		return f, errors.New("a frame of more than 32 MiB")
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(s.r, f.Payload)
	return f, err
}

func (s *gobwasSocket) frame(f ws.Frame) error {
	if f.Header.Masked {
		f = ws.UnmaskFrameInPlace(f)
	}
	switch f.Header.OpCode {
	case ws.OpPing:
		return s.send(ws.NewPongFrame(f.Payload))
	case ws.OpPong:
		return s.agent.ponged(s, string(f.Payload))
	case ws.OpClose:
		code, reason := ws.ParseCloseFrameData(f.Payload)
		if len(f.Payload) == 0 {
			code = 1005
		}
		s.agent.closed(s, int(code), reason)
		if !s.closing {
			s.send(ws.NewCloseFrame(f.Payload[:min(len(f.Payload), 2)]))
		}
		return errGobwasClosed
	case ws.OpContinuation:
	default:
		s.first, s.message = f.Header, nil
	}
	s.message = append(s.message, f.Payload...)
	if !f.Header.Fin {
		return nil
	}
	data := s.message
	if s.first.Rsv1() {
		var err error
		if data, err = wsflate.DefaultHelper.Decompress(data); err != nil {
			return err
		}
	}
	return s.agent.hear(s, s.first.OpCode == ws.OpText, data)
}

// send masks for a client; the copy is there because that works in place.
func (s *gobwasSocket) send(f ws.Frame) error {
	if s.state.ClientSide() {
		f.Payload = append([]byte(nil), f.Payload...)
		f = ws.MaskFrameInPlace(f)
	}
	return ws.WriteFrame(s.nc, f)
}

func (s *gobwasSocket) write(text bool, data []byte) error {
	f := ws.NewBinaryFrame(data)
	if text {
		f = ws.NewTextFrame(data)
	}
	if s.deflate {
		var err error
		if f, err = wsflate.CompressFrame(f); err != nil {
			return err
		}
	}
	return s.send(f)
}

func (s *gobwasSocket) fragments(parts ...[]byte) error {
	for i, part := range parts {
		op := ws.OpContinuation
		if i == 0 {
			op = ws.OpText
		}
		if err := s.send(ws.NewFrame(op, i == len(parts)-1, part)); err != nil {
			return err
		}
	}
	return nil
}

func (s *gobwasSocket) ping() error { return s.send(ws.NewPingFrame([]byte(pingPayload))) }

func (s *gobwasSocket) close(code int, reason string) error {
	s.closing = true
	if code == 1005 {
		return s.send(ws.NewCloseFrame(nil))
	}
	return s.send(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), reason)))
}

func (s *gobwasSocket) drop() error { return s.nc.Close() }
