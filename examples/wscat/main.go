// Command wscat is a WebSocket client, and a small server, for the terminal:
// connect, type, see.
//
//	wscat ws://localhost:8080/echo                        type lines, see answers
//	echo '{"op":"ping"}' | wscat -n 1 -json wss://…/api   one question, one answer
//	wscat -trace ws://localhost:8080/echo                 the frames, as the RFC draws them
//	wscat -listen localhost:8080 -echo                    a server
//	wscat -reconnect wss://…/feed >feed.log               through restarts and outages
//
// Each line of the input is a message, and each message a line of the output.
// What is said about the connection goes to standard error. On a terminal, or
// with -i, messages are marked with "<", and a line that begins with a slash is
// a command: /ping, /close, /hex, /help. Two slashes send a line with one.
//
// Binary messages are printed as hexadecimal digits. On a terminal control
// characters of the peer are printed as escapes, so that it can't steer the
// terminal; a pipe gets them as they came.
//
// When the input ends, wscat closes the connection; answers that arrive before
// the peer's Close are printed. See -n and -wait for peers that take longer.
//
// The exit code says how it ended:
//
//	0    closed by this side, or by the peer with 1000 or without a code
//	1    the input could not be read or sent, or the output not written
//	2    the flags or the URL are wrong
//	3    no connection, or no listener: name, network, TLS, time
//	4    the server or a proxy refused the handshake
//	5    the peer closed with a code other than 1000
//	6    the connection was lost, or the peer broke the protocol
//	7    -timeout ran out
//	130  interrupted
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"os/signal"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	go func() {
		<-signals
		signal.Stop(signals) // a second one ends the program at once
		cancel(errInterrupted)
	}()
	os.Exit(run(ctx, &env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:]))
}

// env is the world around the program, which tests replace.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// dial and listen open the network; nil means package net.
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	listen func(network, addr string) (net.Listener, error)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, e *env, args []string) int {
	o, err := parseFlags(args, e.stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage
	}
	if o.timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, o.timeout, errTimeout)
		defer stop()
	}
	p := newPrinter(e, o)
	switch {
	case o.listen != "":
		err = serve(ctx, e, o, p)
	case o.reconnect:
		err = stay(ctx, e, o, p)
	default:
		err = connect(ctx, e, o, p)
	}
	p.end(err)
	return exitCode(err)
}
