// Command echo is a WebSocket server that answers every message with itself,
// and a small page to try it in a browser.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"

	"github.com/seed24abed78/rfc6455/conn"
)

//go:embed page.html
var page []byte

func main() {
	addr := flag.String("addr", "localhost:8080", "host and port to listen on; port 0 takes a free one")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "echo serves a page on / and a WebSocket that repeats what it hears on /echo.")
		flag.PrintDefaults()
	}
	flag.Parse()

	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("open http://%s in a browser, or connect to ws://%[1]s/echo; Ctrl-C ends\n", l.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server := &http.Server{Handler: routes()}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/echo", conn.Handler(echo))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	return mux
}

// echo buffers each answer; what is buffered leaves when the next read is
// about to wait, so a burst of messages costs one read and one write.
func echo(ctx context.Context, ws *conn.Conn) error {
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := ws.BufferMessage(msg.Type, msg.Data); err != nil {
			return err
		}
	}
	return nil
}
