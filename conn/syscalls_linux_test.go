package conn_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// On a socket, as the kernel counts them for a process that does nothing else:
// an echo of 64 pipelined messages is one write and one read, and a second read
// by which the runtime learns that it has to wait.
func TestPipelineKernelCalls(t *testing.T) {
	if os.Getenv("TEST_ECHO_CHILD") != "" {
		countingEcho(t)
		return
	}
	if _, err := os.ReadFile("/proc/self/io"); err != nil {
		t.Skip("this kernel doesn't count the calls of a process: ", err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestPipelineKernelCalls$")
	child.Env = append(os.Environ(), "TEST_ECHO_CHILD=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer child.Wait()
	defer child.Process.Kill()
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	nc, err := net.Dial("tcp", strings.TrimSpace(addr))
	require.NoError(t, err)
	ws := conn.New(nc, conn.Client, handshake.Result{}, nil)
	defer ws.CloseNow()

	count := func() (reads, writes int) {
		require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("count")))
		_, data, err := ws.ReadMessage(t.Context())
		require.NoError(t, err)
		_, err = fmt.Sscan(string(data), &reads, &writes)
		require.NoError(t, err)
		return reads, writes
	}
	const rounds, messages = 200, 64
	reads, writes := count()
	for range rounds {
		for range messages {
			require.NoError(t, ws.BufferMessage(conn.Binary, make([]byte, 100)))
		}
		require.NoError(t, ws.Flush(t.Context()))
		for range messages {
			_, _, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
		}
	}
	readsAfter, writesAfter := count()
	reads, writes = readsAfter-reads, writesAfter-writes
	t.Logf("%d echoes of %d messages: %d reads, %d writes", rounds, messages, reads, writes)
	// A third more for the counting itself, for what the runtime does beside,
	// and for bursts that came in two pieces.
	require.GreaterOrEqual(t, reads, rounds)
	require.Less(t, reads, 2*rounds+rounds/3)
	require.GreaterOrEqual(t, writes, rounds)
	require.Less(t, writes, rounds+rounds/3)
}

// countingEcho serves one connection, and tells whoever asks how many calls the
// process has made.
func countingEcho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fmt.Println(l.Addr())
	nc, err := l.Accept()
	require.NoError(t, err)
	ws := conn.New(nc, conn.Server, handshake.Result{}, nil)
	for msg, err := range ws.Messages(context.Background()) {
		if err != nil {
			return
		}
		if msg.Type == conn.Text {
			io, err := os.ReadFile("/proc/self/io")
			require.NoError(t, err)
			var reads, writes int
			_, err = fmt.Sscanf(string(io[strings.Index(string(io), "syscr"):]), "syscr: %d\nsyscw: %d", &reads, &writes)
			require.NoError(t, err)
			msg.Data = fmt.Append(nil, reads, " ", writes)
		}
		if err := ws.BufferMessage(msg.Type, msg.Data); err != nil {
			return
		}
	}
}
