// Command reconnect shows a real restart: a server and three clients, each a
// process of its own. The server publishes 20 messages a second. It is killed,
// and comes back with its log; it is killed again, and comes back without. The
// clients say what they missed, and what they got back.
//
// What to see:
//
//   - The clients come back one by one, at random times: full jitter.
//   - What was published while they were away reaches them first, once and in
//     order, because they ask for what came after the last number that they
//     have (log.go keeps the history in a file).
//   - When the history is gone they are told so, and don't go on as if nothing
//     had happened.
//   - Each client posts notes all the while, also while offline. They wait,
//     and what the server has not acknowledged is sent again: it takes its
//     time with that, so that there is something.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/examples/internal/lesson"
)

func main() {
	role := flag.String("role", "", "server or client; empty starts both as processes of their own")
	addr := flag.String("addr", "127.0.0.1:0", "where the server listens, and the clients connect")
	history := flag.String("log", "", "the server's log, a file")
	show := flag.Bool("show", false, "the client shows the first frames of each connection")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch *role {
	case "server":
		err = serve(ctx, os.Stdout, *addr, *history)
	case "client":
		err = follow(ctx, os.Stdin, os.Stdout, "ws://"+*addr, *show)
	case "":
		err = run(ctx, os.Stdout)
	default:
		err = fmt.Errorf("-role is %q; it must be server or client", *role)
	}
	if err != nil {
		log.Fatal(err)
	}
}

const clients = 3

// run plays the piece.
func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "reconnect")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &stage{Narrator: lesson.New(out), out: out, lines: make(chan line), history: filepath.Join(dir, "log")}
	ctx, cancel := context.WithCancel(ctx) // kills what is left
	defer s.wait()
	defer cancel()
	s.Title("Reconnect: a server is killed, and nothing is missed")
	s.Say("A WebSocket ends with its TCP connection, and what was on its way is gone: the protocol has no resume. So the messages here carry numbers, and a client that comes back names the last one that it has.")

	s.act("A server, and three clients that come to it")
	if err := s.startServer(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	for n := range clients {
		if _, err := s.start(ctx, fmt.Sprintf("client %d", n+1), "-role=client", "-addr="+s.addr, fmt.Sprintf("-show=%v", n == 0)); err != nil {
			return err
		}
	}
	if err := s.everyClient(ctx, "first note is acknowledged"); err != nil {
		return err
	}

	s.explain("Client 1 is new and asks for what comes after number 0: for all there is.")

	s.act("The server is killed: no Close frame, no goodbye")
	s.Say("What the clients see is code 1006, which is never on the wire (section 7.1.5). Each waits a time drawn at random from 0 on, and the bound doubles from attempt to attempt: all have lost the same server at the same moment, and must not come back as one (section 7.2.3).")
	s.Space()
	s.killServer()
	if err := s.everyClient(ctx, "tries again"); err != nil {
		return err
	}

	s.act("It is back, with its log. Before it listens, it publishes 10 messages")
	if err := s.startServer(ctx, s.addr); err != nil {
		return err
	}
	if err := s.everyClient(ctx, "live again"); err != nil {
		return err
	}

	s.explain("Now client 1 names the last number that it has. The server's first message is the one after it: no gap, and nothing twice.")

	s.act("It is killed again, and comes back without its log")
	s.killServer()
	if err := s.everyClient(ctx, "tries again"); err != nil {
		return err
	}
	if err := os.Remove(s.history); err != nil {
		return err
	}
	if err := s.startServer(ctx, s.addr); err != nil {
		return err
	}
	if err := s.everyClient(ctx, "live again"); err != nil {
		return err
	}

	s.explain("The number that client 1 names is older than all that the server has. It says so, and begins with what there is.")

	s.act("The clients go: they flush, and close with code 1000 (section 7.4.1)")
	for _, p := range s.players[1:] {
		p.in.Close()
	}
	return s.everyClient(ctx, "notes posted")
}

// stage has the processes and what they say.
type stage struct {
	*lesson.Narrator
	wire    *conntest.Recorder // of client 1's present connection
	out     io.Writer
	lines   chan line
	history string
	addr    string
	players []*player // the server first
}

