package main

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// memoryRow is work without sockets: CPU time of one thread of control, with
// the garbage collector's part.
type memoryRow struct {
	row
	// prepare returns the work for n operations, and the connection under it,
	// if there is one.
	prepare func(*idiom) (work, error)
}

// work is a row's operation, made ready for one idiom.
type work struct {
	do    func(n int) error                  // n times
	nc    *scriptConn                        // under it, if there is one
	timed func(n int) (time.Duration, error) // instead of do, for what measures itself
}

const (
	ascii    = "The quick brown fox jumps over the lazy dog. "
	nonASCII = "Зарегистрируйтесь сейчас на Десятую Международную Конференцию 世界 😀 "
)

// text returns size bytes of s, and no half code point at the end.
func text(s string, size int) []byte {
	p := []byte(strings.Repeat(s, size/len(s)+1)[:size])
	for i := len(p) - 1; i >= 0 && !frame.ValidUTF8(p); i-- {
		p[i] = ' '
	}
	return p
}

// clientFrames appends a message as a client sends it, in equal fragments.
func clientFrames(dst []byte, op frame.Opcode, p []byte, fragments int) []byte {
	part := len(p) / fragments
	for i := range fragments {
		h := frame.Header{FIN: i == fragments-1, Opcode: op, Masked: true, Length: int64(part), Key: mask.NewKey()}
		dst = h.Append(dst)
		at := len(dst)
		dst = append(dst, p[i*part:(i+1)*part]...)
		mask.XOR(dst[at:], dst[at:], h.Key, 0)
		op = frame.Continuation
	}
	return dst
}

// memoryRows are all of them, in the order of the table.
func memoryRows() []memoryRow {
	var rows []memoryRow
	for _, size := range []int{16, 128, 1 << 10, 16 << 10, 1 << 20} {
		goal := 0.5
		if size > 1<<10 {
			goal = 1
		}
		rows = append(rows, readRow(fmt.Sprintf("read/binary/%s", bytesName(size)), goal, frame.Binary, make([]byte, size), 1))
	}
	for _, size := range []int{128, 1 << 10, 16 << 10} {
		goal := [2]float64{0.5, 0.25}
		if size < 1<<10 {
			goal = [2]float64{} // none
		}
		rows = append(rows,
			readRow(fmt.Sprintf("read/ascii/%s", bytesName(size)), goal[0], frame.Text, text(ascii, size), 1),
			readRow(fmt.Sprintf("read/non-ascii/%s", bytesName(size)), goal[1], frame.Text, text(nonASCII, size), 1))
	}
	rows = append(rows, readRow("read/16x1K", 1, frame.Binary, make([]byte, 16<<10), 16))
	for _, client := range []bool{false, true} {
		for _, size := range []int{16, 128, 1 << 10, 16 << 10} {
			rows = append(rows, writeRow(client, size))
		}
	}
	rows = append(rows, upgradeRow())
	for _, offset := range []int{0, 1} {
		for _, size := range []int{7, 16, 64, 125, 1 << 10, 4 << 10, 16 << 10, 1 << 20} {
			rows = append(rows, maskRow(offset, size))
		}
	}
	return rows
}

func bytesName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%dM", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%dK", n>>10)
	}
	return fmt.Sprint(n)
}

// wireSize is how much a peer says before it begins again: more than any read
// buffer holds.
const wireSize = 64 << 10

// readRow reads messages that a client has sent back to back.
func readRow(id string, goal float64, op frame.Opcode, p []byte, fragments int) memoryRow {
	validated := op == frame.Text
	return memoryRow{
		row: row{ID: id, Unit: "message", Goal: goal, Limit: limitCopy},
		prepare: func(i *idiom) (work, error) {
			switch {
			case i.lib == limits:
				// The least there is to do: find each header, unmask it.
				if i == limitCopy {
					return work{do: copyWork(p)}, nil
				}
				return work{}, errNoMeans
			case i.reader == nil, validated && !i.validates():
				return work{}, errNoMeans
			}
			one := clientFrames(nil, op, p, fragments)
			nc := newScript(bytes.Repeat(one, max(1, wireSize/len(one))), false)
			read, err := i.reader(nc)
			return work{do: read, nc: nc}, err
		},
	}
}

// validates reports whether the library checks text, as RFC 6455, section 8.1,
// demands.
func (i *idiom) validates() bool {
	return i.lib == ours || i.lib == "gobwas" || i.lib == "gws" || i.lib == "nbio"
}

// writeRow writes binary messages to a connection that takes everything.
func writeRow(client bool, size int) memoryRow {
	role := "server"
	if client {
		role = "client"
	}
	return memoryRow{
		row: row{ID: fmt.Sprintf("write/%s/%s", role, bytesName(size)), Unit: "message", Goal: 0.5, Limit: limitCopy, OneWrite: true},
		prepare: func(i *idiom) (work, error) {
			p := make([]byte, size)
			switch {
			case i == limitCopy:
				return work{do: copyWork(p)}, nil
			case i.writer == nil:
				return work{}, errNoMeans
			}
			nc := newScript(nil, client)
			if !client {
				nc.ready = nil
			}
			write, err := i.writer(nc, client)
			if err != nil {
				return work{}, err
			}
			return work{nc: nc, do: func(n int) error {
				for range n {
					if err := write(p); err != nil {
						return err
					}
				}
				return nil
			}}, nil
		},
	}
}

