package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/seed24abed78/rfc6455/conn"
)

// agents holds the agents in other languages.
//
//go:embed agents
var agents embed.FS

// The versions of what is installed here.
const (
	npmVersion    = "8.23.0"
	pythonVersion = "17.4"
)

// page serves the agents to a browser.
func (h *host) page(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, agents, "agents"+r.URL.Path)
}

// workshop returns a new directory with the agents in it.
func workshop() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "interop-"); err != nil {
		return "", err
	}
	files, err := fs.Sub(agents, "agents")
	if err == nil {
		err = os.CopyFS(dir, files)
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, err
}

// programServer starts an agent that prints where it listens.
func programServer(ctx context.Context, dir, name string, args ...string) (*peer, error) {
	p, err := startProgram(name, args...)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	stop := func() { p.stop(); os.RemoveAll(dir) }
	address, err := p.firstLine(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	return &peer{
		link: func(ctx context.Context, cfg *conn.Config) (*conn.Conn, error) {
			return conn.Dial(ctx, "ws://"+address, cfg)
		},
		stop: stop,
	}, nil
}

// programClient starts an agent that connects again and again. start gets our
// server and returns the program.
func programClient(dir string, start func(h *host) (*program, error)) (*peer, error) {
	h, err := newHost()
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	p, err := start(h)
	if err != nil {
		h.close()
		os.RemoveAll(dir)
		return nil, err
	}
	go func() {
		<-p.over
		h.lost(p.err())
	}()
	return &peer{
		link: h.link,
		stop: func() { p.stop(); h.close(); os.RemoveAll(dir) },
	}, nil
}

// npm installs the package ws beside the agents.
func npm(ctx context.Context) (node, dir string, err error) {
	if node, err = need(ctx, "nodejs", "node"); err != nil {
		return "", "", err
	}
	manager, err := need(ctx, "npm", "npm")
	if err != nil {
		return "", "", err
	}
	if dir, err = workshop(); err != nil {
		return "", "", err
	}
	err = install(ctx, manager, "install", "--prefix", dir, "--no-save", "--no-audit", "--no-fund", "ws@"+npmVersion)
	if err != nil {
		os.RemoveAll(dir)
		return "", "", fmt.Errorf("%w: %v", errUnavailable, err)
	}
	return node, dir, nil
}

// npmAsks include windows of 8 bits: where it is to keep to one, Node has zlib
// use 9, of which zlib leaves the last 262 bytes.
var npmAsks = allParameters(8)

func npmServer(ctx context.Context) (*peer, error) {
	node, dir, err := npm(ctx)
	if err != nil {
		return nil, err
	}
	p, err := programServer(ctx, dir, node, filepath.Join(dir, "ws.mjs"), "serve")
	if err == nil {
		p.asks = npmAsks
	}
	return p, err
}

func npmClient(ctx context.Context) (*peer, error) {
	node, dir, err := npm(ctx)
	if err != nil {
		return nil, err
	}
	p, err := programClient(dir, func(h *host) (*program, error) {
		return startProgram(node, filepath.Join(dir, "ws.mjs"), "connect", h.url())
	})
	if err == nil {
		p.asks = npmAsks
	}
	return p, err
}

// webLacks is what the WebSocket of browsers and Node has no way to do.
var webLacks = map[string]string{
	"frag←":  webCannot,
	"ping←":  webCannot,
	"drop←":  webCannot,
	"theirs": webCannot,
}

const webCannot = "the WebSocket API has no way to ask for it"

// nodeClient is the client that Node has from version 22 on, and behind a flag
// since 20.10.
func nodeClient(ctx context.Context) (*peer, error) {
	node, err := need(ctx, "nodejs", "node")
	if err != nil {
		return nil, err
	}
	var flags []string
	has := func() bool {
		args := append(flags, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)")
		return exec.CommandContext(ctx, node, args...).Run() == nil
	}
	if !has() {
		flags = []string{"--experimental-websocket"}
		if !has() {
			return nil, fmt.Errorf("%w: this Node has no WebSocket of its own", errUnavailable)
		}
	}
	dir, err := workshop()
	if err != nil {
		return nil, err
	}
	p, err := programClient(dir, func(h *host) (*program, error) {
		return startProgram(node, append(flags, filepath.Join(dir, "node.mjs"), h.url())...)
	})
	if err == nil {
		// undici, which has it, inflates but doesn't compress.
		p.lacks, p.habit = maps.Clone(webLacks), never
		p.lacks["deflate←"] = "Node inflates, but doesn't compress"
	}
	return p, err
}

// python installs the package websockets beside the agents.
func python(ctx context.Context) (interpreter, dir string, err error) {
	system, err := need(ctx, "python3-venv", "python3")
	if err != nil {
		return "", "", err
	}
	if dir, err = workshop(); err != nil {
		return "", "", err
	}
	interpreter = filepath.Join(dir, "venv", "bin", "python")
	venv := func() error { return install(ctx, system, "-m", "venv", filepath.Join(dir, "venv")) }
	if err = venv(); err != nil && debian(ctx, "python3-venv") == nil {
		err = venv() // Debian's python3 comes without it
	}
	if err == nil {
		err = install(ctx, interpreter, "-m", "pip", "install", "-q", "--disable-pip-version-check", "websockets=="+pythonVersion)
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", "", fmt.Errorf("%w: %v", errUnavailable, err)
	}
	return interpreter, dir, nil
}

// pythonAsks leave out windows of 8 bits for what it compresses itself, which it
// refuses.
var pythonAsks = allParameters(9)

func pythonServer(ctx context.Context) (*peer, error) {
	python, dir, err := python(ctx)
	if err != nil {
		return nil, err
	}
	p, err := programServer(ctx, dir, python, filepath.Join(dir, "agent.py"), "serve")
	if err == nil {
		p.asks = slices.Concat(pythonAsks, []parameters{{ClientMaxWindowBits: 8}})
	}
	return p, err
}

func pythonClient(ctx context.Context) (*peer, error) {
	python, dir, err := python(ctx)
	if err != nil {
		return nil, err
	}
	p, err := programClient(dir, func(h *host) (*program, error) {
		return startProgram(python, filepath.Join(dir, "agent.py"), "connect", h.url())
	})
	if err == nil {
		p.asks = slices.Concat(pythonAsks, []parameters{{ServerMaxWindowBits: 8}})
	}
	return p, err
}

// chromium opens a page of ours, whose script is the agent.
func chromium(ctx context.Context) (*peer, error) {
	path, err := need(ctx, "chromium", "chromium", "chromium-browser", "google-chrome")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return nil, err
	}
	p, err := programClient(dir, func(h *host) (*program, error) {
		return startProgram(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
			"--no-first-run", "--no-proxy-server", "--user-data-dir="+dir, "http://"+h.ln.Addr().String()+"/page.html")
	})
	if err == nil {
		p.lacks = webLacks
	}
	return p, err
}
