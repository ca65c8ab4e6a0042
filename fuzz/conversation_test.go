package fuzz

import (
	"bytes"
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/conn/deflate"
)

// script is a conversation, read from bytes: two bytes a message, for its type
// and way of sending, and for its size.
type script []byte

func (s script) messages() (list [][]byte) {
	for i := 0; i+1 < len(s) && len(list) < 32; i += 2 {
		size := int(s[i+1]) << (s[i] >> 5) // up to 32 KiB
		list = append(list, bytes.Repeat([]byte{byte(len(list)), s[i] & 0x7f}, size)[:size])
	}
	return list
}

func (s script) typ(i int) conn.MessageType {
	if s[2*i]&1 == 0 {
		return conn.Binary
	}
	return conn.Text // whose bytes are ASCII
}

func (s script) send(ctx context.Context, ws *conn.Conn) error {
	for i, p := range s.messages() {
		var err error
		switch s[2*i] >> 1 & 3 {
		case 0:
			err = ws.WriteMessage(ctx, s.typ(i), p)
		case 1:
			err = ws.BufferMessage(s.typ(i), p)
		case 2:
			w, werr := ws.NextWriter(ctx, s.typ(i))
			if werr != nil {
				return werr
			}
			half := len(p) / 2
			_, err = w.Write(p[:half])
			if err == nil {
				_, err = w.Write(p[half:])
			}
			if cerr := w.Close(); err == nil {
				err = cerr
			}
		default:
			if err = ws.WriteMessage(ctx, s.typ(i), p); err == nil {
				_, err = ws.Ping(ctx)
			}
		}
		if err != nil {
			return err
		}
	}
	return ws.Flush(ctx)
}

// FuzzConversation: a client sends messages in every way, and a server echoes
// them, over a pipe that cuts reads and writes short, delays them, keeps the
// end of the connection to itself, and breaks at some byte.
// What arrives is what was sent, in order and once, up to where it broke;
// everything when it didn't; nobody hangs; and the error says what broke.
func FuzzConversation(f *testing.F) {
	f.Fuzz(func(t *testing.T, plan []byte, maxRead, maxWrite, action uint8, at uint16, atWrite, atServer bool) {
		// The opening handshake passes; then the bytes are counted.
		later := conntest.Fault{MaxRead: int(maxRead), MaxWrite: int(maxWrite), DropClose: action&8 != 0}
		if action&16 != 0 {
			later.ReadDelay, later.WriteDelay = time.Millisecond, time.Millisecond
		}
		var compression *deflate.Options
		if action&32 != 0 {
			compression = &deflate.Options{ClientNoContextTakeover: action&64 != 0}
		}
		broken := conntest.Action(action & 7 % 5)
		if atWrite {
			later.Write = conntest.Trigger{Byte: int64(at), Do: broken}
		} else {
			later.Read = conntest.Trigger{Byte: int64(at), Do: broken}
		}
		synctest.Test(t, func(t *testing.T) {
			var faulty *conntest.FaultConn
			wrap := func(nc net.Conn) net.Conn {
				faulty = conntest.Fault{}.Wrap(nc)
				return faulty
			}
			o := &conntest.Options{Client: &conn.Config{FrameSize: 1000, Compression: compression}, Server: &conn.Config{FrameSize: -1, Compression: compression}}
			if atServer {
				o.WrapServer = wrap
			} else {
				o.WrapClient = wrap
			}
			converse(t, script(plan), o, func() { faulty.Set(later) }, broken == conntest.None && !later.DropClose)
			faulty.Conn.Close()
		})
	})
}

func converse(t *testing.T, s script, o *conntest.Options, breakIt func(), works bool) {
	server, client := conntest.Pair(o)
	breakIt()
	defer server.CloseNow()
	defer client.CloseNow()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // fake
	defer cancel()
	served := make(chan error, 1)
	go func() {
		for {
			typ, p, err := server.ReadMessage(ctx)
			if err == nil {
				err = server.WriteMessage(ctx, typ, p)
			}
			if err != nil {
				server.CloseNow()
				served <- err
				return
			}
		}
	}()
	wrote := make(chan error, 1)
	go func() { wrote <- s.send(ctx, client) }()

	want := s.messages()
	got := 0
	var readErr error
	for got < len(want) && readErr == nil {
		var typ conn.MessageType
		var p []byte
		if typ, p, readErr = client.ReadMessage(ctx); readErr == nil {
			if typ != s.typ(got) || !bytes.Equal(p, want[got]) {
				t.Fatalf("message %d is %v of %d bytes, want %v of %d", got, typ, len(p), s.typ(got), len(want[got]))
			}
			got++
		}
	}
	pong := make(chan struct{}) // the last Ping may wait for its pong
	go func() {
		client.ReadMessage(ctx)
		close(pong)
	}()
	if readErr != nil {
		client.CloseNow()
	}
	writeErr := <-wrote
	if works {
		if readErr != nil || writeErr != nil {
			t.Fatalf("nothing broke, and %d of %d messages came back: %v, %v", got, len(want), readErr, writeErr)
		}
		if err := client.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	client.CloseNow()
	<-pong
	serveErr := <-served
	for _, err := range []error{readErr, writeErr, serveErr} {
		if err != nil && !known(err) {
			t.Fatalf("an error hides its cause: %v", err)
		}
	}
}

// known reports whether an error says one of the things that can have happened.
func known(err error) bool {
	var ce *conn.CloseError
	for _, target := range []error{conntest.ErrFault, syscall.ECONNRESET, context.DeadlineExceeded, net.ErrClosed} {
		if errors.Is(err, target) {
			return true
		}
	}
	return errors.As(err, &ce)
}
