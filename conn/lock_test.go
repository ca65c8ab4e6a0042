package conn

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/handshake"
)

// The turn of a waiter who gives up is passed on, whichever of the two comes
// first, and never lost.
func TestLockPassesTurnOn(t *testing.T) {
	for range 100 { // which of two ready cases select takes is random
		synctest.Test(t, func(t *testing.T) {
			var l lock
			require.True(t, l.tryLock())
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan error, 1), make(chan error, 1)
			go func() { first <- l.lock(ctx) }()
			synctest.Wait()
			go func() { second <- l.lock(t.Context()) }()
			synctest.Wait()
			cancel()
			l.unlock()
			if <-first == nil {
				l.unlock()
			}
			require.NoError(t, <-second)
			l.unlock()
			require.True(t, l.tryLock())
		})
	}
}

// A pong that comes due while the lock is passed to a writer who gives up at
// that moment leaves nevertheless.
func TestPongOfWriterWhoGivesUp(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			ws := New(a, Server, handshake.Result{}, nil)
			require.True(t, ws.wr.lock.tryLock())
			ctx, cancel := context.WithCancel(t.Context())
			go ws.WriteMessage(ctx, Text, nil)
			synctest.Wait()
			cancel()
			ws.wr.lock.unlock() // as unlockWriter does when nothing is pending yet
			ws.answerPing(t.Context(), []byte("p"))
			got := make([]byte, 5)
			_, err := io.ReadFull(b, got[:3])
			require.NoError(t, err)
			if got[0] == 0x81 { // the message was sent after all, with the pong behind it
				got[0], got[1], got[2] = got[2], 0, 0
				_, err = io.ReadFull(b, got[1:3])
				require.NoError(t, err)
			}
			require.Equal(t, "\x8a\x01p", string(got[:3]))
			ws.CloseNow()
		})
	}
}

// A read that should let the buffer leave, and finds the lock held by who
// doesn't flush, leaves it to him.
func TestFlushLeftToHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		ws := New(a, Server, handshake.Result{}, &Config{KeepaliveInterval: -1})
		require.NoError(t, ws.BufferMessage(Text, []byte("x")))
		require.True(t, ws.wr.lock.tryLock())
		go ws.ReadMessage(t.Context())
		synctest.Wait()
		ws.unlockWriter()
		got := make([]byte, 3)
		_, err := io.ReadFull(b, got)
		require.NoError(t, err)
		require.Equal(t, "\x81\x01x", string(got))
		ws.CloseNow()
	})
}
