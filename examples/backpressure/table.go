package main

import (
	"fmt"
	"strings"
	"time"
)

// Control sequences of a terminal (ECMA-48; the cursor's are xterm's).
const (
	clearScreen = "\x1b[2J"
	home        = "\x1b[H"
	clearLine   = "\x1b[K" // from the cursor on
	clearRest   = "\x1b[J" // of the screen
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
)

// The colours, as terminals number them.
const (
	bold   = "1"
	red    = "31"
	yellow = "33"
	cyan   = "36"
)

// row is what is shown of one reader.
type row struct {
	policy, reader string
	ticks          int64
	queued         int
	sent, dropped  int64
	coalesced      int64
	kernel         int // bytes, or -1 when nobody can tell
	age            time.Duration
	state          string
}

// What a row can say of its reader.
const (
	closedByPolicy = "closed"
	holdsUp        = "awaited"
)

// snapshot takes the figures of this moment.
func snapshot(markets []*market) []row {
	var rows []row
	for _, m := range markets {
		for _, r := range m.readers {
			s := r.queue.Stats()
			out := row{
				policy: m.name, reader: r.pace, ticks: m.ticks.Load(),
				queued: s.Messages, sent: s.Sent, dropped: s.Dropped + s.Refused,
				coalesced: s.Coalesced, age: s.OldestAge, kernel: -1,
			}
			if n, err := r.queue.Unsent(); err == nil {
				out.kernel = n
			}
			switch {
			case r.closed.Load():
				out.state = closedByPolicy
			case m.waitsFor.Load() == r && time.Since(time.Unix(0, m.waitsSince.Load())) >= 100*time.Millisecond:
				out.state = holdsUp
			}
			rows = append(rows, out)
		}
	}
	return rows
}

// painter puts text into colours, or leaves it as it is.
type painter bool

func (p painter) paint(colour, s string) string {
	if !p || strings.TrimSpace(s) == "" || strings.TrimSpace(s) == "0" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// table is the live view: 24 lines of 80 columns at most, the last one without
// its end, so that nothing scrolls.
func (p painter) table(rows []row, since time.Duration) string {
	lines := []string{
		p.paint(bold, fmt.Sprintf("Three readers under each policy, after %v", since.Round(time.Second))),
		p.paint(bold, fmt.Sprintf("%-12s %-5s %6s %9s %9s %9s %6s %6s", "policy", "", "queued", "sent", "dropped", "coalesced", "kernel", "oldest")),
	}
	for i, r := range rows {
		name := ""
		switch { // below the name, how often the ticker has ticked
		case i == 0 || rows[i-1].policy != r.policy:
			name = p.paint(bold, fmt.Sprintf("%-12s", r.policy))
		case i == 1 || rows[i-2].policy != r.policy:
			name = fmt.Sprintf("%6s ticks", amount(int(r.ticks)))
		}
		lines = append(lines, fmt.Sprintf("%-12s %-5s %6d %9d %s %s %6s %6s  %s", name, r.reader, r.queued, r.sent,
			p.paint(red, fmt.Sprintf("%9d", r.dropped)), p.paint(cyan, fmt.Sprintf("%9d", r.coalesced)),
			amount(r.kernel), age(r.age), p.paint(yellow, r.state)))
	}
	lines = append(lines, "")
	lines = append(lines, lesson(rows)...)
	return strings.Join(lines, clearLine+"\n") + clearLine
}

// lesson says what the figures mean, in lines of 80 columns at most.
func lesson(rows []row) []string {
	behind := make(map[string]string) // by policy, how old is what the slow reader is sent
	awaited := ""
	for _, r := range rows {
		switch {
		case r.reader == slow:
			behind[r.policy] = age(r.age)
		case r.state == holdsUp:
			awaited = fmt.Sprintf(": now the %s one", r.reader)
		}
	}
	return []string{
		"block: nothing is lost, and all wait for the slowest reader" + awaited + ".",
		fmt.Sprintf("drop newest: what waits stays. The slow reader is sent prices %s old.", behind["drop newest"]),
		fmt.Sprintf("drop oldest: what is new pushes out what is old: there it is %s.", behind["drop oldest"]),
		fmt.Sprintf("coalesce: one place for each of %d symbols, with its latest price. No drops.", symbols),
		"close peer: who lags is closed with 1008, to come back and load the state anew.",
		"kernel: bytes that no policy reaches any more; they get old there all the same.",
	}
}

// amount is a count in six columns at most.
func amount(n int) string {
	switch {
	case n < 0:
		return "-"
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 10_000_000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprintf("%dM", n/1_000_000)
}

// age is a duration in six columns at most.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%dh", int(d.Hours()))
}

// lines is the plain view, a line a reader.
func lines(rows []row, since time.Duration) string {
	var b strings.Builder
	for _, r := range rows {
		kernel := "-"
		if r.kernel >= 0 {
			kernel = fmt.Sprint(r.kernel)
		}
		fmt.Fprintf(&b, "%v policy=%q reader=%s ticks=%d queued=%d sent=%d dropped=%d coalesced=%d kernel=%s oldest=%v",
			since.Round(time.Millisecond), r.policy, r.reader, r.ticks, r.queued, r.sent, r.dropped, r.coalesced, kernel, r.age.Round(time.Millisecond))
		if r.state != "" {
			fmt.Fprintf(&b, " state=%q", r.state)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
