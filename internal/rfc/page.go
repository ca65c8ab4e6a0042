package rfc

import (
	"bytes"
	"fmt"
	"strings"
)

const pageHead = `# Conformance

Every requirement of RFC 6455, RFC 7692 and their companions that this library
has to do with, and the tests that prove it. This page is written by
` + "`go test ./internal/rfc -update`" + `, and ` + "`go test ./...`" + ` fails when it is out of
date or when a requirement has lost its test.

A star marks a strength that the RFC expresses in other words than its key
words. The rows are in ` + "[internal/rfc/requirements.tsv](internal/rfc/requirements.tsv)." + `
`

// Page returns conformance.md.
func (t *Trace) Page() []byte {
	var b bytes.Buffer
	b.WriteString(pageHead)
	t.summary(&b)
	remarks(&b, "Where we deviate", "What the RFC recommends or demands and this library does otherwise, and why.", t.Deviations)
	remarks(&b, "What is not served", "Requirements about things that this library does not do, or that can't be tested.", t.Unserved)
	document := ""
	for _, r := range t.Rows {
		if r.RFC != document {
			document = r.RFC
			fmt.Fprintf(&b, "\n## %s\n\n| id | strength | role | requirement | proved by |\n|---|---|---|---|---|\n", title(document))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, cell(r.Strength), r.Role, cell(r.Requirement), t.proof(r))
	}
	return b.Bytes()
}

func (t *Trace) summary(b *bytes.Buffer) {
	var proved, caller, unserved int
	for _, r := range t.Rows {
		_, left := remark(t.Unserved, r.ID)
		switch {
		case len(t.tests(r.ID)) > 0:
			proved++
		case r.OfCaller():
			caller++
		case left:
			unserved++
		}
	}
	fmt.Fprintf(b, "\n%d requirements: %d proved by tests, %d for the program that uses the library, %d not served.\n",
		len(t.Rows), proved, caller, unserved)
}

func remarks(b *bytes.Buffer, title, lead string, list []Remark) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| id | why |\n|---|---|\n", title, lead)
	for _, m := range list {
		fmt.Fprintf(b, "| %s | %s |\n", cell(m.ID), cell(m.Reason))
	}
}

func title(document string) string {
	if document == "IANA" {
		return "IANA registries"
	}
	return "RFC " + document
}

// proof says which tests prove a row, or why none does.
func (t *Trace) proof(r Row) string {
	var tests []string
	for _, c := range t.tests(r.ID) {
		tests = append(tests, fmt.Sprintf("[%s](%s)", c.Test, c.File))
	}
	switch _, unserved := remark(t.Unserved, r.ID); {
	case len(tests) > 0:
		return strings.Join(tests, ", ")
	case unserved:
		return "not served, see above"
	case r.OfCaller():
		return "for the program that uses the library"
	}
	return "**no test**"
}

// cell escapes what would end a table's cell or begin emphasis.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;").Replace(s)
}
