package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A cell is the outcome of one check of one peer.
type cell struct {
	mark string // ok, FAIL or n/a
	why  string
}

// A row is what is known about a peer; when it could not be set up, skipped
// says why and there are no cells.
type row struct {
	name    string
	cells   map[string]cell
	skipped string
}

// print prints the matrix, and below it the reasons.
func print(w io.Writer, rows []row) {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.name))
	}
	line := func(name string, cell func(string) string) {
		var b strings.Builder
		fmt.Fprintf(&b, "%-*s", width, name)
		for _, c := range checks {
			fmt.Fprintf(&b, " %-*s", max(4, utf8.RuneCountInString(c.name)), cell(c.name))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	line("", func(name string) string { return name })
	lacking := map[string][2][]string{} // by reason: the checks, and the peers
	for _, r := range rows {
		if r.skipped != "" {
			fmt.Fprintf(w, "%-*s skipped: %s\n", width, r.name, r.skipped)
			continue
		}
		line(r.name, func(name string) string { return r.cells[name].mark })
		for _, c := range checks {
			if cell := r.cells[c.name]; cell.mark == "n/a" {
				l := lacking[cell.why]
				lacking[cell.why] = [2][]string{addOnce(l[0], c.name), addOnce(l[1], r.name)}
			}
		}
	}
	if len(lacking) > 0 {
		fmt.Fprintln(w, "\nn/a:")
	}
	for _, reason := range slices.Sorted(maps.Keys(lacking)) {
		l := lacking[reason]
		fmt.Fprintf(w, "  %s: %s (%s)\n", reason, strings.Join(l[0], " "), strings.Join(l[1], "; "))
	}
	for _, r := range rows {
		for _, c := range checks {
			if cell := r.cells[c.name]; cell.mark == "FAIL" {
				fmt.Fprintf(w, "FAIL %s, %s: %s\n", r.name, c.name, cell.why)
			}
		}
	}
}

func addOnce(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
