package handshake_test

import (
	"fmt"

	"github.com/seed24abed78/rfc6455/handshake"
)

// A whole opening handshake, without a socket.
func Example() {
	u, err := handshake.ParseURL("ws://example.com/chat")
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &handshake.Client{URL: u, Subprotocols: []string{"v1", "v2"}}
	request, err := client.AppendRequest(nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	server := &handshake.Server{Subprotocols: []string{"v2"}}
	r, _, err := handshake.ParseRequest(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	agreed, err := server.Check(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, _, err := handshake.ParseResponse(server.AppendResponse(nil, r, agreed))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := client.Check(answer)
	fmt.Println(r.Resource(), answer.Status, result.Subprotocol, err)
	// Output: /chat 101 v2 <nil>
}

func ExampleAccept() {
	fmt.Println(handshake.Accept("dGhlIHNhbXBsZSBub25jZQ=="))
	// Output: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
}
