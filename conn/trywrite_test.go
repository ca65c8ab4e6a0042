package conn_test

import (
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
)

func TestTryWrite(t *testing.T) {
	m, err := conn.Prepare(conn.Text, []byte("Hello"))
	require.NoError(t, err)
	piped, _ := raw(conn.Server, nil)
	ok, _, err := piped.TryWrite(m)
	require.NoError(t, err)
	require.False(t, ok, "a pipe can't be tried")

	if runtime.GOOS == "windows" {
		return
	}
	ws, err := conn.Dial(t.Context(), echoServer(t), nil)
	require.NoError(t, err)
	ok, whole, err := ws.TryWrite(m)
	require.NoError(t, err)
	require.True(t, ok && whole)
	_, p, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Hello", string(p))
	require.EqualValues(t, 1, ws.Stats().MessagesSent)

	require.NoError(t, ws.BufferMessage(conn.Text, []byte("before")))
	ok, _, err = ws.TryWrite(m)
	require.NoError(t, err)
	require.False(t, ok, "it would overtake what is buffered")
	require.NoError(t, ws.Flush(t.Context()))
	big, err := conn.Prepare(conn.Binary, make([]byte, 18<<10))
	require.NoError(t, err)
	ok, _, err = ws.TryWrite(big)
	require.NoError(t, err)
	require.False(t, ok, "it doesn't fit the buffer")
	require.EqualValues(t, 2, ws.Stats().MessagesSent)
	ws.CloseNow()
	_, _, err = ws.TryWrite(m)
	require.ErrorIs(t, err, net.ErrClosed)
}

// emptying is a compressor of which everything becomes nothing, and that calls
// before it does so.
type emptying struct{ call func() }

func (z emptying) Compress(dst, p []byte) ([]byte, error) {
	z.call()
	return append(dst, 0x00, 0x00, 0x00, 0xff, 0xff), nil
}
func (emptying) Reset() {}
func (emptying) Close() {}

// A ping that arrives during TryWrite is answered by somebody else: the socket
// is full, and the caller must not wait for the peer.
func TestTryWriteLeavesPongs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("TryWrite is for Unix systems")
	}
	// Of a Unix socket, because TCP takes more once the kernel has got round to it.
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	require.NoError(t, err)
	defer l.Close()
	peer, err := net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	defer peer.Close()
	nc, err := l.Accept()
	require.NoError(t, err)
	pinged := make(chan struct{}, 2)
	meanwhile := func() {
		// When the second is here, the first waits for an answer.
		peer.Write(unhex(t, "89 80 00 00 00 00  89 80 00 00 00 00"))
		<-pinged
		<-pinged
		nc.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		for err := error(nil); err == nil; { // until the kernel takes no more
			_, err = nc.Write(make([]byte, 64<<10))
		}
		nc.SetWriteDeadline(time.Time{})
	}
	ws := conn.New(nc, conn.Server, agreed(t, "permessage-deflate"), &conn.Config{
		KeepaliveInterval: -1,
		ControlTimeout:    time.Hour,
		OnPing:            func(*conn.Conn, []byte) { pinged <- struct{}{} },
		Compression: &deflate.Options{Threshold: -1, NewCompressor: func(int, int) deflate.Compressor {
			return emptying{meanwhile}
		}},
	})
	defer ws.CloseNow()
	go ws.ReadMessage(t.Context())
	defer time.AfterFunc(time.Minute, func() { ws.CloseNow() }).Stop() // instead of hanging
	m, err := conn.Prepare(conn.Binary, make([]byte, 100))
	require.NoError(t, err)
	ok, _, err := ws.TryWrite(m)
	require.NoError(t, err)
	require.False(t, ok)
	select {
	case <-ws.Done():
		t.Fatal("TryWrite has waited")
	default:
	}
	s := ws.Stats()
	require.Zero(t, s.MessagesSent)
	require.Zero(t, s.DeflatedFrom+s.DeflatedTo, "taken back")
}
