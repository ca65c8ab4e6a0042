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
)

func main() {
	role := flag.String("role", "", "server or client; empty starts both as processes of their own")
	addr := flag.String("addr", "127.0.0.1:0", "where the server listens, and the clients connect")
	history := flag.String("log", "", "the server's log, a file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch *role {
	case "server":
		err = serve(ctx, os.Stdout, *addr, *history)
	case "client":
		err = follow(ctx, os.Stdin, os.Stdout, "ws://"+*addr)
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
	s := &stage{out: out, lines: make(chan line), history: filepath.Join(dir, "log")}
	ctx, cancel := context.WithCancel(ctx) // kills what is left
	defer s.wait()
	defer cancel()
	act := func(n int, text string) { fmt.Fprintf(out, "\n%d. %s\n\n", n, text) }

	act(1, "A server, and three clients that come to it.")
	if err := s.startServer(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	for n := range clients {
		if _, err := s.start(ctx, fmt.Sprintf("client %d", n+1), "-role=client", "-addr="+s.addr); err != nil {
			return err
		}
	}
	if err := s.everyClient(ctx, "first note is acknowledged"); err != nil {
		return err
	}

	act(2, "The server is killed: no Close frame, no goodbye.")
	s.killServer()
	if err := s.everyClient(ctx, "tries again"); err != nil {
		return err
	}

	act(3, "It is back, with its log. Before it listens, it publishes 10 messages.")
	if err := s.startServer(ctx, s.addr); err != nil {
		return err
	}
	if err := s.everyClient(ctx, "live again"); err != nil {
		return err
	}

	act(4, "It is killed again, and comes back without its log.")
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

	act(5, "The clients go: they flush, and close with code 1000.")
	for _, p := range s.players[1:] {
		p.in.Close()
	}
	return s.everyClient(ctx, "notes posted")
}

// stage has the processes and what they say.
type stage struct {
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
