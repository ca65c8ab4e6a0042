package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// A server on net/http that answers every message with itself.
func ExampleHandler() {
	http.Handle("/echo", conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		for msg, err := range ws.Messages(ctx) { // msg.Data is valid until the next turn
			if err != nil {
				return err
			}
			if err := ws.WriteMessage(ctx, msg.Type, msg.Data); err != nil {
				return err
			}
		}
		return nil
	}))
	log.Fatal(http.ListenAndServe("localhost:8080", nil))
}

// A client of it.
func ExampleDial() {
	ctx := context.Background()

	ws, err := conn.Dial(ctx, "ws://localhost:8080/echo", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(ctx, conn.Text, []byte("Hello")); err != nil {
		log.Fatal(err)
	}
	_, data, err := ws.ReadMessage(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", data)
}

// A server and a client in one program, with a subprotocol and compression.
func ExampleConfig() {
	cfg := &conn.Config{
		Subprotocols:   []string{"greeting.v1"},
		MaxMessageSize: 64 << 10,
		Compression:    &deflate.Options{},
	}
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		_, name, err := ws.ReadMessage(ctx)
		if err != nil {
			return err
		}
		return ws.WriteMessage(ctx, conn.Text, append([]byte("Hello, "), name...))
	}, cfg))
	defer server.Close()

	ctx := context.Background()
	ws, err := conn.Dial(ctx, server.URL, cfg) // http means ws
	if err != nil {
		log.Fatal(err)
	}
	defer ws.Close()
	ws.WriteMessage(ctx, conn.Text, []byte("Gopher"))
	_, data, err := ws.ReadMessage(ctx)
	fmt.Printf("%s: %q %v\n", ws.Subprotocol(), data, err)
	_, _, err = ws.ReadMessage(ctx)
	fmt.Println(err)
	// Output:
	// greeting.v1: "Hello, Gopher" <nil>
	// websocket: the peer closed the connection: code 1000
}

// Accept is for a handler that has something to do before and after.
func ExampleAccept() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := conn.Accept(w, r, nil)
		if err != nil {
			return // the refusal has been sent
		}
		defer ws.CloseNow()
		// The request's context knows nothing of the connection once it is hijacked.
		ws.WriteMessage(context.Background(), conn.Text, []byte("you came from "+r.URL.Path))
		ws.CloseWith(frame.StatusNormalClosure, "that was all")
	}))
	defer server.Close()

	ctx := context.Background()
	ws, err := conn.Dial(ctx, server.URL+"/here", nil)
	if err != nil {
		log.Fatal(err)
	}
	for msg, err := range ws.Messages(ctx) {
		var closed *conn.CloseError
		if errors.As(err, &closed) {
			fmt.Println(closed.Code, closed.Reason)
			break
		}
		fmt.Printf("%s\n", msg.Data)
	}
	// Output:
	// you came from /here
	// 1000 (normal closure) that was all
}

// A server on a bare listener, without net/http.
func ExampleUpgrade() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		ws, err := conn.Upgrade(ctx, nc, nil)
		if err != nil {
			nc.Close()
			return
		}
		ws.WriteMessage(ctx, conn.Binary, []byte{1, 2, 3})
		ws.Close()
	}()
	ws, err := conn.Dial(ctx, "ws://"+l.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ws.CloseNow()
	fmt.Println(ws.ReadMessage(ctx))
	// Output: binary [1 2 3] <nil>
}

// New is for a transport on which the handshake is done, or isn't needed.
func ExampleNew() {
	a, b := net.Pipe()
	server := conn.New(a, conn.Server, handshake.Result{}, nil)
	client := conn.New(b, conn.Client, handshake.Result{}, nil)
	ctx := context.Background()
	go client.WriteMessage(ctx, conn.Text, []byte("Hello"))
	_, data, err := server.ReadMessage(ctx)
	fmt.Printf("%s %v\n", data, err)
	// Output: Hello <nil>
}

// One message for many connections is framed, and compressed, once.
func ExamplePrepare() {
	ctx := context.Background()
	m, err := conn.Prepare(conn.Text, []byte("news"))
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		server, client := conntest.Pair(nil)
		server.WritePrepared(ctx, m)
		_, data, _ := client.ReadMessage(ctx)
		fmt.Printf("%s ", data)
	}
	// Output: news news news
}

// A message whose length isn't known yet leaves in fragments.
func ExampleConn_NextWriter() {
	ctx := context.Background()
	server, client := conntest.Pair(nil)
	w, err := server.NextWriter(ctx, conn.Text)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		fmt.Fprint(w, "one, ")
		fmt.Fprint(w, "two")
		w.Close() // ends the message
	}()
	typ, r, err := client.NextReader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(r)
	fmt.Println(typ, string(text), err)
	// Output: text one, two <nil>
}

// A failure says which rule the peer broke.
func ExampleCloseError() {
	a, b := net.Pipe()
	server := conn.New(a, conn.Server, handshake.Result{}, nil)
	go func() {
		b.Write([]byte{0x81, 0x01, '?'}) // a client's frame without a mask
		b.Read(make([]byte, 100))        // the Close frame, which says so
		b.Close()
	}()
	_, _, err := server.ReadMessage(context.Background())
	var closed *conn.CloseError
	fmt.Println(errors.As(err, &closed), errors.Is(err, frame.ErrUnmasked))
	fmt.Println(err)
	// Output:
	// true true
	// websocket: connection failed: unmasked frame from the client (RFC 6455, section 5.1; close code 1002)
}
