package frame_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/mask"
)

// The masked text frame of RFC 6455, section 5.7.
func ExampleHeader() {
	h := frame.Header{
		FIN: true, Opcode: frame.Text, Masked: true, Key: mask.Key{0x37, 0xfa, 0x21, 0x3d}, Length: 5,
	}
	wire := h.Append(nil)
	payload := []byte("Hello")
	mask.XOR(payload, payload, h.Key, 0)
	fmt.Printf("% x\n", append(wire, payload...))
	// Output: 81 85 37 fa 21 3d 7f 9f 4d 51 58
}

// A server's Validator sees the headers of one connection in their order.
func ExampleValidator() {
	v := frame.Validator{Role: frame.Server}
	for _, h := range []frame.Header{
		{Opcode: frame.Text, Masked: true, Length: 3},
		{FIN: true, Opcode: frame.Ping, Masked: true},
		{FIN: true, Opcode: frame.Binary, Masked: true, Length: 2},
	} {
		err := v.Check(h)
		fmt.Println(h.Opcode, v.InMessage(), err)
	}
	fmt.Println(v.Check(frame.Header{FIN: true, Opcode: frame.Continuation}))
	// Output:
	// text true <nil>
	// ping true <nil>
	// binary true websocket: new message before the last one ended (RFC 6455, section 5.4; close code 1002)
	// websocket: unmasked frame from the client (RFC 6455, section 5.1; close code 1002)
}

// Every rule has a sentinel; the error has what to answer with.
func ExampleError() {
	_, _, err := frame.ParseHeader([]byte{0x81, 0x7e, 0x00, 0x05}) // 5 needs no second length
	var broken *frame.Error
	if errors.As(err, &broken) {
		fmt.Println(broken.Code, broken.Section, errors.Is(err, frame.ErrLengthNotMinimal))
	}
	// Output: 1002 (protocol error) 5.2 true
}

func ExampleAppendClose() {
	payload, err := frame.AppendClose(nil, frame.StatusGoingAway, "restart")
	fmt.Printf("% x %v\n", payload, err)
	_, err = frame.AppendClose(nil, frame.StatusAbnormalClosure, "") // never on the wire
	fmt.Println(err)
	// Output:
	// 03 e9 72 65 73 74 61 72 74 <nil>
	// websocket: close code 1006 (abnormal closure) cannot be sent
}

// A bufio.Reader is a Peeker. ReadHeader takes the header and leaves the
// payload.
func ExampleReadHeader() {
	r := bufio.NewReader(strings.NewReader("\x82\x02\x00\xff\x89\x00"))
	for {
		h, err := frame.ReadHeader(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		payload := make([]byte, h.Length)
		_, err = io.ReadFull(r, payload)
		fmt.Println(h.Opcode, payload, err)
	}
	// Output:
	// binary [0 255] <nil>
	// ping [] <nil>
	// EOF
}
