package reconnect_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/frame"
)

// Close flushes through an outage, and ends with the closing handshake.
func TestCloseFlushes(t *testing.T) {
	play(t, func(t *testing.T) {
		var got []string
		end := make(chan error, 1)
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			for {
				_, p, err := ws.ReadMessage(ctx)
				if err != nil {
					end <- err
					return
				}
				got = append(got, string(p))
			}
		})
		s.kill()
		client := start(t, s, reconnect.Config{})
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("a")))
		time.AfterFunc(time.Hour, s.up)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		require.NoError(t, client.Close(ctx))
		require.Equal(t, []string{"a"}, got)
		var closed *conn.CloseError
		require.ErrorAs(t, <-end, &closed)
		require.Equal(t, frame.StatusNormalClosure, closed.Code)
		require.ErrorIs(t, client.Err(), net.ErrClosed)
		require.NoError(t, client.Close(ctx), "again")
		require.ErrorIs(t, refused(client.Send(t.Context(), conn.Text, nil)), net.ErrClosed)
	})
}

// Close keeps its deadline against a server that answers nothing, in each
// phase, and nothing is left: play fails otherwise.
func TestCloseDeadline(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func() (*server, reconnect.Config)
		send  bool
		most  time.Duration
	}{
		{"connecting", func() (*server, reconnect.Config) {
			s := newServer(nil)
			s.serve = listen
			cfg := s.config()
			cfg.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return s, reconnect.Config{Conn: cfg}
		}, false, 0},
		{"OnConnect", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) }), reconnect.Config{
				OnConnect: func(ctx context.Context, ws *conn.Conn, _ *reconnect.Resume) error {
					<-ctx.Done()
					return context.Cause(ctx)
				}}
		}, false, time.Second}, // Config.CloseTimeout
		{"waiting", func() (*server, reconnect.Config) {
			s := newServer(listen)
			s.kill()
			return s, reconnect.Config{}
		}, false, 0},
		{"waiting with a message", func() (*server, reconnect.Config) {
			s := newServer(listen)
			s.kill()
			return s, reconnect.Config{}
		}, true, 10 * time.Second},
		{"a server that doesn't answer the Close frame", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) }), reconnect.Config{}
		}, false, time.Second}, // Config.CloseTimeout
		{"a server that doesn't read", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) }), reconnect.Config{}
		}, true, 10 * time.Second},
		{"a server that doesn't acknowledge", func() (*server, reconnect.Config) {
			return newServer(listen), reconnect.Config{Ack: ackOf}
		}, true, 10 * time.Second},
		{"an inbox that nobody empties", func() (*server, reconnect.Config) {
			return newServer(func(ctx context.Context, ws *conn.Conn) {
				for range 100 {
					ws.WriteMessage(ctx, conn.Text, []byte("{}"))
				}
				var e envelope
				if ws.ReadJSON(ctx, &e) == nil {
					ws.WriteJSON(ctx, envelope{Ack: e.ID})
				}
				listen(ctx, ws)
			}), reconnect.Config{Ack: ackOf, InboxMessages: 1}
		}, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				s, cfg := tt.setup()
				client := start(t, s, cfg)
				synctest.Wait()
				if tt.send {
					mustQueue(t)(client.SendItem(t.Context(), reconnect.Item{Type: conn.Text, Data: []byte(`{"id":"1"}`), ID: "1"}))
				}
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				begun := time.Now()
				err := client.Close(ctx)
				require.Equal(t, tt.most, time.Since(begun))
				if tt.most == 10*time.Second && tt.name != "a server that doesn't read" {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
				s.attempts()
				time.Sleep(time.Hour)
				require.Empty(t, s.attempts(), "no timer fires after Close")
			})
		})
	}
}

// A second Close waits for the first, and hastens it when its own context ends.
func TestCloseTwice(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		s.kill()
		client := start(t, s, reconnect.Config{})
		mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("a")))
		first := make(chan error, 1)
		go func() { first <- client.Close(t.Context()) }()
		synctest.Wait()
		cause := errors.New("no more time")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, cause)
		defer cancel()
		begun := time.Now()
		require.NoError(t, client.Close(ctx))
		require.Equal(t, time.Hour, time.Since(begun))
		var unsent *reconnect.UnsentError
		require.ErrorAs(t, <-first, &unsent)
		require.ErrorIs(t, unsent, cause)
		require.Len(t, unsent.Messages, 1)
	})
}

// Close cuts the goodbye short that the end of New's context has begun, when
// the server doesn't answer it.
func TestCloseAfterContext(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) })
		ctx, cancel := context.WithCancel(t.Context())
		client, err := reconnect.New(ctx, "ws://server.test/", &reconnect.Config{Conn: s.config()})
		require.NoError(t, err)
		require.NoError(t, client.Ready(t.Context()))
		cancel()
		begun := time.Now()
		require.NoError(t, client.Close(ctx))
		require.Zero(t, time.Since(begun))
		require.ErrorIs(t, client.Err(), context.Canceled)
		time.Sleep(time.Minute)
	})
}

// What was not begun when the context of New ends comes back, the rest is told
// to Trace.Failed; nothing is in both, or in neither.
func TestContextEndsWhileWriting(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) })
		ctx, cancel := context.WithCancel(t.Context())
		failed := 0
		client, err := reconnect.New(ctx, "ws://server.test/", &reconnect.Config{
			Conn:  s.config(),
			Trace: &reconnect.Trace{Failed: func(reconnect.Item) { failed++ }},
		})
		require.NoError(t, err)
		require.NoError(t, client.Ready(t.Context()))
		for range 10 {
			mustQueue(t)(client.Send(t.Context(), conn.Text, []byte("a")))
		}
		synctest.Wait() // net.Pipe: the first write waits for its reader
		cancel()
		err = client.Close(t.Context())
		var unsent *reconnect.UnsentError
		require.ErrorAs(t, err, &unsent)
		st := client.Stats()
		require.EqualValues(t, 10, st.Sent+st.Failed+int64(len(unsent.Messages)))
		require.EqualValues(t, st.Failed, failed)
		time.Sleep(time.Minute)
	})
}
