package conntest_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// Two Conns in memory, and what went over the wire between them.
func Example() {
	ctx := context.Background()
	var wire conntest.Recorder
	server, client := conntest.Pair(&conntest.Options{WrapServer: wire.Server})
	go func() {
		for msg, err := range server.Messages(ctx) {
			if err != nil {
				return
			}
			server.WriteMessage(ctx, msg.Type, []byte(strings.ToUpper(string(msg.Data))))
		}
	}()
	client.WriteMessage(ctx, conn.Text, []byte("Hello"))
	_, answer, _ := client.ReadMessage(ctx)
	client.Close()
	fmt.Printf("%s\n", answer)
	for _, f := range wire.Frames() {
		fmt.Println(f.From, "sent", f.What())
	}
	// Output:
	// HELLO
	// client sent opening handshake: GET / HTTP/1.1
	// server sent opening handshake: HTTP/1.1 101 Switching Protocols
	// client sent text, masked, 5 bytes: "Hello"
	// server sent text, 5 bytes: "HELLO"
	// client sent close, masked, 2 bytes: 1000 (normal closure)
	// server sent close, 2 bytes: 1000 (normal closure)
}

// A frame of section 5.7, field by field.
func ExampleFrame_Explain() {
	var wire conntest.Recorder
	near, _ := conntest.Pipe(conntest.Link{})
	wire.Wrap(near, conn.Client).Write([]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})
	fmt.Print(wire.Frames()[0].Explain())
	// Output:
	// 81                       FIN 1, RSV 000, opcode 1: text                5.6
	// 85                       MASK 1, length code 5                         5.2
	// 37 fa 21 3d              masking key                                   5.3
	// 7f 9f 4d 51 58           payload, masked                               5.3
	// 48 65 6c 6c 6f           unmasked: "Hello"                             5.6
}

// The same frame in the form of the figure of section 5.2.
func ExampleFrame_Draw() {
	var wire conntest.Recorder
	near, _ := conntest.Pipe(conntest.Link{})
	wire.Wrap(near, conn.Client).Write([]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})
	fmt.Print(wire.Frames()[0].Draw())
	// Output:
	//  0                   1                   2                   3
	//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
	// +-+-+-+-+-------+-+-------------+-------------------------------+
	// |F|R|R|R|opcode |M| Payload len |          Masking-key          |
	// |1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|0 0 1 1 0 1 1 1 1 1 1 1 1 0 1 0|
	// +-+-+-+-+-------+-+-------------+-------------------------------+
	// |     Masking-key continued     |         Payload Data          |
	// |0 0 1 0 0 0 0 1 0 0 1 1 1 1 0 1|0 1 1 1 1 1 1 1 1 0 0 1 1 1 1 1|
	// +-------------------------------+---------------+---------------+
	// |            Payload Data continued             |
	// |0 1 0 0 1 1 0 1 0 1 0 1 0 0 0 1 0 1 0 1 1 0 0 0|
	// +-----------------------------------------------+
}
