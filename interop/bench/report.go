package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is one line of the table: a kind of work, and what is aimed at.
type row struct {
	ID    string `json:"id"`
	Unit  string `json:"unit"`            // what a value is of
	Bytes bool   `json:"bytes,omitempty"` // values are resident bytes, not nanoseconds

	// Goals; zero means none. A ratio is this library's best idiom to the
	// best of the peers' idioms, or to the limit.
	Goal       float64 `json:"goal,omitempty"`
	Limit      *idiom  `json:"-"`
	GoalLimit  float64 `json:"goal_limit,omitempty"`
	GoalAllocs float64 `json:"goal_allocs,omitempty"`
	GoalValue  float64 `json:"goal_value,omitempty"`

	// OneWrite leaves out peers that make several write calls for a message:
	// in memory those cost nothing, on a socket a microsecond each.
	OneWrite bool `json:"one_write,omitempty"`
}

// sample is one measurement, for one unit.
type sample struct {
	Value  float64 `json:"value"`  // nanoseconds of CPU, or bytes
	Allocs float64 `json:"allocs"` // objects
	Alloc  float64 `json:"alloc"`  // bytes
	Reads  float64 `json:"reads"`  // read calls
	Writes float64 `json:"writes"` // write calls

	Sent float64 `json:"sent,omitempty"` // bytes that the server sent, in rows of echoes
}

func newSample(ops int64, u usage) sample {
	n := float64(max(1, ops))
	return sample{
		Value:  float64(u.CPU) / n,
		Allocs: float64(u.Mallocs) / n,
		Alloc:  float64(u.Alloc) / n,
		Reads:  float64(u.Reads) / n,
		Writes: float64(u.Writes) / n,
	}
}

// entry is what one idiom reached in one row: the median of the rounds.
type entry struct {
	Idiom string `json:"idiom"`
	Lib   string `json:"lib"`
	sample
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// result is a row with its entries.
type result struct {
	row
	Entries []entry           `json:"entries"`
	Failed  map[string]string `json:"failed,omitempty"` // idioms that broke, and how

	samples map[*idiom][]sample
	order   []*idiom
	dropped map[string]bool // no further rounds
}

func newResult(r row) result {
	return result{row: r, samples: make(map[*idiom][]sample), dropped: make(map[string]bool)}
}

func (r *result) add(i *idiom, s sample) {
	if r.samples[i] == nil {
		r.order = append(r.order, i)
	}
	r.samples[i] = append(r.samples[i], s)
}

// covered reports whether another idiom of i's library has an entry, and i has
// none.
func (r *result) covered(i *idiom) bool {
	for _, other := range r.order {
		if other.lib == i.lib && other != i && i.lib != limits {
			return r.samples[i] == nil
		}
	}
	return false
}

func (r *result) drop(i *idiom, err error) {
	if r.Failed == nil {
		r.Failed = make(map[string]string)
	}
	r.Failed[i.String()] = err.Error()
	r.dropped[i.String()] = true
}

// summarize fills Entries.
func (r *result) summarize() {
	r.Entries = r.Entries[:0]
	for _, i := range r.order {
		all := r.samples[i]
		slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.Value, b.Value) })
		e := entry{Idiom: i.String(), Lib: i.lib, sample: all[len(all)/2], Min: all[0].Value, Max: all[len(all)-1].Value}
		r.Entries = append(r.Entries, e)
	}
}

// best returns the entry with the smallest value of those that fit.
func (r *result) best(fits func(entry) bool) *entry {
	var best *entry
	for k := range r.Entries {
		if e := &r.Entries[k]; fits(*e) && (best == nil || e.Value < best.Value) {
			best = e
		}
	}
	return best
}

// verdict compares this library with the best peer and with the limit.
type verdict struct {
	Ours      *entry  `json:"ours,omitempty"`
	Peer      *entry  `json:"best_peer,omitempty"`
	Limit     *entry  `json:"limit,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"`       // to the best peer
	LimitTime float64 `json:"limit_ratio,omitempty"` // to the limit
	Met       bool    `json:"met"`                   // all of the row's goals that could be checked
	Missed    string  `json:"missed,omitempty"`
}

