package rfc

import (
	"fmt"
	"slices"
)

// Trace is the requirements with what is known of each.
type Trace struct {
	Rows       []Row
	Unserved   []Remark
	Deviations []Remark
	Claims     []Claim
}

// Problems returns what has to be mended, one sentence each; none when every
// row that is to be met has a test, and every id that is named exists.
func (t *Trace) Problems() []string {
	var problems []string
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	known := func(m Remark) bool {
		return slices.ContainsFunc(t.Rows, func(r Row) bool { return m.covers(r.ID) })
	}
	for _, c := range t.Claims {
		if !known(Remark{ID: c.ID}) {
			complain("%s:%d: %s names %s, which is no requirement", c.File, c.Line, c.Test, c.ID)
		}
	}
	for _, m := range t.Unserved {
		if !known(m) {
			complain("unserved.tsv: %s is no requirement", m.ID)
		} else if len(t.tests(m.ID)) > 0 {
			complain("unserved.tsv: %s has a test now; take the line out", m.ID)
		}
	}
	for _, m := range t.Deviations {
		if !known(m) {
			complain("deviations.tsv: %s is no requirement", m.ID)
		}
	}
	for _, r := range t.Rows {
		if _, unserved := remark(t.Unserved, r.ID); !unserved && !r.OfCaller() && len(t.tests(r.ID)) == 0 {
			complain("%s (%s, %s) has no test: %s", r.ID, r.Strength, r.Package, r.Requirement)
		}
	}
	return problems
}

// tests returns the claims on a row.
func (t *Trace) tests(id string) []Claim {
	var found []Claim
	for _, c := range t.Claims {
		if c.ID == id {
			found = append(found, c)
		}
	}
	return found
}

func remark(list []Remark, id string) (reason string, ok bool) {
	for _, m := range list {
		if m.covers(id) {
			return m.Reason, true
		}
	}
	return "", false
}
