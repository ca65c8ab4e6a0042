// Command backpressure shows what happens when a producer is faster than its
// readers. A ticker sends 10,000 prices a second to three readers: one that is
// fast, one that takes 200 messages a second, and one that is stuck and never
// reads. It does so under each policy of conn/sendqueue at once, and prints what
// is queued, sent, dropped and coalesced, how long the oldest message waits, and,
// on Linux, how many bytes the kernel holds (SIOCOUTQ): those can't be taken
// back any more, so they are old whatever the policy is.
//
// In a terminal of 80 columns and 24 lines the table is printed over itself, in
// colours unless NO_COLOR is set; elsewhere a line for each reader comes once a
// second.
//
// What to see:
//
//   - block: the ticker waits for the stuck reader, so everybody stands still.
//     Nothing is lost and nothing moves. It is for producers that can wait,
//     such as the copying of a file to one peer. (With conn/hub, the ticker
//     doesn't wait, because there the history does.)
//   - drop newest: the fast reader gets everything. The slow one gets an old
//     price after the other, and the age of what waits stays high.
//   - drop oldest: the same, but what waits is as new as it can be.
//   - coalesce: each symbol is a key, and only its latest price waits. Nobody
//     has much more in the queue than there are symbols, and the slow reader
//     sees every symbol, as new as the kernel's buffers let it be.
//   - close peer: the slow and the stuck reader are shown the door with code
//     1008; they can come back and load the state anew.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	rate := flag.Int("rate", 10_000, "price updates a second, for each policy")
	length := flag.Duration("for", 0, "how long to run; 0 means until Ctrl-C")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "backpressure feeds a fast, a slow and a stuck reader under each policy of a send queue,")
		fmt.Fprintln(flag.CommandLine.Output(), "with a live table in a terminal and plain lines elsewhere.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *rate < ticksPerSecond || *length < 0 || flag.NArg() > 0 {
		fmt.Fprintf(flag.CommandLine.Output(), "-rate must be %d or more, -for must not be negative, and nothing follows the flags\n", ticksPerSecond)
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *length)
		defer cancel()
	}
	pairs, err := listen()
	if err != nil {
		log.Fatal(err)
	}
	defer pairs.Close()
	if err := run(ctx, os.Stdout, pairs.connect, *rate, viewFor(os.Stdout)); err != nil {
		log.Fatal(err)
	}
}

// view is how the figures are shown.
type view int

const (
	plain    view = iota // lines, for files and pipes
	live                 // a table that is printed over itself, for terminals
	coloured             // the same in colours
)

// run shows the markets until ctx ends.
func run(ctx context.Context, out io.Writer, connect connector, rate int, v view) error {
	markets, err := open(ctx, connect)
	if err != nil {
		return err
	}
	for _, m := range markets {
		go m.tick(ctx, rate)
		for _, r := range m.readers {
			go r.read(ctx)
		}
	}
	show(ctx, out, markets, v)
	for _, m := range markets {
		m.close()
	}
	return nil
}

// viewFor returns the view that suits an output.
func viewFor(f *os.File) view {
	info, err := f.Stat()
	switch {
	case err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb":
		return plain
	case os.Getenv("NO_COLOR") != "":
		return live
	}
	return coloured
}

// show prints the figures until ctx ends, and then once more with what they mean.
func show(ctx context.Context, out io.Writer, markets []*market, v view) {
	begun := time.Now()
	interval := time.Second
	if v != plain {
		interval = 200 * time.Millisecond
		fmt.Fprint(out, hideCursor, clearScreen)
		defer fmt.Fprint(out, showCursor, "\n")
	}
	every := time.NewTicker(interval)
	defer every.Stop()
	for over := false; !over; {
		select {
		case <-every.C:
		case <-ctx.Done():
			over = true
		}
		rows, since := snapshot(markets), time.Since(begun)
		if v == plain {
			fmt.Fprint(out, lines(rows, since))
		} else {
			fmt.Fprint(out, home, painter(v == coloured).table(rows, since), clearRest)
		}
		if over && v == plain {
			fmt.Fprintln(out, strings.Join(lesson(rows), "\n"))
		}
	}
}
