// Mutate shows what the tests would notice. It makes one small change after
// the other to a package, such as < for <=, a check dropped, a statement left
// out, a number off by one, and runs the package's tests and then the seeds of
// the fuzz targets on each. A change that no test notices is printed: it is a
// test that is missing, or code that makes no difference.
//
//	go run ./internal/mutate -n 25 ./frame ./handshake
//
// Which changes are made depends on -seed alone. The files themselves are
// never touched: the go command gets each change as an overlay.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var (
	count  = flag.Int("n", 20, "changes for each package")
	seed   = flag.Uint64("seed", 1, "which changes")
	limit  = flag.Duration("limit", 2*time.Minute, "time for the tests of one change; one that takes longer counts as noticed")
	also   = flag.String("also", "./fuzz", "packages whose tests run too when the package's own notice nothing, separated by commas")
	list   = flag.Bool("list", false, "print every change there is, and run nothing")
	single = flag.String("only", "", "make only the changes whose line in the output contains this")
)

func main() {
	flag.Parse()
	if err := run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// tally counts what became of the changes.
type tally struct{ noticed, slow, survived, invalid int }

func (t tally) String() string {
	n := t.noticed + t.slow + t.survived
	return fmt.Sprintf("%d changes, %d noticed (%d by taking too long), %d not; %.1f %%; %d more did not compile",
		n, t.noticed+t.slow, t.slow, t.survived, 100*float64(t.noticed+t.slow)/float64(max(n, 1)), t.invalid)
}

func run(packages []string) error {
	if len(packages) == 0 {
		return errors.New("name the packages to change, such as ./frame")
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var all tally
	for _, pkg := range packages {
		found, err := candidates(pkg)
		if err != nil {
			return err
		}
		if *list {
			for _, m := range found {
				fmt.Println(m)
			}
			continue
		}
		t, err := try(pkg, found, dir)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %v; %d possible\n", pkg, t, len(found))
		all.noticed += t.noticed
		all.slow += t.slow
		all.survived += t.survived
		all.invalid += t.invalid
	}
	if !*list {
		fmt.Printf("all: %v\n", all)
	}
	return nil
}

// candidates returns the changes that there are to a package, in an order that
// depends on the seed.
func candidates(pkg string) ([]mutant, error) {
	out, err := exec.Command("go", "list", "-f", `{{.Dir}}{{range .GoFiles}}{{"\n"}}{{.}}{{end}}`, pkg).Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", pkg, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var found []mutant
	for _, name := range lines[1:] {
		path := filepath.Join(lines[0], name)
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		ms, err := mutants(path, src)
		if err != nil {
			return nil, err
		}
		found = append(found, ms...)
	}
	if *single != "" {
		return slices.DeleteFunc(found, func(m mutant) bool { return !strings.Contains(m.String(), *single) }), nil
	}
	random := rand.New(rand.NewPCG(*seed, 0))
	random.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	return found, nil
}

// try makes changes until enough of them have compiled.
func try(pkg string, found []mutant, dir string) (t tally, err error) {
	suites := append([]string{pkg}, strings.FieldsFunc(*also, func(r rune) bool { return r == ',' })...)
	for _, m := range found {
		if t.noticed+t.slow+t.survived == *count {
			break
		}
		overlay, err := write(m, dir)
		if err != nil {
			return t, err
		}
		begun := time.Now()
		result := survived
		for _, suite := range suites {
			if result = test(suite, overlay); result != survived {
				break
			}
		}
		switch result {
		case noticed:
			t.noticed++
		case slow:
			t.slow++
		case survived:
			t.survived++
		case invalid:
			t.invalid++
			continue
		}
		fmt.Printf("%-8s %5.1fs %v\n", result, time.Since(begun).Seconds(), m)
	}
	return t, nil
}

// write puts a changed file and the overlay that names it into dir.
func write(m mutant, dir string) (overlay string, err error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, m.apply(src), 0o644); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: changed}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o644)
}

type result string

const (
	noticed  result = "noticed"
	slow     result = "slow"
	survived result = "SURVIVED"
	invalid  result = "invalid" // it doesn't compile
)

// test runs the tests of one package with the change.
func test(pkg, overlay string) result {
	ctx, cancel := context.WithTimeout(context.Background(), *limit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-vet=off", "-count=1", "-failfast", "-timeout", limit.String(), pkg)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return survived
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return invalid
	case ctx.Err() != nil, bytes.Contains(out, []byte("panic: test timed out")):
		return slow
	}
	return noticed
}
