package conn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/frame"
)

// big leaves as a fragment of its own.
var big = strings.Repeat("x", 5000)

// A streamed message whose context has ended before a fragment left is taken
// back, in whatever call of the writer or of another one that shows; the Conn
// stays usable, and nothing of the message is on the wire.
func TestStreamTakenBack(t *testing.T) {
	errGone := errors.New("gone")
	for name, give := range map[string]func(w io.WriteCloser) error{
		"never closed":   func(io.WriteCloser) error { return errGone },
		"closed":         func(w io.WriteCloser) error { return w.Close() },
		"closed twice":   func(w io.WriteCloser) error { w.Close(); return w.Close() },
		"fragment":       func(w io.WriteCloser) error { _, err := io.WriteString(w, big); return err },
		"fragment twice": func(w io.WriteCloser) error { io.WriteString(w, big); _, err := io.WriteString(w, "x"); return err },
	} {
		for _, role := range roles {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ws, peer := raw(role, nil)
					ctx, cancel := context.WithCancelCause(t.Context())
					w, err := ws.NextWriter(ctx, conn.Text)
					require.NoError(t, err)
					_, err = io.WriteString(w, "never sent")
					require.NoError(t, err)
					cancel(errGone)
					require.ErrorIs(t, give(w), errGone)
					out := collect(peer)
					require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("next")))
					w, err = ws.NextWriter(t.Context(), conn.Binary)
					require.NoError(t, err)
					require.NoError(t, w.Close())
					_, err = ws.NextWriter(ctx, conn.Text)
					require.ErrorIs(t, err, errGone)
					ws.CloseNow()
					require.Equal(t, []string{"text next", "binary"}, frames(t, role, <-out))
				})
			})
		}
	}
}

// Nor does a message stay that was cut in its first fragment, while nobody
// reads; what had been buffered before it does.
func TestStreamCutBeforeFragment(t *testing.T) {
	for _, role := range roles {
		for _, size := range []int{10, 5000, 20_000, 100_000} {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(role, nil)
				require.NoError(t, ws.BufferMessage(conn.Text, []byte("kept")))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				w, err := ws.NextWriter(ctx, conn.Text)
				require.NoError(t, err)
				_, err = w.Write(make([]byte, size))
				if err == nil {
					err = w.Close()
				}
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorIs(t, w.Close(), context.DeadlineExceeded)
				out := collect(peer)
				require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("next")))
				require.EqualValues(t, 2, ws.Stats().MessagesSent)
				ws.CloseNow()
				require.Equal(t, []string{"text kept", "text next"}, frames(t, role, <-out))
			})
		}
	}
}

// After a fragment has left, the end of the context fails the connection,
// whoever notices it: the message can be neither taken back nor finished.
func TestStreamCutAfterFragment(t *testing.T) {
	errGone := errors.New("gone")
	for name, give := range map[string]func(ws *conn.Conn, w io.WriteCloser) error{
		"close":    func(_ *conn.Conn, w io.WriteCloser) error { return w.Close() },
		"fragment": func(_ *conn.Conn, w io.WriteCloser) error { _, err := io.WriteString(w, big); return err },
		"other writer": func(ws *conn.Conn, _ io.WriteCloser) error {
			return ws.WriteMessage(context.Background(), conn.Text, nil)
		},
		"other stream": func(ws *conn.Conn, _ io.WriteCloser) error {
			_, err := ws.NextWriter(context.Background(), conn.Text)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(conn.Server, nil)
				out := collect(peer)
				ctx, cancel := context.WithCancelCause(t.Context())
				w, err := ws.NextWriter(ctx, conn.Binary)
				require.NoError(t, err)
				_, err = io.WriteString(w, big)
				require.NoError(t, err)
				cancel(errGone)
				err = give(ws, w)
				require.ErrorIs(t, err, errGone)
				require.ErrorContains(t, err, "after a part of it had left")
				var ce *conn.CloseError
				require.ErrorAs(t, err, &ce)
				require.Equal(t, frame.StatusAbnormalClosure, ce.Code)
				<-ws.Done()
				require.Error(t, w.Close())
				require.Equal(t, []string{"+binary " + big}, frames(t, conn.Server, <-out))
			})
		})
	}
}

