// Command heartbeat is a lesson on liveness (RFC 6455, sections 5.5.2, 5.5.3
// and 7.1): how a peer that is gone without a word is found, and how a server
// that stops says goodbye instead.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/examples/internal/lesson"
	"github.com/seed24abed78/rfc6455/frame"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// The times of the lesson; the defaults are 30 and 15 seconds.
const (
	interval = 400 * time.Millisecond
	limit    = 300 * time.Millisecond
	latency  = 20 * time.Millisecond // one way
)

// heartbeat is a server that is watched, and a client on a cable that can be cut.
type heartbeat struct {
	*lesson.Narrator
	group  conn.Group
	wire   *conntest.Recorder // at the server's end
	frames chan *conntest.Frame
	cable  *conntest.FaultConn
	server *conn.Conn
	client *conn.Conn
	over   chan error // how the server's reading ended
}

func run(w io.Writer) error {
	h := &heartbeat{Narrator: lesson.New(w)}
	h.Title("Heartbeat: who is still there?")
	h.Say("TCP says nothing when the other side loses power or its cable is pulled: a socket that only waits would wait for ever. So WebSocket has ping and pong. Here a server (interval %v, timeout %v; the defaults are %v and %v) talks to a client over a link of %v each way. Times count from the handshake.",
		interval, limit, conn.DefaultKeepaliveInterval, conn.DefaultKeepaliveTimeout, latency)
	h.open()
	for _, part := range []func() error{h.alive, h.dead, h.goodbye} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// open connects, with both ends reading.
func (h *heartbeat) open() {
	frames := make(chan *conntest.Frame, 100)
	h.frames = frames
	h.wire = &conntest.Recorder{OnFrame: func(f *conntest.Frame) {
		if !f.Handshake {
			frames <- f
		}
	}}
	h.server, h.client = conntest.Pair(&conntest.Options{
		Link:   conntest.Link{Latency: latency},
		Server: &conn.Config{KeepaliveInterval: interval, KeepaliveTimeout: limit, Group: &h.group},
		Client: &conn.Config{KeepaliveInterval: -1},
		WrapServer: func(nc net.Conn) net.Conn {
			h.cable = conntest.Fault{}.Wrap(nc)
			return h.wire.Server(h.cable)
		},
	})
	over := make(chan error, 1)
	h.over = over
	go func(ws *conn.Conn) {
		_, _, err := ws.ReadMessage(context.Background())
		over <- err
	}(h.server)
	go h.client.ReadMessage(context.Background())
}

// explain waits for the next frame of a kind and shows it field by field.
func (h *heartbeat) explain(want frame.Opcode) (*conntest.Frame, error) {
	for {
		select {
		case f := <-h.frames:
			if f.Header.Opcode != want {
				continue
			}
			h.Note("%v: %v sends %v; bytes, meaning, section:", f.At.Round(10*time.Millisecond), f.From, want)
			h.Show(f.Explain())
			return f, nil
		case <-time.After(10 * time.Second):
			return nil, fmt.Errorf("no %v came", want)
		}
	}
}

func (h *heartbeat) alive() error {
	h.Step("Silence, a ping, a pong")
	h.Say("Nothing arrives for an interval, which is shortened by a random part so that a server's connections don't all ping at once. Then the server asks. Its ping carries a number, and the pong must bring it back (section 5.5.3).")
	if _, err := h.explain(frame.Ping); err != nil {
		return err
	}
	h.Say("The client's reader answers at once, before anything else. A client masks every frame with a fresh random key (section 5.3), pongs too; the last line is what the mask hides.")
	if _, err := h.explain(frame.Pong); err != nil {
		return err
	}
	for h.server.Stats().RTT == 0 { // the pong is noticed a moment after it was on the wire
		time.Sleep(time.Millisecond)
	}
	h.Say("Number matched: the round trip took %v, and Stats().RTT has it. Any byte would have counted as life; a busy connection is never pinged.", h.server.Stats().RTT.Round(10*time.Millisecond))
	return nil
}

func (h *heartbeat) dead() error {
	h.Step("The cable is cut")
	h.Say("From here on writes succeed and go nowhere, and nothing comes: what a machine without power looks like.")
	h.cable.Set(conntest.Fault{
		Read:  conntest.Trigger{Do: conntest.Vanish},
		Write: conntest.Trigger{Do: conntest.Vanish},
	})
	if _, err := h.explain(frame.Ping); err != nil {
		return err
	}
	h.Say("The same question with the next number. This time the timeout passes without a single byte, so the server fails the connection (section 7.1.7). It sends no Close frame: nobody would read it. Each call on this Conn now returns:")
	err := <-h.over
	var dead *conn.KeepaliveError
	var how *conn.CloseError
	if !errors.As(err, &dead) || !errors.As(err, &how) {
		return fmt.Errorf("not found dead, but: %w", err)
	}
	h.Show(strings.Join([]string{
		fmt.Sprintf("who      %s", dead.Peer),
		fmt.Sprintf("silent   %v, of which %v after the ping", dead.Silence.Round(100*time.Millisecond), limit),
		fmt.Sprintf("last RTT %v", dead.RTT.Round(10*time.Millisecond)),
		fmt.Sprintf("code     %v: never on the wire (section 7.4.1)", how.Code),
	}, "\n"))
	h.client.CloseNow()
	return nil
}

func (h *heartbeat) goodbye() error {
	h.Step("A server that stops says so")
	h.Say("A deploy is no reason to leave peers guessing. Group.Shutdown refuses new requests with 503, sends Close to every peer, waits for the answers, and cuts what is left when its context ends.")
	h.open()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.group.Shutdown(ctx); err != nil {
		return err
	}
	<-h.client.Done()
	for range 2 {
		if _, err := h.explain(frame.Close); err != nil {
			return err
		}
	}
	s := h.group.Stats()
	h.Say("Both have sent and received Close; the server closed TCP first, as it should (section 7.1.1). Connections opened: %d, open: %d, cut: %d.", s.Opened, s.Conns, s.Cut)
	return nil
}
