package mask_test

import (
	"fmt"

	"github.com/seed24abed78/rfc6455/mask"
)

// A client draws a key for each frame, and masks a copy: what the caller gave
// it stays as it is.
func ExampleNewKey() {
	payload := []byte("Hello")
	key := mask.NewKey()
	wire := make([]byte, len(payload))
	mask.XOR(wire, payload, key, 0)

	mask.XOR(wire, wire, key, 0) // the server
	fmt.Printf("%s %s\n", payload, wire)
	// Output: Hello Hello
}