type player struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer     // its end tells a client to go
	gone chan struct{} // closed when the process has ended and its lines were read
}

type line struct {
	from *player
	text string // "" when the process has ended
}

func (s *stage) act(text string) {
	s.Step("%s", text)
	s.Space()
	s.wire = &conntest.Recorder{}
}

// explain takes apart the frames that client 1 has shown.
func (s *stage) explain(text string) {
	s.Space()
	s.Say("%s", text)
	for _, f := range s.wire.Frames() {
		s.Note("the %s sends; bytes, meaning, section:", f.From)
		s.Show(f.Explain())
	}
}

// A client shows a frame in a line "frame SIDE HEX".
const frameLine = "frame %v %x"

func cutFrame(text string) (side, hex string, ok bool) {
	text, ok = strings.CutPrefix(text, "frame ")
	side, hex, _ = strings.Cut(text, " ")
	return side, hex, ok
}

// record lets the Recorder see a frame as it was on the wire.
func (s *stage) record(side, text string) error {
	wire, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	role := conn.Server
	if side == conn.Client.String() {
		role = conn.Client
	}
	near, far := conntest.Pipe(conntest.Link{Buffer: len(wire)})
	defer far.Close()
	_, err = s.wire.Wrap(near, role).Write(wire)
	return err
}

// start starts this program again, in another role.
func (s *stage) start(ctx context.Context, name string, args ...string) (*player, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &player{name: name, cmd: exec.CommandContext(ctx, self, args...), gone: make(chan struct{})}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.gone)
		for in := bufio.NewScanner(stdout); in.Scan(); {
			s.tell(ctx, line{p, in.Text()})
		}
		p.cmd.Wait() // that it was killed is part of the play
		s.tell(ctx, line{p, ""})
	}()
	s.players = append(s.players, p)
	return p, nil
}

func (s *stage) tell(ctx context.Context, l line) {
	select {
	case s.lines <- l:
	case <-ctx.Done():
	}
}

// startServer starts the server, as the first of the players, and waits until
// it listens.
func (s *stage) startServer(ctx context.Context, addr string) error {
	p, err := s.start(ctx, "server  ", "-role=server", "-addr="+addr, "-log="+s.history)
	if err != nil {
		return err
	}
	if last := len(s.players) - 1; last > 0 {
		s.players[0], s.players = p, s.players[:last]
	}
	const listens = "listens on "
	text, err := s.expect(ctx, p, listens)
	if err != nil {
		return err
	}
	s.addr = strings.Fields(text[strings.Index(text, listens)+len(listens):])[0]
	return nil
}

func (s *stage) killServer() { s.players[0].cmd.Process.Kill() }

// expect prints lines until from says something that has text in it.
func (s *stage) expect(ctx context.Context, from *player, text string) (string, error) {
	for {
		l, err := s.next(ctx)
		if err != nil {
			return "", err
		}
		if l.from == from && strings.Contains(l.text, text) {
			return l.text, nil
		}
		if l.from == from && l.text == "" {
			return "", fmt.Errorf("%s has ended", l.from.name)
		}
	}
}

// everyClient prints lines until each client has said text.
func (s *stage) everyClient(ctx context.Context, text string) error {
	said := make(map[*player]bool)
	for len(said) < clients {
		l, err := s.next(ctx)
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(l.from.name, "server"): // it may be one that was killed
		case l.text == "" && !said[l.from]:
			return fmt.Errorf("%s has ended", l.from.name)
		case strings.Contains(l.text, text):
			said[l.from] = true
		}
	}
	return nil
}

func (s *stage) next(ctx context.Context) (line, error) {
	select {
	case l := <-s.lines:
		if side, hex, ok := cutFrame(l.text); ok {
			return l, s.record(side, hex)
		}
		if l.text != "" {
			fmt.Fprintf(s.out, "%s | %s\n", l.from.name, l.text)
		}
		return l, nil
	case <-ctx.Done():
		return line{}, errors.New("interrupted")
	}
}

// wait returns when all processes have ended.
func (s *stage) wait() {
	for _, p := range s.players {
		p.in.Close()
		<-p.gone
	}
}
