package rfc

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write conformance.md")

const root = "../.."

func load(t *testing.T) *Trace {
	open := func(name string) *os.File {
		f, err := os.Open(name)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	var trace Trace
	var err error
	trace.Rows, err = ParseRows(open("requirements.tsv"))
	require.NoError(t, err)
	trace.Unserved, err = ParseRemarks(open("unserved.tsv"))
	require.NoError(t, err)
	trace.Deviations, err = ParseRemarks(open("deviations.tsv"))
	require.NoError(t, err)
	trace.Claims, err = Scan(os.DirFS(root))
	require.NoError(t, err)
	return &trace
}

// Every requirement that is to be met has a test, and conformance.md says so.
func TestConformance(t *testing.T) {
	trace := load(t)
	for _, problem := range trace.Problems() {
		t.Error(problem)
	}
	page := filepath.Join(root, "conformance.md")
	if *update {
		require.NoError(t, os.WriteFile(page, trace.Page(), 0o644))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	if string(have) != string(trace.Page()) {
		t.Error("conformance.md is out of date; run: go test ./internal/rfc -update")
	}
}

func TestIDs(t *testing.T) {
	for text, want := range map[string][]string{
		"5.1-2":                        {"5.1-2"},
		" 5.1-2, 7692:5-1.":            {"5.1-2", "7692:5-1"},
		"IANA:close-1 and 3-1":         {"IANA:close-1", "3-1"},
		"15.1-2":                       {"15.1-2"},
		"5.1-21":                       {"5.1-21"},
		"7692:5.1-2":                   {"7692:5.1-2"},
		"x5.1-2 5.1-2x a.5.1-2 5.1-2-": nil,
		"5.1-2.3 1-2-3":                nil,
		"(4.2.2-13)":                   {"4.2.2-13"},
	} {
		require.Equal(t, want, ids(text), text)
	}
}

const sample = `package p

import "testing"

// 1-1 is no claim. TestA proves 2-1, 2-2 and
// 2-3: a sentence ends here, so 1-2 is none.
func TestA(t *testing.T) {
	// Proves 3-1.
	for _, tt := range []struct{ name, s string }{{"4-1 name", "x 1-3"}, {"4-2, 4-3 4-4 x, 1-4", ""}} {
		t.Run(tt.name, nil)
	}
	t.Run("5-1 "+t.Name(), nil)
	_ = table
	t.Log("1-5")
}

var table = []string{"6-1 named"}

// Proves 1-6.
var x = []string{"1-7"}

func TestNoRun(t *testing.T) {
	_ = []string{"1-8"}
}

// Proves 1-9.
func helper() {}
`

func TestScan(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	fsys := fstest.MapFS{
		"a/a_test.go":          file(sample),
		"a/a.go":               file("package p // Proves 1-1."),
		"a/testdata/x_test.go": file("not Go"),
		"nested/go.mod":        file("module x"),
		"nested/n_test.go":     file(sample),
		".git/g_test.go":       file(sample),
	}
	claims, err := Scan(fsys)
	require.NoError(t, err)
	var got []string
	for _, c := range claims {
		require.Equal(t, "a/a_test.go", c.File)
		require.Equal(t, "TestA", c.Test)
		got = append(got, c.ID)
	}
	require.ElementsMatch(t, []string{"2-1", "2-2", "2-3", "3-1", "4-1", "4-2", "4-3", "4-4", "5-1", "6-1"}, got)

	fsys["b_test.go"] = file("not Go")
	_, err = Scan(fsys)
	require.Error(t, err)
}

// The check fails when a row loses its test, when an id doesn't exist, and
// when a row is said to be unserved though it has a test.
func TestProblems(t *testing.T) {
	row := func(id, pkg string) Row { return Row{ID: id, Package: pkg} }
	trace := Trace{
		Rows:     []Row{row("1-1", "conn"), row("1-2", "caller/application"), row("2-1", "conn"), row("9:2-1", "conn")},
		Unserved: []Remark{{"9:*", "later"}},
		Claims:   []Claim{{ID: "1-1"}, {ID: "2-1"}},
	}
	require.Empty(t, trace.Problems())
	whole := trace.Claims

	trace.Claims = whole[:1]
	require.Len(t, trace.Problems(), 1)
	require.Contains(t, trace.Problems()[0], "2-1")

	trace.Claims = append(whole, Claim{ID: "1-3", Test: "TestX"})
	require.Len(t, trace.Problems(), 1)
	require.Contains(t, trace.Problems()[0], "TestX names 1-3")

	trace.Claims = whole
	trace.Unserved = append(trace.Unserved, Remark{"1-1", "x"}, Remark{"7-7", "x"})
	trace.Deviations = []Remark{{"8-8", "x"}}
	require.Len(t, trace.Problems(), 3)
}

func TestParse(t *testing.T) {
	title := strings.Repeat("x\t", 6) + "x\n"
	line := "1-1\t6455\tMUST*\tboth\tconn\tdo | so\tso\n"
	rows, err := ParseRows(strings.NewReader(title + line))
	require.NoError(t, err)
	require.Equal(t, []Row{{"1-1", "6455", "MUST*", "both", "conn", "do | so", "so"}}, rows)
	require.True(t, rows[0].Binding())
	for _, bad := range []string{title + line + line, title + "1-1\tx\n", title + "x" + line} {
		_, err := ParseRows(strings.NewReader(bad))
		require.Error(t, err, bad)
	}
	_, err = ParseRemarks(strings.NewReader("# comment\n\n1-1\twhy\n"))
	require.NoError(t, err)
	_, err = ParseRemarks(strings.NewReader("1-1\n"))
	require.Error(t, err)

	page := string((&Trace{Rows: rows, Claims: []Claim{{ID: "1-1", Test: "TestA", File: "a_test.go"}}}).Page())
	require.Contains(t, page, `| 1-1 | MUST\* | both | do \| so | [TestA](a_test.go) |`)
	require.Contains(t, page, "1 requirements: 1 proved by tests")
}
