package main

import (
	"fmt"
	"strings"
	"time"
)

// Control sequences of a terminal (ECMA-48).
const (
	clearScreen = "\x1b[2J"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
)

// row is what is shown of one reader.
type row struct {
	policy, reader string
	ticks          int64
	queued         int
	sent, dropped  int64
	coalesced      int64
	kernel         string // bytes, or "-" when nobody can tell
	age            time.Duration
	state          string
}

// snapshot takes the figures of this moment.
func snapshot(markets []*market) []row {
	var rows []row
	for _, m := range markets {
		waited := time.Duration(0)
		if at := m.waitedAt.Load(); at != 0 {
			waited = time.Since(time.Unix(0, at))
		}
		for _, r := range m.readers {
			s := r.queue.Stats()
			out := row{
				policy: m.name, reader: r.pace, ticks: m.ticks.Load(),
				queued: s.Messages, sent: s.Sent, dropped: s.Dropped + s.Refused,
				coalesced: s.Coalesced, age: s.OldestAge, kernel: "-",
			}
			if n, err := r.queue.Unsent(); err == nil {
				out.kernel = fmt.Sprint(n)
			}
			switch {
			case r.closed.Load():
				out.state = "closed by the policy"
			case waited >= 100*time.Millisecond:
				out.state = "the ticker waits"
			}
			rows = append(rows, out)
		}
	}
	return rows
}

// table is the live view.
func table(rows []row, since time.Duration) string {
	var b strings.Builder
	end := func() { b.WriteString(clearLine + "\n") }
	fmt.Fprintf(&b, "Three readers under each policy, after %v", since.Round(time.Second))
	end()
	fmt.Fprintf(&b, "%-12s %9s  %-6s %7s %9s %9s %10s %7s %9s", "policy", "ticks", "reader", "queued", "sent", "dropped", "coalesced", "kernel", "oldest")
	end()
	previous := ""
	for _, r := range rows {
		name, ticks := "", ""
		if r.policy != previous {
			name, ticks = r.policy, fmt.Sprint(r.ticks)
			previous = r.policy
		}
		fmt.Fprintf(&b, "%-12s %9s  %-6s %7d %9d %9d %10d %7s %9v  %s", name, ticks, r.reader,
			r.queued, r.sent, r.dropped, r.coalesced, r.kernel, r.age.Round(time.Millisecond), r.state)
		end()
	}
	return b.String()
}

// lines is the plain view, a line a reader.
func lines(rows []row, since time.Duration) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%v policy=%q reader=%s ticks=%d queued=%d sent=%d dropped=%d coalesced=%d kernel=%s oldest=%v",
			since.Round(time.Millisecond), r.policy, r.reader, r.ticks, r.queued, r.sent, r.dropped, r.coalesced, r.kernel, r.age.Round(time.Millisecond))
		if r.state != "" {
			fmt.Fprintf(&b, " state=%q", r.state)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
