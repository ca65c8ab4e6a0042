package conn_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
)

// A peer that answers for a while and then dies, at whatever moment, is found
// within interval and timeout of its last byte, whichever of the two is longer.
func TestKeepaliveFoundInTime(t *testing.T) {
	for _, cfg := range []conn.Config{
		{KeepaliveInterval: 20 * time.Second, KeepaliveTimeout: 7 * time.Second},
		{KeepaliveInterval: 7 * time.Second, KeepaliveTimeout: 20 * time.Second},
		{KeepaliveInterval: time.Second, KeepaliveTimeout: time.Minute},
	} {
		for dies := 60 * time.Second; dies < 100*time.Second; dies += 900 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				ws, peer, _ := watched(conn.Server, cfg)
				var last time.Time // when the peer sent its last byte
				died := time.Now().Add(dies)
				rec := &conntest.Recorder{OnFrame: func(f *conntest.Frame) {
					if f.Header.Opcode == frame.Ping && time.Now().Before(died) {
						last = time.Now()
						peer.Write(to(conn.Server, frame.Header{FIN: true, Opcode: frame.Pong}, string(f.Payload)))
					}
				}}
				go io.Copy(io.Discard, rec.Wrap(peer, conn.Client))
				_, _, err := ws.ReadMessage(t.Context())
				var dead *conn.KeepaliveError
				require.ErrorAs(t, err, &dead)
				silent := time.Since(last)
				require.Equal(t, silent, dead.Silence)
				require.LessOrEqual(t, silent, cfg.KeepaliveInterval+cfg.KeepaliveTimeout)
				require.GreaterOrEqual(t, silent, cfg.KeepaliveInterval*3/4+cfg.KeepaliveTimeout)
				peer.Close()
			})
		}
	}
}

// A peer that answers only the latest of several pings, as section 5.5.3 lets
// it, answers everybody who waits.
func TestPingsAnsweredByLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Client, &conn.Config{KeepaliveInterval: -1})
		go ws.ReadMessage(t.Context())
		var rec conntest.Recorder
		go io.Copy(io.Discard, rec.Wrap(peer, conn.Server))
		var callers sync.WaitGroup
		for range 3 {
			time.Sleep(time.Second)
			begun := time.Now()
			callers.Go(func() {
				rtt, err := ws.Ping(t.Context())
				require.NoError(t, err)
				require.Equal(t, time.Since(begun), rtt)
			})
		}
		gaveUp, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := ws.Ping(gaveUp) // which is the one that is answered
		require.ErrorIs(t, err, context.DeadlineExceeded)
		sent := rec.Frames()
		require.Len(t, sent, 4)
		peer.Write(to(conn.Client, frame.Header{FIN: true, Opcode: frame.Pong}, string(sent[3].Payload)))
		callers.Wait()
		ws.CloseNow()
		peer.Close()
	})
}

// Whatever way a large message is written, in either role, compressed or not,
// no frame is longer than FrameSize, and a ping that comes in the middle is
// answered before the end. Proves 5.4-2 and 5.5.2-3.
func TestFrameSizeEverywhere(t *testing.T) {
	const size, frameSize = 200 << 10, 10 << 10
	payload := make([]byte, size) // doesn't shrink
	for i := range payload {
		payload[i] = byte(i * i >> 7)
	}
	prepared, err := conn.Prepare(conn.Binary, payload)
	require.NoError(t, err)
	for name, write := range map[string]func(ctx context.Context, ws *conn.Conn) error{
		"WriteMessage": func(ctx context.Context, ws *conn.Conn) error { return ws.WriteMessage(ctx, conn.Binary, payload) },
		"BufferMessage": func(ctx context.Context, ws *conn.Conn) error {
			ws.BufferMessage(conn.Binary, payload)
			return ws.Flush(ctx)
		},
		"WritePrepared": func(ctx context.Context, ws *conn.Conn) error { return ws.WritePrepared(ctx, prepared) },
		"WriteBatch": func(ctx context.Context, ws *conn.Conn) error {
			_, err := ws.WriteBatch(ctx, []*conn.PreparedMessage{prepared})
			return err
		},
		"NextWriter": func(ctx context.Context, ws *conn.Conn) error {
			w, err := ws.NextWriter(ctx, conn.Binary)
			if err != nil {
				return err
			}
			if _, err := w.Write(payload); err != nil {
				return err
			}
			return w.Close()
		},
	} {
		for _, role := range roles {
			for _, extensions := range []string{"", "permessage-deflate"} {
				t.Run(fmt.Sprint(name, " ", role, " ", extensions), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						a, peer := net.Pipe()
						hs := noHandshake
						if extensions != "" {
							hs = agreed(t, extensions)
						}
						ws := conn.New(a, role, hs, &conn.Config{FrameSize: frameSize, KeepaliveInterval: -1})
						go ws.ReadMessage(t.Context())
						wrote := make(chan error)
						go func() { wrote <- write(t.Context(), ws) }()
						synctest.Wait() // the first frame is stuck
						peer.Write(pingTo(role, "p"))
						synctest.Wait()
						var rec conntest.Recorder
						go io.Copy(io.Discard, rec.Wrap(peer, opposite(role)))
						require.NoError(t, <-wrote)
						synctest.Wait()
						pongAt, last := -1, 0
						var got bytes.Buffer
						for i, f := range rec.Frames() {
							if f.Header.Opcode == frame.Pong {
								pongAt = i
								continue
							}
							require.LessOrEqual(t, f.Header.Length, int64(frameSize))
							got.Write(f.Payload)
							last = i
						}
						require.NotEqual(t, -1, pongAt)
						require.Less(t, pongAt, last, "of %d frames", len(rec.Frames()))
						if extensions == "" {
							require.True(t, bytes.Equal(payload, got.Bytes()))
						}
						ws.CloseNow()
						peer.Close()
					})
				})
			}
		}
	}
}

// A peer that sends and takes nothing is kept for as long as it sends, and what
// the keepalive wants to ask it doesn't pile up.
func TestKeepaliveOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, &lively)
		wrote := make(chan error)
		go func() { wrote <- ws.WriteMessage(t.Context(), conn.Text, []byte("stuck")) }()
		go func() {
			for {
				if _, _, err := ws.ReadMessage(t.Context()); err != nil {
					return
				}
			}
		}()
		for range 1000 {
			time.Sleep(interval + time.Second) // a question is open
			peer.Write(textTo(conn.Server, "x"))
		}
		out := collect(peer)
		require.NoError(t, <-wrote)
		synctest.Wait()
		ws.CloseNow()
		list := frames(t, conn.Server, <-out)
		require.Len(t, list, 2)
		require.Contains(t, list[1], "ping ")
	})
}

// After our Close frame no ping leaves, and a peer that doesn't end the
// connection is still found, for what it is.
func TestKeepaliveClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, &lively)
		out := collect(peer)
		require.NoError(t, ws.CloseWrite(1000, ""))
		begun := time.Now()
		_, _, err := ws.ReadMessage(t.Context())
		require.LessOrEqual(t, time.Since(begun), interval+limit)
		var dead *conn.KeepaliveError
		require.ErrorAs(t, err, &dead)
		require.True(t, dead.Closing)
		require.False(t, dead.Stuck)
		require.ErrorContains(t, err, "did not answer the Close frame")
		require.Equal(t, []string{"close 1000"}, frames(t, conn.Server, <-out))
	})
}
