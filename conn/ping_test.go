package conn_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// Proves 5.5.2-2, 5.5.3-1 and 5.5.3-3: a ping of any size is answered with
// its payload; a pong that nobody asked for is nothing.
func TestPingAnswered(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, nil)
			out := collect(peer)
			var want []string
			go func() {
				for _, n := range []int{0, 1, 8, 125} {
					peer.Write(pingTo(role, strings.Repeat("p", n)))
					peer.Write(to(role, frame.Header{FIN: true, Opcode: frame.Pong}, strings.Repeat("q", n)))
				}
				peer.Write(textTo(role, "end"))
			}()
			for _, n := range []int{0, 1, 8, 125} {
				want = append(want, strings.TrimSpace("pong "+strings.Repeat("p", n)))
			}
			_, data, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "end", string(data))
			ws.CloseNow()
			require.Equal(t, want, frames(t, role, <-out))
		})
	}
}

// Proves 5.5.3-2: of pings that come while a write is stuck, the latest is
// answered.
func TestPingLatest(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, nil)
			wrote := make(chan error)
			go func() { wrote <- ws.WriteMessage(t.Context(), conn.Text, []byte("slow")) }()
			synctest.Wait() // it is stuck
			read := make(chan error)
			go func() {
				_, _, err := ws.ReadMessage(t.Context())
				read <- err
			}()
			peer.Write(bytes.Join([][]byte{pingTo(role, "a"), pingTo(role, "b"), pingTo(role, "c"), textTo(role, "")}, nil))
			require.NoError(t, <-read)
			out := collect(peer)
			require.NoError(t, <-wrote)
			synctest.Wait()
			ws.CloseNow()
			require.Equal(t, []string{"text slow", "pong c"}, frames(t, role, <-out))
		})
	}
}

// Proves 5.5.2-4: a ping goes out while idle, in the middle of a streamed
// message, and between the frames of a long one.
func TestPingAnytime(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, nil)
			other := conn.Server
			if role == conn.Server {
				other = conn.Client
			}
			echo := newPeer(t, peer, other)
			go ws.ReadMessage(t.Context())
			rtt, err := ws.Ping(t.Context())
			require.NoError(t, err)
			require.Zero(t, rtt)
			w, err := ws.NextWriter(t.Context(), conn.Text)
			require.NoError(t, err)
			_, err = io.WriteString(w, strings.Repeat("x", 5000))
			require.NoError(t, err)
			_, err = ws.Ping(t.Context())
			require.NoError(t, err)
			require.NoError(t, w.Close())
			require.Equal(t, 5000, len(<-echo))
			ws.CloseNow()
			_, err = ws.Ping(t.Context())
			require.Error(t, err)
		})
	}
}

// Proves 5.5.2-3: a ping that comes while a long message is being written is
// answered before its end.
func TestPongInsideMessage(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(role, &conn.Config{FrameSize: 16 << 10, MaxMessageSize: -1})
			go ws.WriteMessage(t.Context(), conn.Binary, make([]byte, 64<<10))
			go ws.ReadMessage(t.Context())
			synctest.Wait() // the first frame is stuck
			peer.Write(pingTo(role, "p"))
			synctest.Wait() // the pong waits for the first frame to leave
			out := collect(peer)
			synctest.Wait()
			ws.CloseNow()
			list := frames(t, role, <-out)
			at := -1
			for i, f := range list {
				if f == "pong p" {
					at = i
				}
			}
			require.Positive(t, at)
			require.Less(t, at, len(list)-1)
		})
	}
}

// Proves 7.1.7-6: a connection on which nothing happens stays, in both roles,
// as long as both ends read.
func TestIdleStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pipePair(nil)
		go server.ReadMessage(t.Context())
		got := make(chan string)
		go func() {
			_, data, _ := client.ReadMessage(t.Context())
			got <- string(data)
		}()
		time.Sleep(24 * time.Hour)
		require.NoError(t, server.WriteMessage(t.Context(), conn.Text, []byte("still here")))
		require.Equal(t, "still here", <-got)
		client.CloseNow()
		server.CloseNow()
	})
}
