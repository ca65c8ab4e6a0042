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
	why := map[string][]string{}
	for _, r := range rows {
		if r.skipped != "" {
			fmt.Fprintf(w, "%-*s skipped: %s\n", width, r.name, r.skipped)
			continue
		}
		line(r.name, func(name string) string { return r.cells[name].mark })
		for _, c := range checks {
			if cell := r.cells[c.name]; cell.mark == "n/a" && cell.why != "" {
				why[c.name+": "+cell.why] = append(why[c.name+": "+cell.why], r.name)
			}
		}
	}
	if len(why) > 0 {
		fmt.Fprintln(w, "\nn/a:")
	}
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		fmt.Fprintf(w, "  %s (%s)\n", reason, strings.Join(why[reason], ", "))
	}
	for _, r := range rows {
		for _, c := range checks {
			if cell := r.cells[c.name]; cell.mark == "FAIL" {
				fmt.Fprintf(w, "FAIL %s, %s: %s\n", r.name, c.name, cell.why)
			}
		}
	}
}
