package reconnect_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// OnConnect is bounded, and its failure counts as a failed attempt.
func TestOnConnectTimeout(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		client := start(t, s, reconnect.Config{
			MaxAttempts:    2,
			ConnectTimeout: 3 * time.Second,
			OnConnect: func(ctx context.Context, ws *conn.Conn, _ *reconnect.Resume) error {
				_, _, err := ws.ReadMessage(ctx)
				return err
			},
		})
		<-client.Done()
		require.ErrorContains(t, client.Err(), "ConnectTimeout")
		require.Len(t, s.attempts(), 2)
		require.Zero(t, client.State().Connections)
	})
}

// An OnConnect that waits without its context is cut when ConnectTimeout is
// over, and when the Client closes.
func TestOnConnectHangs(t *testing.T) {
	hang := func(_ context.Context, ws *conn.Conn, _ *reconnect.Resume) error {
		_, _, err := ws.ReadMessage(context.Background())
		return err
	}
	t.Run("timeout", func(t *testing.T) {
		play(t, func(t *testing.T) {
			s := newServer(listen)
			client := start(t, s, reconnect.Config{MaxAttempts: 1, ConnectTimeout: 3 * time.Second, OnConnect: hang})
			begun := time.Now()
			<-client.Done()
			require.Equal(t, 3*time.Second, time.Since(begun))
			require.ErrorContains(t, client.Err(), "ConnectTimeout")
		})
	})
	t.Run("Close", func(t *testing.T) {
		play(t, func(t *testing.T) {
			s := newServer(func(ctx context.Context, ws *conn.Conn) { time.Sleep(time.Minute) }) // doesn't answer
			client := start(t, s, reconnect.Config{ConnectTimeout: -1, OnConnect: hang})
			time.Sleep(30 * time.Second)
			synctest.Wait()
			require.Equal(t, 1, client.State().Attempts, "no bound")
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			begun := time.Now()
			require.NoError(t, client.Close(ctx))
			require.Equal(t, time.Millisecond, time.Since(begun))
			time.Sleep(time.Minute) // the server's handler ends
		})
	})
	t.Run("an error that is permanent stays so", func(t *testing.T) {
		play(t, func(t *testing.T) {
			own := errors.New("no such user")
			client := start(t, newServer(listen), reconnect.Config{OnConnect: func(ctx context.Context, _ *conn.Conn, _ *reconnect.Resume) error {
				<-ctx.Done()
				return reconnect.Permanent(own)
			}})
			<-client.Done()
			require.ErrorIs(t, client.Err(), own)
		})
	})
	t.Run("success that is too late", func(t *testing.T) {
		play(t, func(t *testing.T) {
			client := start(t, newServer(listen), reconnect.Config{MaxAttempts: 1, OnConnect: func(ctx context.Context, _ *conn.Conn, _ *reconnect.Resume) error {
				<-ctx.Done()
				return nil
			}})
			<-client.Done()
			require.ErrorContains(t, client.Err(), "ConnectTimeout")
			require.Zero(t, client.State().Connections)
		})
	})
}

// A Dial of the application's that returns nothing is told so.
func TestDialReturnsNothing(t *testing.T) {
	play(t, func(t *testing.T) {
		client := start(t, newServer(listen), reconnect.Config{Dial: func(context.Context, string, *conn.Config) (*conn.Conn, error) { return nil, nil }})
		<-client.Done()
		require.ErrorContains(t, client.Err(), "Config.Dial")
	})
}

// What is waited for ends with the cause of the caller's context.
func TestCauses(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		s.kill()
		client := start(t, s, reconnect.Config{OutboxMessages: 1})
		cause := errors.New("the user has gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		require.ErrorIs(t, client.Ready(ctx), cause)
		mustQueue(t)(client.Send(ctx, conn.Text, nil))
		require.ErrorIs(t, refused(client.Send(ctx, conn.Text, nil)), cause)
		for _, err := range client.Messages(ctx) {
			require.ErrorIs(t, err, cause)
		}
		var unsent *reconnect.UnsentError
		require.ErrorAs(t, client.Close(ctx), &unsent)
		require.ErrorIs(t, unsent, cause)
	})
}

