package rfc

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Row is one requirement.
type Row struct {
	ID          string // such as "5.5.1-4", or "7692:7.2.1-1" for another document than RFC 6455
	RFC         string // the document: "6455", "7692", "IANA"
	Strength    string // MUST, SHOULD, MAY, with NOT; * when the RFC says it in other words
	Role        string // client, server or both
	Package     string // where the code is to be found, or "caller/application"
	Requirement string
	Proof       string // how a test can show it
}

// OfCaller reports whether only the program that uses the library can meet
// the requirement.
func (r Row) OfCaller() bool { return r.Package == "caller/application" }

// Binding reports whether the strength is MUST or MUST NOT.
func (r Row) Binding() bool { return strings.HasPrefix(r.Strength, "MUST") }

const rowFields = 7

// ParseRows reads requirements.tsv: a line of titles, then a row a line. An id
// that stands twice is an error, and so is a row with a field too many or too few.
func ParseRows(r io.Reader) ([]Row, error) {
	var rows []Row
	seen := make(map[string]bool)
	err := lines(r, func(n int, line string) error {
		f := strings.Split(line, "\t")
		switch {
		case len(f) != rowFields:
			return fmt.Errorf("line %d has %d fields, not %d", n, len(f), rowFields)
		case n == 1:
			return nil
		case idPattern.FindString(f[0]) != f[0]:
			return fmt.Errorf("line %d: %q is not an id", n, f[0])
		case seen[f[0]]:
			return fmt.Errorf("line %d: %s stands twice", n, f[0])
		}
		seen[f[0]] = true
		rows = append(rows, Row{f[0], f[1], f[2], f[3], f[4], f[5], f[6]})
		return nil
	})
	return rows, err
}

// Remark is a line of unserved.tsv or deviations.tsv: the id of a row, and
// the reason. An id that ends with "*" stands for all rows that begin so.
type Remark struct{ ID, Reason string }

// ParseRemarks reads lines of an id, a tab and a reason.
func ParseRemarks(r io.Reader) ([]Remark, error) {
	var remarks []Remark
	err := lines(r, func(n int, line string) error {
		id, reason, ok := strings.Cut(line, "\t")
		if !ok || id == "" || strings.TrimSpace(reason) == "" {
			return fmt.Errorf("line %d is not an id, a tab and a reason", n)
		}
		remarks = append(remarks, Remark{id, reason})
		return nil
	})
	return remarks, err
}

// covers reports whether the remark is about the row with this id.
func (m Remark) covers(id string) bool {
	if prefix, ok := strings.CutSuffix(m.ID, "*"); ok {
		return strings.HasPrefix(id, prefix)
	}
	return m.ID == id
}

// lines calls f with each line that is neither empty nor a comment.
func lines(r io.Reader, f func(n int, line string) error) error {
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		if s.Text() == "" || strings.HasPrefix(s.Text(), "#") {
			continue
		}
		if err := f(n, s.Text()); err != nil {
			return err
		}
	}
	return s.Err()
}
