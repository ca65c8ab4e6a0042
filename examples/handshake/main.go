// Command handshake is a lesson on the opening handshake of WebSocket (RFC
// 6455, section 4): the request, the response, how the one proves that the
// other was understood, and what refusals look like.
package main

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"strings"

	"github.com/seed24abed78/rfc6455/examples/internal/lesson"
	"github.com/seed24abed78/rfc6455/handshake"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// exchange is one client and one server, and the bytes between them.
type exchange struct {
	*lesson.Narrator
	client handshake.Client
	server handshake.Server
	key    string
	answer []byte
}

func run(w io.Writer) error {
	e := &exchange{
		Narrator: lesson.New(w),
		client: handshake.Client{
			URL:          &url.URL{Scheme: "ws", Host: "example.com", Path: "/chat"},
			Subprotocols: []string{"superchat", "chat"},
			Key:          "dGhlIHNhbXBsZSBub25jZQ==", // the one of the RFC, so that its numbers can be compared
		},
		server: handshake.Server{Subprotocols: []string{"chat"}},
	}
	e.Title("The opening handshake: from HTTP to WebSocket")
	for _, part := range []func() error{e.request, e.derivation, e.response, e.refusals, e.doubts} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (e *exchange) request() error {
	e.Step("The client asks")
	e.Say("A WebSocket begins as an HTTP request, so that it passes port 80 and 443 and shares a server with pages (RFC 6455, section 4.1). Upgrade and Connection ask for the change of protocol. Sec-WebSocket-Key is 16 random bytes in base64; here it is the example of section 1.3. The client offers two subprotocols, the better one first. On the right stands the section that asks for each line. On the wire each ends with 0d 0a, CR LF, and the empty one ends the head.")
	e.Space()
	request, err := e.client.AppendRequest(nil)
	if err != nil {
		return err
	}
	e.Head(strings.TrimSuffix(string(request), "\r\n"),
		lesson.Meaning{Line: "GET", Says: "the URL's path", Section: "4.1"},
		lesson.Meaning{Line: "Host:", Says: "whom it asks", Section: "4.1"},
		lesson.Meaning{Line: "Upgrade:", Says: "to which protocol", Section: "4.1"},
		lesson.Meaning{Line: "Connection:", Says: "for this hop only", Section: "4.1"},
		lesson.Meaning{Line: "Sec-WebSocket-Key:", Says: "to be proved", Section: "11.3.1"},
		lesson.Meaning{Line: "Sec-WebSocket-Version:", Says: "this RFC", Section: "11.3.5"},
		lesson.Meaning{Line: "Sec-WebSocket-Protocol:", Says: "what it offers", Section: "11.3.4"},
	)
	parsed, _, err := handshake.ParseRequest(request)
	if err != nil {
		return err
	}
	result, err := e.server.Check(parsed)
	if err != nil {
		return err
	}
	e.key = parsed.Header("Sec-WebSocket-Key")
	e.answer = e.server.AppendResponse(nil, parsed, result)
	return nil
}

func (e *exchange) derivation() error {
	e.Step("The server proves that it understood")
	e.Say("It takes the key as it stands in the request, appends a fixed GUID that no other protocol uses, hashes that with SHA-1, and answers with the hash in base64 (section 4.2.2). A server that only echoes headers, or a cache that repeats an old response, cannot do that. It is a proof of understanding, not of identity: that is what TLS is for.")
	e.Space()
	joined := e.key + handshake.GUID
	hash := sha1.Sum([]byte(joined))
	e.Show(fmt.Sprintf("key       %s\nGUID      %s\njoined    %s\n          %s\nSHA-1     % x\n          % x\nbase64    %s\n",
		e.key, handshake.GUID, joined[:40], joined[40:], hash[:10], hash[10:], base64.StdEncoding.EncodeToString(hash[:])))
	return nil
}

func (e *exchange) response() error {
	e.Step("The server accepts")
	e.Say("101 ends HTTP on this connection: after the empty line, all that follows is frames. The server speaks one of the subprotocols offered, or names none.")
	e.Space()
	e.Head(strings.TrimSuffix(string(e.answer), "\r\n"),
		lesson.Meaning{Line: "HTTP/1.1", Says: "yes", Section: "4.2.2"},
		lesson.Meaning{Line: "Upgrade:", Says: "to this protocol", Section: "4.2.2"},
		lesson.Meaning{Line: "Connection:", Says: "for this hop only", Section: "4.2.2"},
		lesson.Meaning{Line: "Sec-WebSocket-Accept:", Says: "the proof", Section: "11.3.3"},
		lesson.Meaning{Line: "Sec-WebSocket-Protocol:", Says: "what it chose", Section: "11.3.4"},
	)
	e.Space()
	response, _, err := handshake.ParseResponse(e.answer)
	if err != nil {
		return err
	}
	result, err := e.client.Check(response)
	if err != nil {
		return err
	}
	e.Say("The client checks every line of it and agrees: subprotocol %q.", result.Subprotocol)
	return nil
}

func (e *exchange) refusals() error {
	e.Step("The server refuses")
	e.Say("A refusal is plain HTTP, and says what was wrong (section 4.2.2). The connection ends with it.")
	good, err := e.client.AppendRequest(nil)
	if err != nil {
		return err
	}
	for _, r := range []struct{ why, old, new string }{
		{"Version 8 was a draft; the server names the one that it speaks (section 4.4):", "Version: 13", "Version: 8"},
		{"The key must be 16 bytes; this is 15 (section 4.2.1):", "dGhlIHNhbXBsZSBub25jZQ==", "MTIzNDU2Nzg5MDEyMzQ1"},
		{"A browser says which page asks. Another origin than the server's own is refused unless the server allows it, because the browser sends its user's cookies along (section 10.2):", "Upgrade: websocket", "Origin: https://evil.example\r\nUpgrade: websocket"},
	} {
		e.Space()
		e.Say("%s", r.why)
		parsed, _, err := handshake.ParseRequest([]byte(strings.Replace(string(good), r.old, r.new, 1)))
		if err == nil {
			_, err = e.server.Check(parsed)
		}
		var refusal *handshake.Error
		if !errors.As(err, &refusal) {
			return fmt.Errorf("the server did not refuse %q", r.new)
		}
		e.Head(string(refusal.AppendResponse(nil)),
			lesson.Meaning{Line: "HTTP/1.1", Says: "no", Section: refusal.Section},
			lesson.Meaning{Line: "Sec-WebSocket-Version:", Says: "what would do", Section: "11.3.5"},
		)
	}
	return nil
}

func (e *exchange) doubts() error {
	e.Step("The client refuses")
	e.Say("The client trusts the response no more than the server trusts the request (section 4.1).")
	for _, r := range []struct{ what, old, new string }{
		{"a proof for another key", "s3pP", "S3pP"},
		{"a subprotocol that nobody offered", "Protocol: chat", "Protocol: mail"},
		{"an extension that nobody offered", "Upgrade: websocket", "Sec-WebSocket-Extensions: foo\r\nUpgrade: websocket"},
	} {
		response, _, err := handshake.ParseResponse([]byte(strings.Replace(string(e.answer), r.old, r.new, 1)))
		if err == nil {
			_, err = e.client.Check(response)
		}
		if err == nil {
			return fmt.Errorf("the client did not refuse %s", r.what)
		}
		e.Space()
		e.Say("With %s: %v", r.what, err)
	}
	return nil
}
