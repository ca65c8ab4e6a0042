package conn_test

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
	"github.com/seed24abed78/rfc6455/mask"
)

// roles are both ends, for tests of rules that hold for both.
var roles = []conn.Role{conn.Client, conn.Server}

// to returns a frame as the peer of role sends it.
func to(role conn.Role, h frame.Header, payload string) []byte {
	h.Length = int64(len(payload))
	if role == conn.Server {
		h.Masked, h.Key = true, mask.Key{0x37, 0xfa, 0x21, 0x3d}
	}
	b := h.Append(nil)
	n := len(b)
	b = append(b, payload...)
	mask.XOR(b[n:], b[n:], h.Key, 0)
	return b
}

func textTo(role conn.Role, s string) []byte {
	return to(role, frame.Header{FIN: true, Opcode: frame.Text}, s)
}

func pingTo(role conn.Role, s string) []byte {
	return to(role, frame.Header{FIN: true, Opcode: frame.Ping}, s)
}

func closeTo(role conn.Role, payload string) []byte {
	return to(role, frame.Header{FIN: true, Opcode: frame.Close}, payload)
}

// frames takes b apart into frames written as "text", "+text" for one that is
// not final, with the payload behind a space, and checks that they are whole
// and that they keep the rules for what role sends.
func frames(t *testing.T, role conn.Role, b []byte) []string {
	rules := frame.Validator{Role: conn.Client}
	if role == conn.Client {
		rules.Role = conn.Server
	}
	var list []string
	for len(b) > 0 {
		h, n, err := frame.ParseHeader(b)
		if err == nil {
			err = rules.Check(h)
		}
		if err != nil || n+int(h.Length) > len(b) {
			t.Fatalf("%v sent %x, not whole frames: %v", role, b, err)
		}
		p := append([]byte(nil), b[n:n+int(h.Length)]...)
		mask.XOR(p, p, h.Key, 0)
		b = b[n+int(h.Length):]
		s := h.Opcode.String()
		if !h.FIN {
			s = "+" + s
		}
		if h.Opcode == frame.Close && len(p) >= 2 {
			s += fmt.Sprintf(" %d", int(p[0])<<8|int(p[1]))
			p = p[2:]
		}
		if len(p) > 0 {
			s += " " + string(p)
		}
		list = append(list, s)
	}
	return list
}

// collect reads all that comes from the other end of a pipe.
func collect(peer net.Conn) <-chan []byte {
	out := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(peer)
		out <- b
	}()
	return out
}

// newPeer reads messages at the other end of a pipe, answers pings, and gives
// what it reads.
func newPeer(t *testing.T, nc net.Conn, role conn.Role) <-chan []byte {
	ws := conn.New(nc, role, handshake.Result{}, nil)
	messages := make(chan []byte, 10)
	go func() {
		for {
			_, p, err := ws.ReadMessage(t.Context())
			if err != nil {
				return
			}
			messages <- p
		}
	}()
	return messages
}
