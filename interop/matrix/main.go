// Command matrix holds this module's WebSocket against others, as a client and
// as a server, directly and through proxies, and prints what works with whom.
// It starts and stops all it needs, on loopback.
//
// It says which peers could not be set up here, and why. The exit status is 0
// when every check of the others passed, 77 when there are no others, and 1
// when one failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A setup gets a peer going.
type setup struct {
	name  string
	start func(ctx context.Context) (*peer, error)
}

// errUnavailable says that a peer can't be had on this machine.
var errUnavailable = errors.New("not to be had here")

func main() {
	log.SetFlags(0)
	only := flag.String("only", "", "run only the peers whose name contains this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, *only)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, only string) (status int) {
	var rows []row
	begun := time.Now()
	failed, skipped := 0, 0
	for _, s := range setups() {
		if !strings.Contains(s.name, only) || ctx.Err() != nil {
			continue
		}
		at := time.Now()
		r := try(ctx, s)
		fmt.Printf("%s: %v\n", s.name, time.Since(at).Round(time.Millisecond))
		rows = append(rows, r)
		if r.skipped != "" {
			skipped++
			fmt.Printf("!!! SKIPPED: interop with %s: %s\n", r.name, r.skipped)
		}
		for _, c := range r.cells {
			if c.mark == "FAIL" {
				failed++
			}
		}
	}
	if err := ctx.Err(); err != nil {
		fmt.Println("interrupted")
		return 1
	}
	print(os.Stdout, rows)
	fmt.Printf("\n%d peers, %d skipped, %d checks failed, %v\n", len(rows), skipped, failed, time.Since(begun).Round(time.Second))
	switch {
	case failed > 0 || len(rows) == 0:
		return 1
	case skipped == len(rows):
		return 77
	}
	return 0
}

// A peer that can't be connected to, or that was silent in so many checks, is
// not asked any more.
const giveUp = 2

var errSlow = fmt.Errorf("not done after %v", checkTime)

// try runs all checks on one peer.
func try(ctx context.Context, s setup) row {
	r := row{name: s.name, cells: map[string]cell{}}
	p, err := s.start(ctx)
	if errors.Is(err, errUnavailable) {
		r.skipped = err.Error()
		return r
	}
	if err != nil {
		r.cells[checks[0].name] = cell{"FAIL", err.Error()}
		return r
	}
	defer p.stop()
	for name, reason := range p.lacks {
		if reason == "" || !slices.ContainsFunc(checks, func(c check) bool { return c.name == name }) {
			r.cells[checks[0].name] = cell{"FAIL", fmt.Sprintf("it lacks %q for the reason %q", name, reason)}
			return r
		}
	}
	dead := 0
	for _, c := range checks {
		reason, lacks := p.lacks[c.name]
		if dead == giveUp {
			r.cells[c.name] = cell{"-", ""}
			continue
		}
		if lacks {
			r.cells[c.name] = cell{"n/a", reason}
			continue
		}
		ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errSlow)
		if own := p.own[c.name]; own != nil {
			err = own(ctx)
		} else {
			err = c.run(ctx, p)
		}
		cancel()
		if err != nil {
			if c.name == "handshake" {
				dead = giveUp
			} else if errors.Is(err, errSlow) {
				dead++
			}
			r.cells[c.name] = cell{"FAIL", err.Error()}
			continue
		}
		r.cells[c.name] = cell{"ok", ""}
	}
	return r
}

func setups() []setup {
	var all []setup
	for _, l := range []library{ours, gorilla, coder, lxzan, gobwas, nbio, xnet} {
		all = append(all,
			setup{l.name + " as server", func(context.Context) (*peer, error) { return l.server() }},
			setup{l.name + " as client", func(context.Context) (*peer, error) { return l.client() }})
	}
	all = append(all,
		setup{"npm ws " + npmVersion + " as server", npmServer},
		setup{"npm ws " + npmVersion + " as client", npmClient},
		setup{"Node's own client", nodeClient},
		setup{"Python websockets " + pythonVersion + " as server", pythonServer},
		setup{"Python websockets " + pythonVersion + " as client", pythonClient},
		setup{"Chromium", chromium},
		setup{"curl", curl})
	for _, m := range reverse {
		all = append(all,
			setup{m.name + ", ws", func(ctx context.Context) (*peer, error) { return m.start(ctx, false) }},
			setup{m.name + ", wss", func(ctx context.Context) (*peer, error) { return m.start(ctx, true) }})
	}
	for _, f := range forwards {
		all = append(all,
			setup{f.name + ", ws", func(ctx context.Context) (*peer, error) { return f.start(ctx, false) }},
			setup{f.name + ", wss", func(ctx context.Context) (*peer, error) { return f.start(ctx, true) }})
	}
	return all
}
