package frame_test

import (
	"errors"
	"fmt"

	"github.com/seed24abed78/rfc6455/frame"
)

// A client reads what a server sent: a text message in two fragments with a
// Ping between them, and then a frame that breaks a rule.
func Example() {
	b := []byte{
		0x01, 0x03, 'H', 'e', 'l',
		0x89, 0x00,
		0x80, 0x02, 'l', 'o',
		0x80, 0x00,
	}
	v := frame.Validator{Role: frame.Client}
	for len(b) > 0 {
		h, n, err := frame.ParseHeader(b)
		if err == nil {
			err = v.Check(h)
		}
		if err != nil {
			fmt.Println(errors.Is(err, frame.ErrUnexpectedContinuation), err)
			return
		}
		payload := b[n : n+int(h.Length)]
		fmt.Printf("%v fin=%v %q\n", h.Opcode, h.FIN, payload)
		b = b[n+len(payload):]
	}
	// Output:
	// text fin=false "Hel"
	// ping fin=true ""
	// continuation fin=true "lo"
	// true websocket: continuation frame without a message to continue (RFC 6455, section 5.4; close code 1002)
}

func ExampleParseClose() {
	code, reason, err := frame.ParseClose([]byte{0x03, 0xe9, 'b', 'y', 'e'})
	fmt.Println(code, reason, err)
	_, _, err = frame.ParseClose([]byte{0x03, 0xed})
	fmt.Println(err)
	// Output:
	// 1001 (going away) bye <nil>
	// websocket: close code that may not be sent (RFC 6455, section 7.4; close code 1002)
}

func ExampleUTF8() {
	var u frame.UTF8
	fmt.Println(u.Check([]byte("caf\xc3")), u.Complete())
	fmt.Println(u.Check([]byte("\xa9")), u.Complete())
	fmt.Println(u.Check([]byte("\xed\xa0")), u.Complete())
	// Output:
	// true false
	// true true
	// false false
}
