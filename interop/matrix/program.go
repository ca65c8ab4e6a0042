package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A program is a process that runs until it is stopped.
type program struct {
	cmd  *exec.Cmd
	said transcript // standard output and error
	over chan struct{}
}

// A transcript keeps what a program says, and hands out its first line.
type transcript struct {
	mu    sync.Mutex
	text  []byte
	first chan string
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := bytes.IndexByte(t.text, '\n')
	t.text = append(t.text, p...)
	if end := bytes.IndexByte(t.text, '\n'); before < 0 && end >= 0 {
		t.first <- string(t.text[:end])
	}
	return len(p), nil
}

// tail returns the end of it.
func (t *transcript) tail() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text[max(0, len(t.text)-500):]))
}

// startProgram starts a program in a process group of its own, so that stop
// ends its children too.
func startProgram(name string, args ...string) (*program, error) {
	p := &program{cmd: exec.Command(name, args...), over: make(chan struct{})}
	p.said.first = make(chan string, 1)
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.over)
	}()
	return p, nil
}

func (p *program) stop() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.over
}

// err says how a program ended that should have gone on.
func (p *program) err() error {
	return fmt.Errorf("%s: %v: %s", p.cmd.Path, p.cmd.ProcessState, p.said.tail())
}

// listening returns when the program listens on address.
func (p *program) listening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			return nc.Close()
		}
		select {
		case <-again.C:
		case <-p.over:
			return p.err()
		case <-ctx.Done():
			return fmt.Errorf("%s doesn't listen on %s: %w", p.cmd.Path, address, context.Cause(ctx))
		}
	}
}

// firstLine returns the first line that the program prints.
func (p *program) firstLine(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	select {
	case line := <-p.said.first:
		return line, nil
	case <-p.over:
		return "", p.err()
	case <-ctx.Done():
		return "", fmt.Errorf("%s says nothing: %w", p.cmd.Path, context.Cause(ctx))
	}
}

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// installTime bounds one installation.
const installTime = 3 * time.Minute

// need returns the path of a program, the first of its names that there is,
// and installs it from the Debian package where it may.
func need(ctx context.Context, pkg string, names ...string) (string, error) {
	find := func() string {
		for _, name := range names {
			if path, err := exec.LookPath(name); err == nil {
				return path
			}
		}
		return ""
	}
	if path := find(); path != "" {
		return path, nil
	}
	if err := debian(ctx, pkg); err != nil {
		return "", fmt.Errorf("%w: there is no %s: %v", errUnavailable, names[0], err)
	}
	if path := find(); path != "" {
		return path, nil
	}
	return "", fmt.Errorf("%w: the Debian package %s has no %s", errUnavailable, pkg, names[0])
}

// debian installs a package of Debian.
func debian(ctx context.Context, pkg string) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("only root can install the Debian package %s", pkg)
	}
	if err := updateLists(); err != nil {
		return err
	}
	return install(ctx, apt, "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", pkg)
}

// updateLists gets Debian's lists of packages, once.
var updateLists = sync.OnceValue(func() error {
	return install(context.Background(), "apt-get", "update", "-qq")
})

// install runs a package manager. RUNLEVEL=1 keeps Debian from starting the
// services that it installs.
func install(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.New("it took too long")
	}
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, out[max(0, len(out)-300):])
	}
	return nil
}
