package conn_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

var benchSizes = []int{16, 125, 1024, 16 << 10, 1 << 20}

// burst is as many equal frames as fill a read buffer, at least one.
func burst(role conn.Role, typ conn.MessageType, size int) []byte {
	h := frame.Header{FIN: true, Opcode: typ, Masked: role == conn.Server, Length: int64(size)}
	one := append(h.Append(nil), make([]byte, size)...)
	var wire []byte
	for len(wire)+len(one) <= 16<<10 || wire == nil {
		wire = append(wire, one...)
	}
	return wire
}

func BenchmarkMessages(b *testing.B) {
	for _, typ := range []conn.MessageType{conn.Binary, conn.Text} {
		for _, size := range benchSizes {
			b.Run(fmt.Sprint(typ, "/", size), func(b *testing.B) {
				ws := conn.New(&source{wire: burst(conn.Server, typ, size)}, conn.Server, handshake.Result{}, nil)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for _, err := range ws.Messages(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					if !b.Loop() {
						break
					}
				}
			})
		}
	}
}

func BenchmarkWriteMessage(b *testing.B) {
	for _, role := range []conn.Role{conn.Server, conn.Client} {
		for _, size := range benchSizes {
			b.Run(fmt.Sprint(role, "/", size), func(b *testing.B) {
				ws := conn.New(&source{wire: []byte{0}}, role, handshake.Result{}, nil)
				p, ctx := make([]byte, size), context.Background()
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := ws.WriteMessage(ctx, conn.Binary, p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// A burst is answered in place: read, buffered, and sent before the next read.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{16, 125, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ws := conn.New(&source{wire: burst(conn.Server, conn.Binary, size)}, conn.Server, handshake.Result{}, nil)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for msg, err := range ws.Messages(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				if err := ws.BufferMessage(msg.Type, msg.Data); err != nil {
					b.Fatal(err)
				}
				if !b.Loop() {
					break
				}
			}
		})
	}
}