// copyWork copies p once an operation.
func copyWork(p []byte) func(int) error {
	dst := make([]byte, len(p))
	return func(n int) error {
		for range n {
			copy(dst, p)
		}
		return nil
	}
}

// upgradeRow answers opening handshakes without net/http.
func upgradeRow() memoryRow {
	request := []byte(requestHead + "\r\n")
	return memoryRow{
		row: row{ID: "upgrade/bare", Unit: "handshake", Goal: 1, GoalAllocs: 7},
		prepare: func(i *idiom) (work, error) {
			if i.upgrade == nil {
				return work{}, errNoMeans
			}
			var first keepWrites
			first.head = request
			if err := i.upgrade(&first); err != nil {
				return work{}, err
			}
			if !bytes.HasPrefix(first.sent, []byte("HTTP/1.1 101 ")) {
				return work{}, fmt.Errorf("answered %q", first.sent)
			}
			return work{do: func(n int) error {
				var nc scriptConn
				for range n {
					nc = scriptConn{head: request}
					if err := i.upgrade(&nc); err != nil {
						return err
					}
				}
				return nil
			}}, nil
		},
	}
}

// maskRow masks in place, size bytes that begin offset bytes behind a cache line.
func maskRow(offset, size int) memoryRow {
	name := "aligned"
	if offset != 0 {
		name = "unaligned"
	}
	goal := 0.0
	if size >= 64 && size <= 4<<10 {
		goal = 1.3
	}
	return memoryRow{
		row: row{ID: fmt.Sprintf("mask/%s/%s", name, bytesName(size)), Unit: "call", Goal: 1, Limit: limitC, GoalLimit: goal},
		prepare: func(i *idiom) (work, error) {
			switch i {
			case limitC:
				timed, err := cLoop(offset, size)
				return work{timed: timed}, err
			case limitCopy:
				return work{do: copyWork(make([]byte, size+64)[offset : size+offset])}, nil
			}
			loop := masks[i]
			if loop == nil {
				return work{}, errNoMeans
			}
			// Other memory for each measurement: one place in twelve is slow for
			// vectors, where its address looks like the stack's to the processor.
			var kept []*payloads
			return work{do: func(n int) error {
				ps := newPayloads(offset, size)
				kept = append(kept, ps)
				loop(n, ps, [4]byte{0x37, 0xfa, 0x21, 0x3d})
				return nil
			}}, nil
		},
	}
}

// prepared is work of one row by one idiom, made ready once and measured often.
type prepared struct {
	work
	n int // operations of a measurement; 0 until one was tried
}

// measure does about ms milliseconds of work.
func (p *prepared) measure(ms int) (answer, error) {
	want := time.Duration(ms) * time.Millisecond
	if p.n == 0 { // the first time
		p.n = 1
	}
	for {
		a, err := p.times(p.n)
		if err != nil || a.Usage.CPU >= want/2 {
			return a, err
		}
		// Too little to be worth anything, and a guess at what would be enough.
		took := max(a.Usage.CPU, want/100)
		p.n = max(p.n+1, int(int64(p.n)*int64(want)/int64(took)))
	}
}

// times does n operations.
func (p *prepared) times(n int) (answer, error) {
	if p.timed != nil {
		d, err := p.timed(n)
		return answer{Ops: int64(n), Usage: usage{CPU: d}}, err
	}
	runtime.GC() // what another idiom has left
	var reads, writes int
	if p.nc != nil {
		reads, writes = p.nc.reads, p.nc.writes
	}
	before := used(false)
	if err := p.do(n); err != nil {
		return answer{}, err
	}
	u := used(false).sub(before)
	u.Reads, u.Writes = 0, 0
	if p.nc != nil {
		u.Reads, u.Writes = int64(p.nc.reads-reads), int64(p.nc.writes-writes)
	}
	return answer{Ops: int64(n), Usage: u}, nil
}

// runMemory is the process that does these rows.
func runMemory() {
	rows := make(map[string]memoryRow)
	for _, r := range memoryRows() {
		rows[r.ID] = r
	}
	all := make(map[string]*prepared)
	serveCommands(func(cmd command) (answer, error) {
		key := cmd.Row + " " + cmd.Idiom
		p := all[key]
		if p == nil {
			i, err := idiomNamed(cmd.Idiom)
			if err != nil {
				return answer{}, err
			}
			w, err := rows[cmd.Row].prepare(i)
			if err != nil {
				return answer{}, err
			}
			p = &prepared{work: w}
			all[key] = p
		}
		return p.measure(cmd.Ms)
	})
}