// Each change of state has its line, at its level, without what is secret.
func TestLog(t *testing.T) {
	play(t, func(t *testing.T) {
		var out strings.Builder
		s := newServer(listen)
		cfg := &reconnect.Config{
			Conn: s.config(),
			Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey || a.Key == "retry_in" {
					return slog.Attr{}
				}
				return a
			}})),
		}
		client, err := reconnect.New(t.Context(), "ws://server.test/feed?token=secret", cfg)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		s.kill()
		synctest.Wait()
		s.answer(&handshake.Error{Status: 401})
		<-client.Done()
		s.up()
		client, err = reconnect.New(t.Context(), "ws://server.test/", cfg)
		require.NoError(t, err)
		require.NoError(t, client.Ready(t.Context()))
		require.NoError(t, client.Close(t.Context()))
		var lines []string
		for line := range strings.Lines(out.String()) {
			level, rest, _ := strings.Cut(line, " msg=")
			message, _, _ := strings.Cut(rest, " url=")
			lines = append(lines, level+" "+message)
		}
		require.Equal(t, []string{
			`level=INFO "websocket open"`,
			`level=WARN "websocket lost or refused"`,
			`level=ERROR "websocket given up"`,
			`level=INFO "websocket open"`,
			`level=INFO "websocket closed"`,
		}, lines)
		require.NotContains(t, out.String(), "secret")
		require.Contains(t, out.String(), "url=ws://server.test/feed ")
	})
}

func TestWatch(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		client := start(t, s, reconnect.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		early := client.Watch(ctx)
		states := client.Watch(t.Context())
		slow := client.Watch(t.Context())
		require.Equal(t, reconnect.Connecting, (<-states).Phase)
		require.Equal(t, reconnect.Open, (<-states).Phase)
		cancel()
		synctest.Wait()
		for range early { // ends
		}
		for range 20 {
			s.kill()
			st := <-states
			require.Equal(t, reconnect.Waiting, st.Phase)
			s.up()
			st = <-states
			require.Equal(t, reconnect.Connecting, st.Phase)
			require.Equal(t, reconnect.Open, (<-states).Phase)
			time.Sleep(time.Minute)
		}
		require.NoError(t, client.Close(t.Context()))
		st := <-states
		require.Equal(t, reconnect.Closed, st.Phase)
		require.ErrorIs(t, st.Err, net.ErrClosed)
		_, ok := <-states
		require.False(t, ok)

		var seen []reconnect.State
		for st := range slow {
			seen = append(seen, st)
		}
		require.Len(t, seen, 16, "a watcher that is behind loses the oldest")
		require.Equal(t, reconnect.Closed, seen[15].Phase)
		late := client.Watch(t.Context())
		require.Equal(t, reconnect.Closed, (<-late).Phase)
		_, ok = <-late
		require.False(t, ok)
	})
}

// When the context of New ends, the server is told that the client goes away.
func TestContextEnds(t *testing.T) {
	play(t, func(t *testing.T) {
		got := make(chan error, 1)
		s := newServer(func(ctx context.Context, ws *conn.Conn) {
			_, _, err := ws.ReadMessage(ctx)
			got <- err
		})
		cause := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		client, err := reconnect.New(ctx, "ws://server.test/", &reconnect.Config{Conn: s.config()})
		require.NoError(t, err)
		require.NoError(t, client.Ready(t.Context()))
		cancel(cause)
		var e *conn.CloseError
		require.ErrorAs(t, <-got, &e)
		require.Equal(t, frame.StatusGoingAway, e.Code)
		<-client.Done()
		require.ErrorIs(t, client.Err(), cause)
	})
}
