package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// printer writes what is to be seen. Its methods may be called from any
// goroutine.
type printer struct {
	o           *options
	interactive bool // marks and commands
	colour      bool

	mu       sync.Mutex
	out, err io.Writer
	since    time.Time // what -time counts from: the last connection
	received int
	bytes    int64
}

func newPrinter(e *env, o *options) *printer {
	return &printer{
		o:           o,
		interactive: o.interactive || terminal(e.stdin) && terminal(e.stdout),
		colour:      os.Getenv("NO_COLOR") == "" && terminal(e.stdout),
		out:         e.stdout,
		err:         e.stderr,
		since:       time.Now(),
	}
}

func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// round leaves of a time what anybody reads.
func round(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Microsecond)
}

// note says something about the connection.
func (p *printer) note(format string, args ...any) {
	if p.o.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintf(p.err, "* %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// opened tells of a new connection of a client.
func (p *printer) opened(ws *conn.Conn, d *dialer) {
	p.mu.Lock()
	p.since = time.Now()
	p.mu.Unlock()
	text := "connected to " + p.o.shown()
	if p.o.times {
		text += d.took()
	}
	p.note("%s%s", text, agreed(ws))
}

// agreed says what the handshake has chosen.
func agreed(ws *conn.Conn) string {
	if s := ws.Subprotocol(); s != "" {
		return ", subprotocol " + s
	}
	return ""
}

// end tells how it all ended: errors to everybody, the rest unless quiet.
func (p *printer) end(err error) {
	if p.o.times {
		p.mu.Lock()
		open, n, size := round(time.Since(p.since)), p.received, p.bytes
		p.mu.Unlock()
		p.note("received in %v: %d messages, %s", open, n, count(int(size)))
	}
	if exitCode(err) == exitOK {
		p.note("%s", describe(err))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.err, "wscat: %s\n", describe(err))
}

// message prints a message. last says that it was the one that -n waited for.
func (p *printer) message(who string, m conn.Message) (last bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.count > 0 && p.received >= p.o.count {
		return true, nil // another peer's was the last
	}
	p.received++
	p.bytes += int64(len(m.Data))
	_, err = p.out.Write(append(p.mark(who), p.body(m)...))
	return p.received == p.o.count, err
}

// mark is what stands before a message.
func (p *printer) mark(who string) []byte {
	var b []byte
	if p.o.raw {
		return nil
	}
	if p.o.times {
		b = fmt.Appendf(b, "%s ", round(time.Since(p.since)))
	}
	if p.interactive {
		b = fmt.Appendf(b, "%s< ", who)
	}
	if p.colour && len(b) > 0 {
		b = fmt.Appendf(nil, "\x1b[36m%s\x1b[0m", b)
	}
	return b
}

// body is a message in the form that the flags ask for.
func (p *printer) body(m conn.Message) []byte {
	switch {
	case p.o.raw:
		return m.Data
	case m.Type == conn.Binary && p.interactive:
		return fmt.Appendf(nil, "binary, %s\n%s", count(len(m.Data)), hex.Dump(m.Data))
	case m.Type == conn.Binary:
		return fmt.Appendf(nil, "% x\n", m.Data)
	}
	text := m.Data
	var indented bytes.Buffer
	if p.o.json && json.Indent(&indented, text, "", "  ") == nil {
		text = indented.Bytes()
	}
	if p.interactive {
		text = harmless(text)
	}
	return append(bytes.Clone(text), '\n')
}

func count(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.Itoa(n) + " bytes"
}

// harmless returns text that can't steer a terminal: what is neither printable
// nor white space is written as Go writes it in a string.
func harmless(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == '\n' || r == '\t' || strconv.IsPrint(r) && r != utf8.RuneError {
			out = append(out, text[:n]...)
		} else {
			quoted := strconv.QuoteRune(r)
			out = append(out, quoted[1:len(quoted)-1]...)
		}
		text = text[n:]
	}
	return out
}

// recorder returns a recorder for one connection that prints each frame.
func (p *printer) recorder() *conntest.Recorder {
	return &conntest.Recorder{Keep: -1, OnFrame: func(f *conntest.Frame) {
		text := strings.TrimLeft(f.String(), " ") + "\n" + f.Draw() + f.Explain()
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(p.err, "%s\n", harmless([]byte(text)))
	}}
}

// full reports whether as many messages as -n says were printed.
func (p *printer) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.o.count > 0 && p.received >= p.o.count
}
