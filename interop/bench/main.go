// Command bench measures this library beside its peers, and both beside what
// the machine, the kernel and net/http cost anyway.
//
//	go run ./bench              # all rows, some minutes
//	go run ./bench -quick       # half a minute, and noisier
//	go run ./bench -rows '^read/' -all
//
// Every library is used in the idiom that its documentation shows and in the
// fastest that its documentation describes; the better one counts. Servers and
// the load generator are processes of their own, on different cores where there
// are two. What is measured is processor time, of the server where there is
// one, so that another program on the machine spoils less; rounds go from
// idiom to idiom in turn, and the median counts. Values of two runs can't be
// compared, only ratios within one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"
)

// bench is one run.
type bench struct {
	quick       bool
	peers       string
	rows        *regexp.Regexp
	rounds      int
	ms          int // of one measurement over sockets
	memoryMs    int // of one measurement in memory
	idle        int // connections
	subscribers int
	profiles    string // directory, or empty
}

// idioms are those to measure, limits last.
func (b *bench) idioms() []*idiom { return slices.Concat(selectIdioms(b.peers), limitIdioms) }

func main() {
	log.SetFlags(0)
	b := new(bench)
	flag.BoolVar(&b.quick, "quick", false, "take half a minute: few short rounds, one idiom of each library, fewer connections")
	all := flag.Bool("all", false, "print the entry of every idiom, with the spread of its rounds")
	jsonFile := flag.String("json", "", "write everything to this `file` as JSON")
	rows := flag.String("rows", "", "measure only the rows that match the regular `expression`")
	flag.StringVar(&b.peers, "peers", "", "measure only these peers, separated by commas, and this library")
	flag.IntVar(&b.rounds, "rounds", 7, "rounds; the median counts")
	flag.IntVar(&b.ms, "ms", 500, "milliseconds of one measurement over sockets")
	flag.IntVar(&b.idle, "idle", 10_000, "idle connections")
	flag.IntVar(&b.subscribers, "subscribers", 1000, "connections that a published message goes to")
	flag.StringVar(&b.profiles, "profiles", "", "write processor and allocation profiles of each row and idiom into this `directory`; use -ms 5000")
	part := flag.String("part", "", "what a child process of the benchmark is; not for use by hand")
	name := flag.String("idiom", "", "of the server; not for use by hand")
	kind := flag.String("kind", "", "of the server; not for use by hand")
	flag.Parse()
	switch *part {
	case "memory":
		runMemory()
		return
	case "server":
		runServer(*name, *kind)
		return
	case "load":
		runLoad()
		return
	}
	b.memoryMs = b.ms / 5
	if b.quick {
		b.rounds, b.ms, b.memoryMs, b.idle, b.subscribers = 3, 30, 3, 1000, 200
	}
	var err error
	if b.rows, err = regexp.Compile(*rows); err != nil {
		log.Fatalf("-rows: %v", err)
	}
	begun := time.Now()
	results, err := b.run()
	writeTable(os.Stdout, results, *all)
	fmt.Printf("\n%s, %d rounds, %v\n", notes, b.rounds, time.Since(begun).Round(time.Second))
	if *jsonFile != "" {
		err = errors.Join(err, writeJSON(*jsonFile, machine(), results))
	}
	if err != nil {
		log.Fatal(err)
	}
}

const notes = `CPU time of the server, its kernel part and its garbage collection included; medians. calls: read and
write calls. Below some 5 % a difference is noise, on a shared machine below 15 %`

// machine says what the figures are of.
func machine() map[string]any {
	return map[string]any{
		"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": runtime.NumCPU(),
		"libraries": versions(), "time": time.Now().UTC().Format(time.RFC3339),
	}
}

// run measures all rows that are asked for, and returns what it has when one
// fails.
func (b *bench) run() (results []result, err error) {
	_, core := cores()
	memory, err := start(core, "memory")
	if err != nil {
		return nil, err
	}
	defer memory.stop()
	for _, r := range memoryRows() {
		if b.rows.MatchString(r.ID) {
			results = append(results, b.runMemoryRow(r, memory))
		}
	}
	for _, r := range b.socketRows() {
		if !b.rows.MatchString(r.ID) {
			continue
		}
		res, err := b.runSocketRow(r)
		if err != nil {
			return results, fmt.Errorf("%s: %w", r.ID, err)
		}
		results = append(results, res)
	}
	for k := range results {
		results[k].summarize()
	}
	return results, nil
}

func (b *bench) runMemoryRow(r memoryRow, memory *child) result {
	res := newResult(r.row)
	for range b.rounds {
		for _, i := range b.idioms() {
			if res.dropped[i.String()] || b.quick && res.covered(i) {
				continue
			}
			var a answer
			err := b.profiled(memory, r.ID, i, func() (err error) {
				a, err = memory.tell(command{Do: "measure", Row: r.ID, Idiom: i.String(), Ms: b.memoryMs})
				return err
			})
			switch {
			case errors.Is(err, errNoMeans):
				res.dropped[i.String()] = true
			case err != nil:
				res.drop(i, err)
			default:
				res.add(i, newSample(a.Ops, a.Usage))
			}
		}
	}
	return res
}
