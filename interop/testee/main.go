// Command testee is this module's WebSocket as the Autobahn test suite sees
// it: an echo server for the suite's fuzzing client, or an echo client for its
// fuzzing server.
//
//	testee -serve 127.0.0.1:0
//	testee -connect ws://127.0.0.1:9001
//
// It accepts messages of any size in any number of fragments, and compresses
// even the smallest, because that is what the suite measures; a program on the
// open Internet keeps the limits.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
)

// agent is the name that stands in the suite's reports.
const agent = "rfc6455"

func main() {
	serveAt := flag.String("serve", "", "`address` to listen on; port 0 takes a free one. The URL goes to standard output")
	connectTo := flag.String("connect", "", "`URL` of the fuzzing server")
	flag.Parse()
	var err error
	switch {
	case *serveAt != "" && *connectTo == "":
		err = serve(*serveAt)
	case *connectTo != "" && *serveAt == "":
		err = connect(context.Background(), *connectTo)
	default:
		flag.Usage()
		log.Fatal("one of -serve and -connect is needed")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func config() *conn.Config {
	return &conn.Config{
		MaxMessageSize: -1,
		MaxFragments:   -1,
		FrameSize:      -1,
		// The suite takes its time on a busy machine, and doesn't expect pings.
		HandshakeTimeout:  -1,
		CloseTimeout:      time.Minute,
		KeepaliveInterval: -1,
		Compression:       &deflate.Options{Threshold: -1},
	}
}

func serve(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("ws://%s\n", l.Addr())
	return http.Serve(l, conn.Handler(echo, config()))
}

// echo answers every message with itself until the connection ends. How it
// ends is for the suite to judge.
func echo(ctx context.Context, ws *conn.Conn) error {
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := ws.WriteMessage(ctx, msg.Type, msg.Data); err != nil {
			return err
		}
	}
	return nil
}

// connect asks the fuzzing server how many cases there are, plays each, and
// lets the server write its reports.
func connect(ctx context.Context, url string) error {
	count, err := ask(ctx, url+"/getCaseCount")
	if err != nil {
		return err
	}
	cases, err := strconv.Atoi(count)
	if err != nil {
		return fmt.Errorf("number of cases: %w", err)
	}
	for i := 1; i <= cases; i++ {
		if err := play(ctx, fmt.Sprintf("%s/runCase?case=%d&agent=%s", url, i, agent)); err != nil {
			return fmt.Errorf("case %d of %d: %w", i, cases, err)
		}
	}
	return play(ctx, fmt.Sprintf("%s/updateReports?agent=%s", url, agent))
}

// ask returns the one message that the server sends.
func ask(ctx context.Context, url string) (string, error) {
	ws, err := conn.Dial(ctx, url, config())
	if err != nil {
		return "", err
	}
	defer ws.Close()
	_, answer, err := ws.ReadMessage(ctx)
	return string(answer), err
}

// play echoes on one connection; only a failed handshake is an error here.
func play(ctx context.Context, url string) error {
	ws, err := conn.Dial(ctx, url, config())
	if err != nil {
		return err
	}
	echo(ctx, ws)
	ws.Close()
	return nil
}
