package conntest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// Both kinds of pipe, and one beneath a Fault that does nothing, behave as a
// net.Conn should.
func TestNetConn(t *testing.T) {
	for name, link := range map[string]conntest.Link{
		"buffered": {}, "small buffer": {Buffer: 7}, "unbuffered": {Buffer: -1}, "latency": {Latency: time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
				x, y := conntest.Pipe(link)
				return x, y, func() { x.Close(); y.Close() }, nil
			})
		})
		t.Run(name+" fault", func(t *testing.T) {
			nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
				x, y := conntest.Pipe(link)
				return conntest.Fault{MaxRead: 1000, MaxWrite: 1000}.Wrap(x), y, func() { x.Close(); y.Close() }, nil
			})
		})
	}
}

// A byte and the end of the stream both take the latency, to the instant.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conntest.Pipe(conntest.Link{Latency: 40 * time.Millisecond})
		begun := time.Now()
		_, err := a.Write([]byte("x"))
		require.NoError(t, err)
		require.Zero(t, time.Since(begun))
		require.NoError(t, a.CloseWrite())
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		require.Equal(t, "x", string(got))
		require.Equal(t, 40*time.Millisecond, time.Since(begun))
		_, err = b.Write([]byte("back"))
		require.NoError(t, err, "the other direction is open")
	})
}

func TestPipeEnds(t *testing.T) {
	a, b := conntest.Pipe(conntest.Link{})
	a.Write([]byte("lost"))
	a.Reset()
	_, err := b.Read(make([]byte, 4))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = b.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = a.Write(nil)
	require.ErrorIs(t, err, net.ErrClosed)

	a, b = conntest.Pipe(conntest.Link{})
	a.Close()
	_, err = b.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
	require.Equal(t, "memory", b.LocalAddr().Network())
	require.Equal(t, a.LocalAddr(), b.RemoteAddr())
}

// Each action at each byte of a write and of a read, in calls of any size: the
// bytes before it pass, and no more.
func TestFaultAtByte(t *testing.T) {
	const text = "0123456789"
	other := errors.New("other")
	for at := range len(text) {
		for _, size := range []int{0, 1, 3} {
			for _, trigger := range []conntest.Trigger{
				{Do: conntest.Error}, {Do: conntest.Error, Err: other}, {Do: conntest.Reset}, {Do: conntest.Stall}, {Do: conntest.Vanish},
			} {
				trigger.Byte = int64(at)
				synctest.Test(t, func(t *testing.T) {
					want := map[conntest.Action]error{conntest.Error: conntest.ErrFault, conntest.Reset: syscall.ECONNRESET,
						conntest.Stall: os.ErrDeadlineExceeded, conntest.Vanish: os.ErrDeadlineExceeded}[trigger.Do]
					if trigger.Err != nil {
						want = trigger.Err
					}

					a, b := conntest.Pipe(conntest.Link{})
					w := conntest.Fault{MaxWrite: size, Write: trigger}.Wrap(a)
					w.SetDeadline(time.Now().Add(time.Second))
					n, err := w.Write([]byte(text))
					if trigger.Do == conntest.Vanish {
						require.NoError(t, err)
						require.Equal(t, len(text), n)
					} else {
						require.ErrorIs(t, err, want)
						require.Equal(t, at, n)
					}
					w.Close()
					got, err := io.ReadAll(b)
					if trigger.Do == conntest.Reset {
						require.ErrorIs(t, err, syscall.ECONNRESET)
					} else {
						require.Equal(t, text[:at], string(got))
					}

					a, b = conntest.Pipe(conntest.Link{})
					b.Write([]byte(text))
					r := conntest.Fault{MaxRead: size, Read: trigger}.Wrap(a)
					r.SetReadDeadline(time.Now().Add(time.Second))
					got, err = io.ReadAll(r)
					require.ErrorIs(t, err, want)
					require.Equal(t, text[:at], string(got))
				})
			}
		}
	}
}

func TestFaultStallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conntest.Pipe(conntest.Link{})
		f := conntest.Fault{Read: conntest.Trigger{Do: conntest.Stall}, ReadDelay: time.Minute}.Wrap(a)
		b.Write([]byte("x"))
		begun := time.Now()
		time.AfterFunc(time.Hour, func() { f.Set(conntest.Fault{DropClose: true}) })
		n, err := f.Read(make([]byte, 9))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, time.Hour, time.Since(begun))

		time.AfterFunc(time.Hour, func() { f.Close() })
		_, err = f.Read(make([]byte, 9))
		require.Error(t, err)
		_, err = f.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = b.Write([]byte("the close was dropped"))
		require.NoError(t, err)
	})
}

func TestPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec conntest.Recorder
		server, client := conntest.Pair(&conntest.Options{
			Link:       conntest.Link{Latency: 25 * time.Millisecond},
			Server:     &conn.Config{Subprotocols: []string{"chat"}},
			Client:     &conn.Config{Subprotocols: []string{"other", "chat"}},
			WrapServer: rec.Server,
		})
		require.Equal(t, "chat", server.Subprotocol())
		require.Equal(t, "chat", client.Subprotocol())
		go server.ReadMessage(t.Context())
		go client.ReadMessage(t.Context())
		rtt, err := client.Ping(t.Context())
		require.NoError(t, err)
		require.Equal(t, 50*time.Millisecond, rtt)
		require.NoError(t, server.CloseWith(1001, "bye"))
		require.Equal(t, []string{
			"opening handshake: GET / HTTP/1.1",
			"opening handshake: HTTP/1.1 101 Switching Protocols",
			"ping, masked, 8 bytes: 00 00 00 00 00 00 00 01",
			"pong, 8 bytes: 00 00 00 00 00 00 00 01",
			`close, 5 bytes: 1001 (going away) "bye"`,
			"close, masked, 2 bytes: 1001 (going away)",
		}, what(&rec))
		<-client.Done()
		require.Equal(t, strings.Count(rec.String(), "\n"), 6)
		require.Contains(t, rec.String(), "  125ms  client → server  close, masked")
	})
}

