package conntest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// The network breaks inside the second message.
func ExampleFault() {
	ctx := context.Background()
	var wire *conntest.FaultConn
	server, client := conntest.Pair(&conntest.Options{WrapClient: func(nc net.Conn) net.Conn {
		wire = conntest.Fault{}.Wrap(nc) // all is well during the handshake
		return wire
	}})
	defer client.CloseNow()
	wire.Set(conntest.Fault{MaxRead: 1, Read: conntest.Trigger{Byte: 10, Do: conntest.Reset}})
	server.WriteMessage(ctx, conn.Text, []byte("Hello")) // 7 bytes on the wire
	server.WriteMessage(ctx, conn.Text, []byte("again"))

	_, p, err := client.ReadMessage(ctx)
	fmt.Printf("%s %v\n", p, err)
	_, _, err = client.ReadMessage(ctx)
	fmt.Println(errors.Is(err, syscall.ECONNRESET))
	// Output:
	// Hello <nil>
	// true
}

// A transport in memory, with latency. Inside a bubble of testing/synctest the
// latency costs no real time.
func ExamplePipe() {
	a, b := conntest.Pipe(conntest.Link{Latency: time.Millisecond})
	go func() {
		a.Write([]byte("Hello"))
		a.Close()
	}()
	p := make([]byte, 10)
	n, err := b.Read(p)
	fmt.Printf("%s %v %s\n", p[:n], err, b.RemoteAddr().Network())
	// Output: Hello <nil> memory
}

// A Recorder shows each frame as it passes, and keeps it.
func ExampleRecorder() {
	wire := conntest.Recorder{OnFrame: func(f *conntest.Frame) {
		if !f.Handshake {
			fmt.Println(f.From, "sends", f.What())
		}
	}}
	server, client := conntest.Pair(&conntest.Options{WrapClient: wire.Client})
	defer server.CloseNow()
	client.WriteMessage(context.Background(), conn.Binary, []byte{1, 2, 3})
	fmt.Println(len(wire.Frames()), "in all, with the two of the handshake")
	// Output:
	// client sends binary, masked, 3 bytes: 01 02 03
	// 3 in all, with the two of the handshake
}
