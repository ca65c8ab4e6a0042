// Command suite plays the Autobahn test suite against this module's WebSocket,
// as a server and as a client side by side, and compares what the suite says
// with expected.txt, exactly: a case that is worse, better, missing or new
// fails. The script interop/autobahn installs what it needs and runs it.
//
// The exit status is 0 when all is as expected, and 1 otherwise.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

//go:embed expected.txt
var expected string

//go:embed loopback.py
var loopback []byte

// A group is a set of the suite's families that run together.
type group struct {
	name     string
	families []string
	limit    time.Duration // for one role
}

var groups = []group{
	{"base", []string{"1", "2", "3", "4", "5", "6", "7", "10"}, 5 * time.Minute},
	{"limits", []string{"9"}, 10 * time.Minute},
	{"compression", []string{"12", "13"}, 40 * time.Minute},
}

func main() {
	log.SetFlags(0)
	python := flag.String("python", "", "Python 2.7 of an environment with autobahntestsuite")
	testee := flag.String("testee", "", "the program built from interop/testee")
	names := flag.String("groups", "all", "what to play: all, or some of "+groupNames()+", separated by commas")
	reports := flag.String("reports", "", "`directory` to keep the suite's reports in; empty keeps them only after a failure")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *python, *testee, *names, *reports); err != nil {
		stop()
		log.Fatal("autobahn: ", err)
	}
}

func run(ctx context.Context, python, testee, names, reports string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	want, err := parseExpected(expected)
	if err != nil {
		return err
	}
	keep := reports != ""
	if !keep {
		if reports, err = os.MkdirTemp("", "autobahn-"); err != nil {
			return err
		}
	}
	if reports, err = filepath.Abs(reports); err != nil {
		return err
	}
	s := &suite{python: python, testee: testee, dir: reports}
	if err := s.prepare(); err != nil {
		return err
	}
	for _, g := range chosen {
		if err := both(ctx, s, g, want); err != nil {
			return fmt.Errorf("%w\nthe reports are in %s", err, reports)
		}
	}
	if !keep {
		return os.RemoveAll(reports)
	}
	return nil
}

// both plays a group in both roles side by side: most of the time each waits
// for the suite.
func both(ctx context.Context, s *suite, g group, want map[string]verdict) error {
	var wg sync.WaitGroup
	roles := []string{"server", "client"}
	errs := make([]error, len(roles))
	lines := make([]string, len(roles))
	for i, role := range roles {
		wg.Go(func() {
			begun := time.Now()
			var got map[string]verdict
			if got, errs[i] = s.play(ctx, role, g); errs[i] != nil {
				return
			}
			lines[i] = fmt.Sprintf("%s, as a %s: %s, %v", g.name, role, tally(got), time.Since(begun).Round(time.Second))
			errs[i] = compare(role, got, selectFamilies(want, g.families))
		})
	}
	wg.Wait()
	for _, line := range lines {
		if line != "" {
			fmt.Println(line)
		}
	}
	return errors.Join(errs...)
}

func choose(names string) ([]group, error) {
	if names == "all" {
		return groups, nil
	}
	var chosen []group
next:
	for name := range strings.SplitSeq(names, ",") {
		for _, g := range groups {
			if g.name == name {
				chosen = append(chosen, g)
				continue next
			}
		}
		return nil, fmt.Errorf("no group %q; there are all, %s", name, groupNames())
	}
	return chosen, nil
}

func groupNames() string {
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	return strings.Join(names, ", ")
}
