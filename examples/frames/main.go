// Command frames is a lesson on the wire format of WebSocket (RFC 6455,
// section 5): a client and a server talk in memory, and every frame that
// passes between them is taken apart.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/examples/internal/lesson"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// talk is the conversation of the lesson, and what was seen of it.
type talk struct {
	*lesson.Narrator
	server, client *conn.Conn
	wire           conntest.Recorder
	told           int // frames explained so far
}

func run(ctx context.Context, w io.Writer) error {
	t := &talk{Narrator: lesson.New(w)}
	t.server, t.client = conntest.Pair(&conntest.Options{WrapServer: t.wire.Server})
	defer t.server.CloseNow()
	defer t.client.CloseNow()

	t.Title("Frames: what a WebSocket message is on the wire")
	t.Say("After the opening handshake, all that passes is frames. A frame is a header of 2 to 14 bytes and a payload (RFC 6455, section 5.2). On the left stand the bytes, on the right the section that explains them.")
	for _, part := range []func(context.Context) error{
		t.text, t.unmasked, t.lengths, t.fragments, t.close, t.broken,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// explain takes apart what passed since the last time.
func (t *talk) explain() {
	frames := t.wire.Frames()
	for _, f := range frames[t.told:] {
		if f.Handshake {
			continue // a lesson of its own
		}
		t.Note("the %s sends a frame of type %s:", f.From, f.Header.Opcode)
		t.Show(f.Explain())
	}
	t.told = len(frames)
}

// pass sends one message and reads it at the other end.
func (t *talk) pass(ctx context.Context, from, to *conn.Conn, typ conn.MessageType, p []byte) error {
	errs := make(chan error, 1)
	go func() { errs <- from.WriteMessage(ctx, typ, p) }()
	if _, _, err := to.ReadMessage(ctx); err != nil {
		return err
	}
	return <-errs
}

func (t *talk) text(ctx context.Context) error {
	t.Step("A client says Hello")
	t.Say("The first byte has FIN, which marks the last frame of a message, three reserved bits, and the opcode. The second has the MASK bit and the length. A client masks every payload with a fresh random key, so that nobody can make it write chosen bytes into the caches of proxies on the way (sections 5.3 and 10.3): run this again, and the key is another one.")
	if err := t.pass(ctx, t.client, t.server, conn.Text, []byte("Hello")); err != nil {
		return err
	}
	t.explain()
	frames := t.wire.Frames()
	t.Say("The same bytes bit by bit, in the figure of section 5.2:")
	t.Show(frames[len(frames)-1].Draw())
	return nil
}

func (t *talk) unmasked(ctx context.Context) error {
	t.Step("A server answers")
	t.Say("A server never masks (section 5.1). The payload is there to read.")
	if err := t.pass(ctx, t.server, t.client, conn.Text, []byte("Hello")); err != nil {
		return err
	}
	t.explain()
	return nil
}

func (t *talk) lengths(ctx context.Context) error {
	t.Step("Three forms of the length")
	t.Say("Up to 125 stands in the second byte itself. 126 there means that 16 bits follow, 127 that 64 bits follow; the shortest form that fits is the only legal one (section 5.2).")
	for _, size := range []int{125, 126, 65535, 65536} {
		if err := t.pass(ctx, t.server, t.client, conn.Binary, make([]byte, size)); err != nil {
			return err
		}
		t.explain()
	}
	return nil
}

// byHand is a server that writes frames byte by byte as it is told, so that
// the lesson can show what a Conn would not send at this moment, or ever.
type byHand struct {
	net.Conn
	client *conn.Conn
}

func (t *talk) byHand() *byHand {
	t.wire, t.told = conntest.Recorder{}, 0
	a, b := conntest.Pipe(conntest.Link{})
	return &byHand{
		Conn:   t.wire.Server(a),
		client: conn.New(b, conn.Client, handshake.Result{}, nil),
	}
}

func (s *byHand) send(h frame.Header, payload string) error {
	h.Length = int64(len(payload))
	_, err := s.Write(append(h.Append(nil), payload...))
	return err
}

// answer reads one frame of the client's.
func (s *byHand) answer() error {
	h, err := frame.ReadHeader(bufio.NewReaderSize(io.LimitReader(s, 6), 16)) // 2 bytes and the key
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, s, h.Length)
	return err
}

func (t *talk) fragments(ctx context.Context) error {
	t.Step("A message in fragments, with a ping between them")
	t.Say("A sender that doesn't know the length yet sends fragments: the first has the opcode, the others have opcode 0, the last has FIN (section 5.4). Control frames may pass between them; that is why they are at most 125 bytes and never fragmented (section 5.5). A ping is answered at once, by a pong with the same payload.")
	s := t.byHand()
	defer s.client.CloseNow()
	got := make(chan string, 2)
	go func() {
		_, p, err := s.client.ReadMessage(ctx)
		if err != nil {
			got <- err.Error()
		}
		got <- fmt.Sprintf("%q", p)
	}()
	err := errors.Join(
		s.send(frame.Header{Opcode: frame.Text}, "Hel"),
		s.send(frame.Header{Opcode: frame.Ping, FIN: true}, "still there?"),
		s.answer(),
		s.send(frame.Header{Opcode: frame.Continuation, FIN: true}, "lo"),
	)
	if err != nil {
		return err
	}
	read := <-got
	t.explain()
	t.Say("The client read one message: %s.", read)
	return nil
}

func (t *talk) broken(ctx context.Context) error {
	t.Step("A peer that breaks a rule")
	t.Say("A server that masks a frame breaks section 5.1. The client fails the connection: it says why in a Close frame, and looks at nothing that follows (section 7.1.7).")
	s := t.byHand()
	defer s.client.CloseNow()
	got := make(chan error, 1)
	go func() {
		_, _, err := s.client.ReadMessage(ctx)
		got <- err
	}()
	if err := s.send(frame.Header{FIN: true, Opcode: frame.Text, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}}, "?????"); err != nil {
		return err
	}
	if err := s.answer(); err != nil {
		return err
	}
	s.Close()
	err := <-got
	t.explain()
	t.Say("The client's reader gets: %v", err)
	return nil
}

func (t *talk) close(ctx context.Context) error {
	t.Step("The closing handshake")
	t.Say("Either side may send Close with a code and a reason; the other answers with a Close of its own, and nothing but that may follow (section 5.5.1). Then the server closes TCP first (section 7.1.1).")
	closed := make(chan error, 1)
	go func() { closed <- t.client.CloseWith(frame.StatusNormalClosure, "that was all") }()
	_, _, err := t.server.ReadMessage(ctx)
	if err := <-closed; err != nil {
		return err
	}
	t.explain()
	t.Say("The server's reader gets: %v", err)
	return nil
}
