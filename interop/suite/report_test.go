package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExpectedHasEveryCase(t *testing.T) {
	want, err := parseExpected(expected)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != 517 {
		t.Errorf("%d cases, want 517", len(want))
	}
	for id, v := range want {
		informational := id == "7.1.6" || id == "7.13.1" || id == "7.13.2"
		if got := v.String(); got != "OK OK" && !(informational && got == "INFORMATIONAL INFORMATIONAL") {
			t.Errorf("%s: %s", id, got)
		}
	}
	if base := selectFamilies(want, groups[0].families); len(base) != 247 {
		t.Errorf("%d base cases, want 247", len(base))
	}
}

func TestParseExpectedRefuses(t *testing.T) {
	for _, text := range []string{"1.1.1 OK", "1.1.1 OK OK OK", "1.1.1 OK OK\n1.1.1 OK OK"} {
		if _, err := parseExpected(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// A report as the suite writes it: an index, and a file for each case.
func TestCompareIsExact(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	type m = map[string]any
	write("index.json", m{"rfc6455": m{
		"1.1.1":  m{"behavior": "OK", "behaviorClose": "OK", "reportfile": "a.json"},
		"1.1.2":  m{"behavior": "OK", "behaviorClose": "UNCLEAN", "reportfile": "b.json"},
		"1.1.10": m{"behavior": "NON-STRICT", "behaviorClose": "OK", "reportfile": "b.json"},
		"7.1.6":  m{"behavior": "OK", "behaviorClose": "OK", "reportfile": "a.json"},
		"11.1.1": m{"behavior": "OK", "behaviorClose": "OK", "reportfile": "a.json"},
	}})
	write("b.json", m{"result": "Actual events differ.", "resultClose": "TCP was dropped."})
	got, err := readReport(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseExpected("1.1.1 OK OK\n1.1.2 OK OK\n1.1.3 OK OK\n1.1.10 OK OK\n7.1.6 INFORMATIONAL INFORMATIONAL")
	if err != nil {
		t.Fatal(err)
	}
	err = compare("server", got, want)
	if err == nil {
		t.Fatal("five differences were not seen")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, prefix := range []string{
		"server 1.1.2: OK UNCLEAN, want OK OK: Actual events differ. TCP was dropped.",
		"server 1.1.3: did not run",
		"server 1.1.10: NON-STRICT OK, want OK OK",
		"server 7.1.6: OK OK, want INFORMATIONAL INFORMATIONAL",
		"server 11.1.1: OK OK, and expected.txt doesn't know it",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], prefix) {
			t.Errorf("line %d of\n%v\nwant %s", i+1, err, prefix)
		}
	}
	if err := compare("server", got, got); err != nil {
		t.Error("a report differs from itself:", err)
	}
}
