package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A verdict is what the suite says about one case: about the exchange, and
// about the closing handshake.
type verdict struct {
	Behavior string `json:"behavior"`
	Close    string `json:"behaviorClose"`

	file string // of the report about this case
}

func (v verdict) String() string { return v.Behavior + " " + v.Close }

// parseExpected reads lines of a case and its two verdicts.
func parseExpected(text string) (map[string]verdict, error) {
	want := map[string]verdict{}
	for i, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("expected.txt:%d: want a case and two verdicts: %q", i+1, line)
		}
		if _, twice := want[fields[0]]; twice {
			return nil, fmt.Errorf("expected.txt:%d: %s stands there twice", i+1, fields[0])
		}
		want[fields[0]] = verdict{Behavior: fields[1], Close: fields[2]}
	}
	return want, nil
}

// selectFamilies returns the cases whose first number is one of families.
func selectFamilies(all map[string]verdict, families []string) map[string]verdict {
	some := map[string]verdict{}
	for id, v := range all {
		family, _, _ := strings.Cut(id, ".")
		if slices.Contains(families, family) {
			some[id] = v
		}
	}
	return some
}

// readReport reads the index of the suite's reports about its one agent.
func readReport(dir string) (map[string]verdict, error) {
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, err
	}
	var agents map[string]map[string]struct {
		verdict
		File string `json:"reportfile"`
	}
	if err := json.Unmarshal(text, &agents); err != nil {
		return nil, err
	}
	if len(agents) != 1 {
		return nil, fmt.Errorf("%d agents in the report, want 1", len(agents))
	}
	got := map[string]verdict{}
	for _, cases := range agents {
		for id, c := range cases {
			c.verdict.file = filepath.Join(dir, c.File)
			got[id] = c.verdict
		}
	}
	return got, nil
}

// compare returns an error with a line for every case whose verdict is not
// the one that is wanted, that did not run, or that nobody expected.
func compare(role string, got, want map[string]verdict) error {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(want)), maps.Keys(got))
	slices.SortFunc(ids, byNumber)
	var errs []error
	for _, id := range slices.Compact(ids) {
		g, ran := got[id]
		w, known := want[id]
		switch {
		case !ran:
			errs = append(errs, fmt.Errorf("%s %s: did not run", role, id))
		case !known:
			errs = append(errs, fmt.Errorf("%s %s: %v, and expected.txt doesn't know it", role, id, g))
		case g.String() != w.String():
			errs = append(errs, fmt.Errorf("%s %s: %v, want %v: %s", role, id, g, w, explain(g.file)))
		}
	}
	return errors.Join(errs...)
}

// explain returns the suite's reasons for its verdict.
func explain(file string) string {
	var report struct{ Result, ResultClose string }
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &report)
	}
	if err != nil {
		return err.Error()
	}
	return report.Result + " " + report.ResultClose
}

// byNumber orders cases by their numbers, so that 1.10.1 follows 1.2.1.
func byNumber(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(as, bs, func(a, b string) int {
		m, _ := strconv.Atoi(a)
		n, _ := strconv.Atoi(b)
		return cmp.Compare(m, n)
	})
}

// tally counts the cases by their verdict.
func tally(got map[string]verdict) string {
	counts := map[string]int{}
	for _, v := range got {
		counts[v.Behavior]++
	}
	parts := []string{fmt.Sprintf("%d cases", len(got))}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}