func what(r *conntest.Recorder) (lines []string) {
	for _, f := range r.Frames() {
		lines = append(lines, f.What())
	}
	return lines
}

func TestPairPanics(t *testing.T) {
	require.PanicsWithValue(t, `conntest: Pair: websocket: Config.CloseTimeout is -1ns; it must be zero (for 5s) or positive`, func() {
		conntest.Pair(&conntest.Options{Client: &conn.Config{CloseTimeout: -1}})
	})
}

// The recorder tells frames from bytes, however they come.
func TestRecorder(t *testing.T) {
	wire := []byte("\x01\x03Hel\x89\x00\x80\x02lo" + // section 5.7: a fragmented message, a ping between
		"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" + // section 5.7: masked
		"\x82\x7e\x01\x00" + strings.Repeat("\xfe", 256) +
		"\xc1\x01\x00" +
		"\x88\x06\x03\xe8done" +
		"\x81\x7e\x00\x01x" + "after")
	want := []string{
		`text, more to come, 3 bytes: "Hel"`,
		`ping, 0 bytes`,
		`continuation, 2 bytes: "lo"`,
		`text, masked, 5 bytes: "Hello"`,
		`binary, 256 bytes: fe` + strings.Repeat(" fe", 31) + " …",
		`text, RSV 100, 1 byte: 00`,
		`close, 6 bytes: 1000 (normal closure) "done"`,
	}
	for _, size := range []int{0, 1, 7} {
		var rec conntest.Recorder
		seen := 0
		rec.OnFrame = func(*conntest.Frame) { seen++ }
		a, b := conntest.Pipe(conntest.Link{})
		b.Write(wire)
		b.Close()
		io.Copy(io.Discard, rec.Client(conntest.Fault{MaxRead: size}.Wrap(a)))
		got := what(&rec)
		require.Equal(t, want, got[:len(want)])
		require.Len(t, got, len(want)+1)
		require.Contains(t, got[len(want)], "not a frame")
		require.Equal(t, len(got), seen)
	}
}

func TestExplain(t *testing.T) {
	var rec conntest.Recorder
	a, _ := conntest.Pipe(conntest.Link{})
	nc := rec.Wrap(a, conn.Client)
	io.Copy(nc, bytes.NewReader([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"+
		"\x88\x06\x03\xe8done\x8a\x00\x02\x7e\x00\x80"+strings.Repeat("\xfe", 128))))
	var got string
	for _, f := range rec.Frames() {
		got += f.Explain()
	}
	require.Equal(t, `81                       FIN 1, RSV 000, opcode 1: text                5.6
85                       MASK 1, length code 5                         5.2
37 fa 21 3d              masking key                                   5.3
7f 9f 4d 51 58           payload, masked                               5.3
48 65 6c 6c 6f           unmasked: "Hello"                             5.6
88                       FIN 1, RSV 000, opcode 8: close               5.5.1
06                       MASK 0, length code 6                         5.2
03 e8                    payload: close code 1000 (normal closure)     7.4.1
64 6f 6e 65              reason "done"                                 7.1.6
8a                       FIN 1, RSV 000, opcode A: pong                5.5.3
00                       MASK 0, length code 0                         5.2
02                       FIN 0 (not last), RSV 000, opcode 2: binary   5.6
7e                       MASK 0, length code 126                       5.2
00 80                    extended length 128                           5.2
fe fe fe fe fe fe fe ..  payload: 128 bytes                            5.6
`, got)
}

// Nothing is left behind when both ends are closed.
func TestNoLeak(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		server, client := conntest.Pair(nil)
		go server.ReadMessage(t.Context())
		require.NoError(t, client.Close())
		<-server.Done()
	})
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestDraw(t *testing.T) {
	draw := func(role conn.Role, wire ...byte) string {
		near, far := conntest.Pipe(conntest.Link{Buffer: 1 << 20})
		defer far.Close()
		var r conntest.Recorder
		_, err := r.Wrap(near, role).Write(wire)
		require.NoError(t, err)
		return r.Frames()[0].Draw()
	}
	require.Equal(t, `
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-------+-+-------------+
|F|R|R|R|opcode |M| Payload len |
|1|0|0|0|1 0 1 0|0|0 0 0 0 0 0 0|
+-+-+-+-+-------+-+-------------+
`, "\n"+draw(conn.Server, 0x8a, 0))
	long := draw(conn.Client, append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, make([]byte, 65536)...)...)
	require.Contains(t, long, `
|F|R|R|R|opcode |M| Payload len |    Extended payload length    |
|1|0|0|0|0 0 1 0|1|1 1 1 1 1 1 1|0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0|
+-+-+-+-+-------+-+-------------+-------------------------------+
|               Extended payload length continued               |
`)
	require.Contains(t, long, "\nand 65530 bytes more\n") // 2 of them beside the key, 4 below
	for line := range strings.Lines(long) {
		require.LessOrEqual(t, len(line), 80)
	}
	require.Empty(t, draw(conn.Client, 0x81, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0), "not a frame")
}
