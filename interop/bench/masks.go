package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "embed"  // mask.c
	_ "unsafe" // the names below

	"github.com/gobwas/ws"
)

// Most libraries keep their masking to themselves; the linker finds it anyway.

//go:linkname gorillaMask github.com/gorilla/websocket.maskBytes
func gorillaMask(key [4]byte, pos int, b []byte) int

//go:linkname coderMask github.com/coder/websocket.mask
func coderMask(b []byte, key uint32) uint32

//go:linkname gwsMask github.com/lxzan/gws/internal.MaskXOR
func gwsMask(b []byte, key []byte)

//go:linkname nbioMask github.com/lesismal/nbio/nbhttp/websocket.maskXOR
func nbioMask(b, key []byte)

// peerMasks are the peers' ways to mask in place.
var peerMasks = map[*idiom]func(p []byte, key [4]byte, word uint32){
	gorillaBest: func(p []byte, key [4]byte, _ uint32) { gorillaMask(key, 0, p) },
	coderBest:   func(p []byte, _ [4]byte, word uint32) { coderMask(p, word) },
	gobwasBest:  func(p []byte, key [4]byte, _ uint32) { ws.Cipher(p, key, 0) },
	gwsBest:     func(p []byte, key [4]byte, _ uint32) { gwsMask(p, key[:]) },
	nbioUsual:   func(p []byte, key [4]byte, _ uint32) { nbioMask(p, key[:]) },
}

//go:embed testdata/mask.c
var maskSource []byte

// buildC compiles mask.c once, for this processor.
var buildC = sync.OnceValues(func() (program string, err error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return "", errNoMeans
	}
	dir, err := os.MkdirTemp("", "bench-mask-")
	if err != nil {
		return "", err
	}
	source := filepath.Join(dir, "mask.c")
	if err := os.WriteFile(source, maskSource, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "mask")
	if out, err := exec.Command(cc, "-O3", "-march=native", "-o", program, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s mask.c: %w: %s", cc, err, out)
	}
	return program, nil
})

// cLoop returns the loop in C, which measures itself.
func cLoop(offset, size int) (func(n int) (time.Duration, error), error) {
	program, err := buildC()
	if err != nil {
		return nil, err
	}
	return func(n int) (time.Duration, error) {
		out, err := exec.Command(program, strconv.Itoa(offset), strconv.Itoa(size), strconv.Itoa(n)).Output()
		if err != nil {
			return 0, fmt.Errorf("mask.c: %w", err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		return time.Duration(ns), err
	}, nil
}
