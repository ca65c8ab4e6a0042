package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A suite starts the two programs of each role: wstest and the testee.
type suite struct {
	python, testee string
	dir            string // for reports, logs and settings
}

func (s *suite) prepare() error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(s.wstest(), loopback, 0o644)
}

func (s *suite) wstest() string { return filepath.Join(s.dir, "loopback.py") }

// play plays one group against the testee in one role.
func (s *suite) play(ctx context.Context, role string, g group) (map[string]verdict, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, g.limit, fmt.Errorf("not done after %v", g.limit))
	defer cancel()
	dir := filepath.Join(s.dir, g.name+"-"+role)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if role == "server" {
		err = s.playServer(ctx, dir, g)
	} else {
		err = s.playClient(ctx, dir, g)
	}
	if ended := context.Cause(ctx); ended != nil {
		err = ended
	}
	if err != nil {
		return nil, fmt.Errorf("%s, as a %s: %w", g.name, role, err)
	}
	return readReport(dir)
}

// playServer lets the suite's fuzzing client, which ends by itself, work on
// the testee's server.
func (s *suite) playServer(ctx context.Context, dir string, g group) error {
	ctx, cancel := context.WithCancel(ctx)
	testee := exec.CommandContext(ctx, s.testee, "-serve", "127.0.0.1:0")
	testee.Stderr = os.Stderr
	out, err := testee.StdoutPipe()
	if err != nil {
		cancel()
		return err
	}
	if err := testee.Start(); err != nil {
		cancel()
		return err
	}
	defer testee.Wait()
	defer cancel()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the testee did not say where it listens: %w", err)
	}
	spec := map[string]any{
		"servers": []any{map[string]string{"agent": "rfc6455", "url": strings.TrimSpace(url)}},
	}
	wstest, err := s.start(ctx, dir, "fuzzingclient", spec, g)
	if err != nil {
		return err
	}
	return wstest()
}

// playClient lets the testee's client, which ends by itself when the reports
// are written, work on the suite's fuzzing server, which never ends.
func (s *suite) playClient(ctx context.Context, dir string, g group) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wstest, err := s.start(ctx, dir, "fuzzingserver", map[string]any{"url": "ws://" + address}, g)
	if err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() { over <- wstest() }()
	if err := awaitListener(ctx, address, over); err != nil {
		cancel()
		return err
	}
	testee := exec.CommandContext(ctx, s.testee, "-connect", "ws://"+address)
	var said bytes.Buffer
	testee.Stderr = &said
	if err := testee.Run(); err != nil {
		cancel()
		return errors.Join(fmt.Errorf("the testee: %w: %s", err, said.String()), <-over)
	}
	cancel()
	<-over
	return nil
}

// start starts wstest and returns a function that waits for its end.
func (s *suite) start(ctx context.Context, dir, mode string, spec map[string]any, g group) (wait func() error, err error) {
	spec["outdir"] = dir
	var cases []string
	for _, f := range g.families {
		cases = append(cases, f+".*")
	}
	spec["cases"], spec["exclude-cases"], spec["exclude-agent-cases"] = cases, []string{}, struct{}{}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return nil, err
	}
	logFile, err := os.Create(filepath.Join(dir, "wstest.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.python, s.wstest(), "--mode", mode, "--spec", file, "--webport", "0")
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		logFile.Close()
		return nil, err
	}
	return func() error {
		defer logFile.Close()
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("wstest: %w, see %s", err, logFile.Name())
		}
		return nil
	}, nil
}

// freeAddress returns an address of loopback that nobody listens on: the
// suite can't say which port it was given.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// awaitListener returns when somebody listens on address.
func awaitListener(ctx context.Context, address string, over <-chan error) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			return nc.Close()
		}
		select {
		case <-again.C:
		case err := <-over:
			return fmt.Errorf("wstest ended before it listened: %w", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
