package fuzz

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
	"github.com/seed24abed78/rfc6455/mask"
)

// feed is a transport whose peer sends in, in pieces, and then ends.
type feed struct {
	net.Conn
	in     []byte
	pieces func() int // the most that the next Read gives
	out    []byte
	closed bool
}

func (f *feed) Read(p []byte) (int, error) {
	if len(f.in) == 0 || f.closed {
		return 0, io.EOF
	}
	n := copy(p, f.in[:min(len(f.in), f.pieces())])
	f.in = f.in[n:]
	return n, nil
}

func (f *feed) Write(p []byte) (int, error) {
	f.out = append(f.out, p...)
	return len(p), nil
}

func (f *feed) Close() error                     { f.closed = true; return nil }
func (f *feed) SetDeadline(time.Time) error      { return nil }
func (f *feed) SetReadDeadline(time.Time) error  { return nil }
func (f *feed) SetWriteDeadline(time.Time) error { return nil }

// pieces returns sizes of reads that depend on seed alone.
func pieces(seed uint64) func() int {
	return func() int {
		seed = seed*6364136223846793005 + 1442695040888963407
		return 1 + int(seed>>33)%(1+int(seed>>60))
	}
}

func whole() int { return 1 << 30 }

// The ways to read messages.
var readers = []func(ws *conn.Conn) (conn.MessageType, []byte, error){
	func(ws *conn.Conn) (conn.MessageType, []byte, error) { return ws.ReadMessage(context.Background()) },
	func(ws *conn.Conn) (conn.MessageType, []byte, error) {
		for msg, err := range ws.Messages(context.Background()) {
			return msg.Type, append([]byte(nil), msg.Data...), err
		}
		return 0, nil, errors.New("no turn")
	},
	func(ws *conn.Conn) (conn.MessageType, []byte, error) {
		typ, r, err := ws.NextReader(context.Background())
		if err != nil {
			return 0, nil, err
		}
		var all []byte
		for p := make([]byte, 7); ; {
			n, err := r.Read(p)
			all = append(all, p[:n]...)
			if err == io.EOF {
				return typ, all, nil
			}
			if err != nil {
				return 0, nil, err
			}
		}
	},
}

// run gives the stream to a Conn, and returns what came of it.
func run(t *testing.T, role conn.Role, hs handshake.Result, in []byte, pieces func() int, how int) (outcome, error) {
	f := &feed{in: in, pieces: pieces}
	ws := conn.New(f, role, hs, &conn.Config{MaxMessageSize: maxMessage, MaxFragments: maxFragments})
	var out outcome
	for {
		typ, p, err := readers[how%len(readers)](ws)
		if err != nil {
			out.end = endCode(t, err)
			out.sent = sent(t, role, f.out)
			if !f.closed {
				t.Fatalf("%v, and the transport is open", err)
			}
			return out, err
		}
		out.messages = append(out.messages, typ.String()+":"+string(p))
	}
}

// endCode returns the code that the model has for err.
func endCode(t *testing.T, err error) int {
	var rule *frame.Error
	if errors.As(err, &rule) {
		return int(rule.Code)
	}
	var ce *conn.CloseError
	if !errors.As(err, &ce) {
		t.Fatalf("%v is neither a rule nor an end", err)
	}
	return int(ce.Code)
}

// sent takes apart what a Conn has sent, and checks that it was allowed to.
func sent(t *testing.T, role conn.Role, b []byte) []string {
	peer := frame.Validator{Role: conn.Client}
	if role == conn.Client {
		peer.Role = conn.Server
	}
	var list []string
	for len(b) > 0 {
		h, n, err := frame.ParseHeader(b)
		if err != nil || peer.Check(h) != nil || int64(len(b)-n) < h.Length {
			t.Fatalf("sent %x: %v", b, err)
		}
		p := append([]byte(nil), b[n:n+int(h.Length)]...)
		mask.XOR(p, p, h.Key, 0)
		if h.Opcode == frame.Close {
			p = p[:min(len(p), 2)]
		}
		list = append(list, h.Opcode.String()+":"+string(p))
		b = b[n+int(h.Length):]
	}
	return list
}

// anyStream: whatever the bytes and however they are cut, a Conn delivers the
// messages, sends the frames and ends with the code that the model says, and
// the error is the same for every way to cut.
func anyStream(t *testing.T, role conn.Role, m model, in []byte, seed uint64) {
	if len(in) > 1<<14 {
		return
	}
	m.server = role == conn.Server
	var hs handshake.Result
	if m.rsv == rsv1 {
		hs.Extensions = []handshake.Extension{deflateExtension(m.takeover)}
	}
	want := m.run(in)
	var first error
	for how := range readers {
		for _, cut := range []func() int{whole, func() int { return 1 }, pieces(seed)} {
			got, err := run(t, role, hs, in, cut, how)
			if first == nil {
				first = err
				if m.doomed && reflect.DeepEqual(got.messages, want.messages) {
					want = got // and so for every way to cut
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%x, reader %d: got %#v, the model says %#v; %v", in, how, got, want, err)
			}
			if err.Error() != first.Error() {
				t.Fatalf("%x, reader %d: %v, but before %v", in, how, err, first)
			}
		}
	}
}

// deflateExtension is permessage-deflate as it was agreed on.
func deflateExtension(takeover bool) handshake.Extension {
	e := handshake.Extension{Name: "permessage-deflate"}
	if !takeover {
		e.Params = []handshake.Param{{Name: "server_no_context_takeover"}, {Name: "client_no_context_takeover"}}
	}
	return e
}

func FuzzServerConn(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) { anyStream(t, conn.Server, model{}, in, seed) })
}

func FuzzClientConn(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) { anyStream(t, conn.Client, model{}, in, seed) })
}

// FuzzCompressedConn is the same with permessage-deflate. Where a compressed
// message is bad the model knows only that it isn't delivered; what the Conn
// says of it must not depend on the cuts.
func FuzzCompressedConn(f *testing.F) {
	f.Fuzz(func(t *testing.T, server, takeover bool, in []byte, seed uint64) {
		role := conn.Client
		if server {
			role = conn.Server
		}
		anyStream(t, role, model{rsv: rsv1, takeover: takeover}, in, seed)
	})
}
