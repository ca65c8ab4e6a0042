package deflate_test

import (
	"fmt"
	"strings"

	"github.com/seed24abed78/rfc6455/conn/deflate"
)

// Two messages, of which the second refers to the first. Package conn does
// this for a connection.
func ExampleDecompressor() {
	const windowBits = 15
	compressor := (&deflate.Options{}).Compressor(windowBits, true)
	defer compressor.Close()
	decompressor := deflate.NewDecompressor(windowBits, true)

	message := strings.Repeat("the quick brown fox ", 10)
	for range 2 {
		compressed, err := compressor.Compress(nil, []byte(message))
		if err != nil {
			fmt.Println(err)
			return
		}
		// The empty block at the end is not sent (RFC 7692, section 7.2.1).
		compressed = compressed[:len(compressed)-4]

		out := make([]byte, 1000) // a limit: what doesn't fit stays in the message
		n, _, done, err := decompressor.Inflate(out, compressed, true)
		fmt.Println(len(compressed) < len(message)/4, string(out[:n]) == message, done, err)
	}
	// Output:
	// true true true <nil>
	// true true true <nil>
}