// While somebody else holds the writer's lock, a stream whose context ends
// gives up too, and those who wait for its end get on.
func TestStreamGivesUpWaiting(t *testing.T) {
	for _, begun := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ws, peer := raw(conn.Server, &conn.Config{KeepaliveInterval: -1})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			w, err := ws.NextWriter(ctx, conn.Text)
			require.NoError(t, err)
			if begun {
				go peer.Read(make([]byte, 2*len(big)))
				_, err := io.WriteString(w, big)
				require.NoError(t, err)
			}
			// A ping that nobody reads holds the lock; two messages wait for the
			// stream to end.
			go ws.Ping(t.Context())
			var others sync.WaitGroup
			for range 2 {
				others.Go(func() {
					err := ws.WriteMessage(t.Context(), conn.Text, []byte("next"))
					require.Equal(t, begun, err != nil)
				})
			}
			synctest.Wait()
			require.ErrorIs(t, w.Close(), context.DeadlineExceeded)
			if begun {
				<-ws.Done()
			} else {
				out := collect(peer)
				others.Wait()
				ws.CloseNow()
				list := frames(t, conn.Server, <-out)
				require.Equal(t, []string{"text next", "text next"}, list[len(list)-2:])
			}
			others.Wait()
			peer.Close()
		})
	}
}

// Text that is none is refused by the Write that has it, or by Close when it is
// cut short, and the message isn't sent as if it were whole: it is taken back,
// or the peer is told that the fault is ours.
func TestStreamNotText(t *testing.T) {
	for _, text := range []string{"\xff", "\xc3"} {
		for _, begun := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				ws, peer := raw(conn.Server, nil)
				out := collect(peer)
				w, err := ws.NextWriter(t.Context(), conn.Text)
				require.NoError(t, err)
				want := []string{"text next"}
				if begun {
					_, err := io.WriteString(w, big)
					require.NoError(t, err)
					want = []string{"+text " + big, "close 1011"}
					go func() {
						time.Sleep(time.Second)
						peer.Write(closeTo(conn.Server, "\x03\xf3"))
						peer.Close()
					}()
				}
				if _, err = io.WriteString(w, text); err == nil {
					err = w.Close()
				}
				require.ErrorContains(t, err, "must be valid UTF-8")
				_, err = io.WriteString(w, "valid")
				require.ErrorContains(t, err, "must be valid UTF-8")
				require.ErrorContains(t, w.Close(), "must be valid UTF-8")
				err = ws.WriteMessage(t.Context(), conn.Text, []byte("next"))
				if begun {
					require.ErrorIs(t, err, net.ErrClosed)
				} else {
					require.NoError(t, err)
				}
				ws.CloseNow()
				require.Equal(t, want, frames(t, conn.Server, <-out))
			})
		}
	}
}

// What a compressed stream that is taken back has left in the window is
// forgotten, since the peer doesn't have it.
func TestCompressedStreamTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		hs, cfg := agreed(t, "permessage-deflate"), &conn.Config{Compression: &deflate.Options{Threshold: -1}}
		client, server := conn.New(a, conn.Client, hs, cfg), conn.New(b, conn.Server, hs, cfg)
		defer client.CloseNow()
		defer server.CloseNow()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			w, err := server.NextWriter(ctx, conn.Text)
			require.NoError(t, err)
			_, err = w.Write([]byte("taken back, and said again later" + big))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
			sent := make(chan error, 1)
			go func() { sent <- server.WriteMessage(t.Context(), conn.Text, []byte("said again later")) }()
			_, data, err := client.ReadMessage(t.Context())
			require.NoError(t, err)
			require.Equal(t, "said again later", string(data))
			require.NoError(t, <-sent)
		}
	})
}
