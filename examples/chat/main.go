// Command chat is a chat room in the browser: the packages of this module put
// together as a server would, in small.
//
//   - Every message goes through a hub.Topic, which numbers it and keeps the
//     last 1000. A page that comes back names the last number that it has, and
//     gets what it missed, once.
//   - Each page has a sendqueue.Queue of its own. One that reads slowly falls
//     behind and catches up from the history, and hurts nobody else; try it with
//     -slow.
//   - With -log FILE the history outlives the process: kill the server, start
//     it again, and every page goes on where it was. What was typed meanwhile
//     waits in the page, and its id keeps it from being said twice. Without
//     -log the history is in memory and ends with the process; pages are told.
//   - Pages that are gone without a word are found by conn's keepalive.
//   - Ctrl-C says goodbye to every page with code 1001, for 5 seconds at most.
//
// page/reconnecting.js is the browser's side of a connection that comes back:
// plain JavaScript without dependencies, to be taken.
//
// What a real service needs besides: it asks nobody who they are, and lets
// everyone talk as much as they like.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

// Bounds of an HTTP request, and of the goodbye.
const (
	headerTimeout   = 10 * time.Second
	shutdownTimeout = 5 * time.Second
)

func main() {
	addr := flag.String("addr", "localhost:8080", "host and port to listen on; port 0 takes a free one, and :8080 lets a phone in")
	file := flag.String("log", "", "file that keeps the history over restarts; without it the history is in memory")
	slow := flag.String("slow", "", "name of a person whose connection is slowed down, to see that only they lag")
	rate := flag.Int("rate", 500, "bytes a second that -slow leaves, 10 or more")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "chat serves a chat room: open its page in two browsers, then kill it and start it again.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *rate < 10 || flag.NArg() > 0 {
		fmt.Fprintln(flag.CommandLine.Output(), "-rate must be 10 or more, and nothing follows the flags")
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*addr, *file, throttle{name: *slow, rate: *rate}); err != nil {
		log.Fatal(err)
	}
}

func run(addr, file string, slow throttle) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	history, err := openHistory(file)
	if err != nil {
		return err
	}
	defer history.Close()
	chat, err := newRoom(history)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("open http://%s in two browsers; Ctrl-C ends\n", l.Addr())
	fmt.Println(history)

	server := &http.Server{Handler: routes(chat, slow), ReadHeaderTimeout: headerTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }() // ends with Shutdown
	go chat.watch(ctx)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop() // a second Ctrl-C ends the program at once
	fmt.Println("saying goodbye")
	bound, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	// The first takes no more requests, the second waits for the WebSockets,
	// of which net/http knows nothing.
	return errors.Join(server.Shutdown(bound), chat.pages.Shutdown(bound))
}