func (r *result) judge() verdict {
	v := verdict{
		Ours: r.best(func(e entry) bool { return e.Lib == ours }),
		Peer: r.best(func(e entry) bool { return e.Lib != ours && e.Lib != limits && (!r.OneWrite || e.Writes < 1.5) }),
	}
	if r.Limit != nil {
		v.Limit = r.best(func(e entry) bool { return e.Idiom == r.row.Limit.String() })
	}
	if v.Ours == nil {
		v.Missed = "not measured"
		return v
	}
	var missed []string
	if v.Peer != nil {
		v.Ratio = v.Ours.Value / v.Peer.Value
		if r.Goal > 0 && v.Ratio > r.Goal {
			missed = append(missed, fmt.Sprintf("%.2f of the best peer, not %.2f", v.Ratio, r.Goal))
		}
	}
	if v.Limit != nil {
		v.LimitTime = v.Ours.Value / v.Limit.Value
		if r.GoalLimit > 0 && v.LimitTime > r.GoalLimit {
			missed = append(missed, fmt.Sprintf("%.2f of the limit, not %.2f", v.LimitTime, r.GoalLimit))
		}
	}
	if r.GoalAllocs > 0 && v.Ours.Allocs > r.GoalAllocs+0.5 {
		missed = append(missed, fmt.Sprintf("%.0f allocations, not %.0f", v.Ours.Allocs, r.GoalAllocs))
	}
	if r.GoalValue > 0 && v.Ours.Value > r.GoalValue {
		missed = append(missed, fmt.Sprintf("%.0f, not %.0f", v.Ours.Value, r.GoalValue))
	}
	v.Met, v.Missed = len(missed) == 0, strings.Join(missed, "; ")
	return v
}

// writeTable prints one line for each row: this library's best idiom, the best
// peer's, the limit, and whether the goals are met. With all, the entry of every
// idiom follows, with the spread of its rounds.
func writeTable(w io.Writer, results []result, all bool) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer tw.Flush()
	fmt.Fprintln(tw, "row\tours\tallocs\tcalls\tbest peer\tis\tallocs\tcalls\tratio\tlimit\tratio\tgoals")
	for k := range results {
		r := &results[k]
		v := r.judge()
		fmt.Fprintf(tw, "%s\t%s\t%s\t", r.ID, r.show(v.Ours), r.counts(v.Ours))
		if v.Peer == nil {
			fmt.Fprint(tw, "-\t-\t-\t-\t-\t")
		} else {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t", r.show(v.Peer), v.Peer.Idiom, r.counts(v.Peer), ratio(v.Ratio))
		}
		fmt.Fprintf(tw, "%s\t%s\t", r.show(v.Limit), ratio(v.LimitTime))
		switch {
		case r.Goal == 0 && r.GoalLimit == 0 && r.GoalValue == 0:
			fmt.Fprintln(tw, "none")
		case v.Met:
			fmt.Fprintln(tw, "met")
		default:
			fmt.Fprintln(tw, "MISSED: "+v.Missed)
		}
		if !all {
			continue
		}
		for _, e := range r.Entries {
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s .. %s", e.Idiom, r.show(&e), r.counts(&e),
				r.show(&entry{sample: sample{Value: e.Min}}), r.show(&entry{sample: sample{Value: e.Max}}))
			if e.Sent > 0 {
				fmt.Fprintf(tw, "\t%.0f B sent", e.Sent)
			}
			fmt.Fprintln(tw)
		}
		for idiom, why := range r.Failed {
			fmt.Fprintf(tw, "  %s\tfailed: %s\n", idiom, why)
		}
	}
}

// counts are the columns of allocations and of read and write calls.
func (r *result) counts(e *entry) string {
	if e == nil {
		return "-\t-"
	}
	return count(e.Allocs) + "\t" + count(e.Reads+e.Writes)
}

func ratio(f float64) string {
	if f == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", f)
}

// show is the value of an entry with its unit.
func (r *result) show(e *entry) string {
	switch {
	case e == nil:
		return "-"
	case r.row.Bytes:
		return fmt.Sprintf("%.0f B", e.Value)
	case e.Value >= 100e3:
		return fmt.Sprintf("%.0f µs", e.Value/1e3)
	case e.Value >= 1e3:
		return fmt.Sprintf("%.2f µs", e.Value/1e3)
	}
	return fmt.Sprintf("%.1f ns", e.Value)
}

// count is a number of allocations or calls, which are seldom whole.
func count(f float64) string {
	switch {
	case math.Abs(f) < 0.005:
		return "0"
	case f >= 9.95:
		return fmt.Sprintf("%.0f", f)
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", f), "0"), ".")
}

// writeJSON writes everything that was measured.
func writeJSON(file string, machine any, results []result) error {
	type judged struct {
		result
		Verdict verdict `json:"verdict"`
	}
	out := struct {
		Machine any      `json:"machine"`
		Rows    []judged `json:"rows"`
	}{Machine: machine}
	for k := range results {
		out.Rows = append(out.Rows, judged{results[k], results[k].judge()})
	}
	b, err := json.MarshalIndent(out, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
