package main

import (
	"encoding/binary"
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

	"github.com/seed24abed78/rfc6455/mask"
)

// Most libraries keep their masking to themselves; the linker finds it anyway.

//go:linkname gorillaMask github.com/gorilla/websocket.maskBytes
func gorillaMask(key [4]byte, pos int, b []byte) int

//go:linkname coderMask github.com/coder/websocket.maskGo
func coderMask(b []byte, key uint32) uint32

//go:linkname gwsMask github.com/lxzan/gws/internal.MaskXOR
func gwsMask(b []byte, key []byte)

//go:linkname nbioMask github.com/lesismal/nbio/nbhttp/websocket.maskXOR
func nbioMask(b, key []byte)

// payloads are masked in turn. A loop over one would measure how soon a load
// finds what the call before has stored, and no program masks the same bytes
// twice in a row.
type payloads [16][]byte

// newPayloads returns payloads that begin offset bytes behind a cache line. They
// are all different while they fit a first-level cache, and one when they don't:
// testdata/mask.c does the same.
func newPayloads(offset, size int) *payloads {
	stride := (offset + size + 63) / 64 * 64
	different := len(payloads{})
	for different > 1 && different*stride > 16<<10 {
		different /= 2
	}
	all := make([]byte, different*stride)
	var ps payloads
	for i := range ps {
		ps[i] = all[i%different*stride:][offset : offset+size]
	}
	return &ps
}

// masks are loops over the ways to mask in place, this library's and the peers'.
// Each names the function that it calls, as the library does itself: a call
// through a variable would cost as much as masking a short payload.
var masks = map[*idiom]func(n int, ps *payloads, key [4]byte){
	ourBest: func(n int, ps *payloads, key [4]byte) {
		for i := range n {
			p := ps[i%len(ps)]
			mask.XOR(p, p, mask.Key(key), 0)
		}
	},
	gorillaBest: func(n int, ps *payloads, key [4]byte) {
		for i := range n {
			gorillaMask(key, 0, ps[i%len(ps)])
		}
	},
	coderBest: func(n int, ps *payloads, key [4]byte) {
		for i := range n {
			coderMask(ps[i%len(ps)], binary.LittleEndian.Uint32(key[:]))
		}
	},
	gobwasBest: func(n int, ps *payloads, key [4]byte) {
		for i := range n {
			ws.Cipher(ps[i%len(ps)], key, 0)
		}
	},
	gwsBest: func(n int, ps *payloads, key [4]byte) {
		for i := range n {
			gwsMask(ps[i%len(ps)], key[:])
		}
	},
	nbioUsual: func(n int, ps *payloads, key [4]byte) {
		for i := range n {
			nbioMask(ps[i%len(ps)], key[:])
		}
	},
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
