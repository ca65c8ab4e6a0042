package reconnect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Proves 7.2.3-1, 7.2.3-2.
func TestStampede(t *testing.T) {
	const clients = 1000
	for _, outage := range []time.Duration{0, 20 * time.Second} {
		t.Run(fmt.Sprint("outage ", outage), func(t *testing.T) {
			play(t, func(t *testing.T) {
				s := newServer(listen)
				var mu sync.Mutex
				var back []time.Duration // when each came back, since the restart
				restart := time.Now().Add(24 * time.Hour)
				trace := &reconnect.Trace{State: func(st reconnect.State) {
					if st.Phase == reconnect.Open && st.Connections == 2 {
						mu.Lock()
						defer mu.Unlock()
						back = append(back, time.Since(restart))
					}
				}}
				for range clients {
					start(t, s, reconnect.Config{Trace: trace})
				}
				time.Sleep(time.Hour)
				s.kill()
				time.Sleep(outage)
				restart = time.Now()
				s.up()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				require.Len(t, back, clients)
				assertSpread(t, back)
			})
		})
	}
}

// assertSpread prints the histogram and wants no 100 ms to have more than 5%.
func assertSpread(t *testing.T, back []time.Duration) {
	slices.Sort(back)
	seconds := make(map[int]int)
	most, first := 0, 0 // first is the oldest of the 100 ms that end with d
	for i, d := range back {
		seconds[int(d/time.Second)]++
		for back[first] <= d-100*time.Millisecond {
			first++
		}
		most = max(most, i-first+1)
	}
	last := int(back[len(back)-1] / time.Second)
	var b strings.Builder
	for sec := range last + 1 {
		fmt.Fprintf(&b, "%3d s %4d %s\n", sec, seconds[sec], strings.Repeat("#", seconds[sec]/4))
	}
	t.Logf("reconnects after the restart, by the second; the fullest 100 ms has %.1f%%\n%s", 100*float64(most)/float64(len(back)), b.String())
	// With the default Base the mean of a window is 2% at most, 20 of 1,000. 50
	// would be nearly seven standard deviations off.
	require.LessOrEqual(t, float64(most), 0.05*float64(len(back)))
}

// The delays' bounds grow until a connection was stable, and begin anew then.
func TestReset(t *testing.T) {
	for _, tt := range []struct {
		name   string
		open   time.Duration // how long the connection lasts
		stable time.Duration
		want   int // State.Attempts while waiting after its end
	}{
		{"lost too soon", 30*time.Second - 1, 0, 5},
		{"stable", 30 * time.Second, 0, 0},
		{"a time of our own", 2 * time.Second, 2 * time.Second, 0},
		{"any connection will do", 0, -1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				s := newServer(func(ctx context.Context, ws *conn.Conn) {
					time.Sleep(tt.open)
				})
				s.kill()
				client := start(t, s, reconnect.Config{
					StableAfter: tt.stable,
					// All delays of retry n lie under 2^n s; the cap is out of the way.
					Backoff: reconnect.Backoff{Base: time.Second, Cap: time.Hour},
				})
				states := client.Watch(t.Context())
				for st := range states {
					if st.Phase == reconnect.Connecting && st.Attempts == 5 {
						break
					}
					if st.Phase == reconnect.Waiting && st.Attempts == 4 {
						s.up()
					}
				}
				st := <-states
				require.Equal(t, reconnect.Open, st.Phase)
				require.NoError(t, st.Err)
				st = <-states
				require.Equal(t, reconnect.Waiting, st.Phase)
				require.Equal(t, tt.want, st.Attempts)
				bound := time.Second
				if tt.want > 0 {
					bound <<= 4
				}
				require.Less(t, st.Next.Sub(st.Since), bound)
				require.Error(t, st.Err)
			})
		})
	}
}

// Each delay lies under its bound, and over 200 clients the last of them
// comes near it: growth and jitter both are there.
func TestScheduleGrows(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		s.kill()
		var mu sync.Mutex
		longest := make(map[int]time.Duration) // by retry
		trace := &reconnect.Trace{State: func(st reconnect.State) {
			if st.Phase == reconnect.Waiting {
				mu.Lock()
				defer mu.Unlock()
				longest[st.Attempts-1] = max(longest[st.Attempts-1], st.Next.Sub(st.Since))
			}
		}}
		b := reconnect.Backoff{Base: time.Second, Cap: 8 * time.Second}
		for range 200 {
			start(t, s, reconnect.Config{Backoff: b, MaxAttempts: 6, Trace: trace})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, longest, 5)
		for n, d := range longest {
			require.Less(t, d, b.Bound(n))
			require.Greater(t, d, b.Bound(n)*4/5, "retry %d: of 200 draws one in the last fifth", n)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	header := func(v string) http.Header { return http.Header{"Retry-After": {v}} }
	const base = time.Second
	for _, tt := range []struct {
		name string
		e    *handshake.Error
		max  time.Duration
		want time.Duration // the floor of the delay
	}{
		{"503 with seconds", &handshake.Error{Status: 503, Header: header("120")}, 0, 2 * time.Minute},
		{"429 with seconds", &handshake.Error{Status: 429, Header: header("7")}, 0, 7 * time.Second},
		// Fake time begins at midnight UTC, 2000-01-01.
		{"a date", &handshake.Error{Status: 503, Header: header("Sat, 01 Jan 2000 00:00:30 GMT")}, 0, 30 * time.Second},
		{"a date that has passed", &handshake.Error{Status: 503, Header: header("Fri, 31 Dec 1999 00:00:30 GMT")}, 0, 0},
		{"nonsense", &handshake.Error{Status: 503, Header: header("-5")}, 0, 0},
		{"a date by the server's clock", &handshake.Error{Status: 503, Header: http.Header{
			"Date":        {"Mon, 03 Jan 2000 10:00:00 GMT"},
			"Retry-After": {"Mon, 03 Jan 2000 10:00:30 GMT"},
		}}, 0, 30 * time.Second},
		{"a Date that is none", &handshake.Error{Status: 503, Header: http.Header{
			"Date":        {"today"},
			"Retry-After": {"Sat, 01 Jan 2000 00:00:30 GMT"},
		}}, 0, 30 * time.Second},
		{"none", &handshake.Error{Status: 503}, 0, 0},
		{"more than a number holds", &handshake.Error{Status: 503, Header: header("99999999999999999999")}, 0, reconnect.DefaultMaxRetryAfter},
		{"another status", &handshake.Error{Status: 500, Header: header("120")}, 0, 0},
		{"more than the default limit", &handshake.Error{Status: 503, Header: header("999999")}, 0, reconnect.DefaultMaxRetryAfter},
		{"more than our limit", &handshake.Error{Status: 503, Header: header("60")}, 10 * time.Second, 10 * time.Second},
		{"ignored", &handshake.Error{Status: 503, Header: header("60")}, -1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				s := newServer(listen)
				s.answer(tt.e)
				client := start(t, s, reconnect.Config{Backoff: reconnect.Backoff{Base: base}, MaxRetryAfter: tt.max})
				synctest.Wait()
				st := client.State()
				require.Equal(t, reconnect.Waiting, st.Phase)
				var refusal *handshake.Error
				require.ErrorAs(t, st.Err, &refusal)
				require.Equal(t, tt.e.Status, refusal.Status)
				delay := st.Next.Sub(st.Since)
				require.GreaterOrEqual(t, delay, tt.want)
				require.Less(t, delay, tt.want+base)

				// A wake-up does not shorten what the server asked for.
				s.up()
				client.Wake()
				time.Sleep(max(0, tt.want-1))
				synctest.Wait()
				if tt.want > 0 {
					require.Equal(t, reconnect.Waiting, client.State().Phase)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				require.Equal(t, reconnect.Open, client.State().Phase)
			})
		})
	}
}

// A proxy that refuses for a while is heeded as a server is.
func TestRetryAfterOfProxy(t *testing.T) {
	play(t, func(t *testing.T) {
		client := start(t, newServer(listen), reconnect.Config{
			Backoff: reconnect.Backoff{Base: time.Second},
			Dial: func(context.Context, string, *conn.Config) (*conn.Conn, error) {
				return nil, fmt.Errorf("dial: %w", &conn.ProxyError{Status: 503, Header: http.Header{"Retry-After": {"120"}}})
			},
		})
		synctest.Wait()
		st := client.State()
		require.Equal(t, reconnect.Waiting, st.Phase)
		require.GreaterOrEqual(t, st.Next.Sub(st.Since), 2*time.Minute)
	})
}

// A failure that is fatal is the last, whether the handshake was refused or
// the connection closed.
func TestFatal(t *testing.T) {
	own := errors.New("wrong password")
	for _, tt := range []struct {
		name  string
		s     func() *server
		cfg   reconnect.Config
		check func(t *testing.T, err error)
	}{
		{"401", func() *server {
			s := newServer(listen)
			s.answer(&handshake.Error{Status: 401})
			return s
		}, reconnect.Config{}, func(t *testing.T, err error) {
			var e *handshake.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, 401, e.Status)
		}},
		{"1008", func() *server {
			return newServer(func(ctx context.Context, ws *conn.Conn) { ws.CloseWith(1008, "no") })
		}, reconnect.Config{}, func(t *testing.T, err error) {
			var e *conn.CloseError
			require.ErrorAs(t, err, &e)
			require.Equal(t, frame.StatusPolicyViolation, e.Code)
		}},
		{"OnConnect", func() *server { return newServer(listen) }, reconnect.Config{
			OnConnect: func(context.Context, *conn.Conn, *reconnect.Resume) error { return reconnect.Permanent(own) },
			Fatal:     func(error) bool { return false },
		}, func(t *testing.T, err error) { require.ErrorIs(t, err, own) }},
		{"a function of our own", func() *server {
			return newServer(func(ctx context.Context, ws *conn.Conn) { ws.CloseWith(4321, "") })
		}, reconnect.Config{Fatal: func(err error) bool {
			var e *conn.CloseError
			return errors.As(err, &e) && e.Code == 4321
		}}, func(t *testing.T, err error) { require.ErrorContains(t, err, "4321") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(t *testing.T) {
				s := tt.s()
				client := start(t, s, tt.cfg)
				<-client.Done()
				require.Len(t, s.attempts(), 1)
				tt.check(t, client.Err())
				require.Equal(t, reconnect.Closed, client.State().Phase)
				tt.check(t, client.State().Err)
				for _, err := range client.Messages(t.Context()) {
					tt.check(t, err)
				}
				tt.check(t, refused(client.Send(t.Context(), conn.Text, nil)))
				if err := client.Ready(t.Context()); err != nil {
					tt.check(t, err)
				}
				require.NoError(t, client.Close(t.Context()))
				time.Sleep(time.Hour)
				require.Empty(t, s.attempts())
			})
		})
	}
}

// What is not fatal is tried again until it works.
func TestRetryable(t *testing.T) {
	for _, code := range []frame.CloseCode{1001, 1005, 1011, 1012, 1013} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			play(t, func(t *testing.T) {
				times := 0
				s := newServer(func(ctx context.Context, ws *conn.Conn) {
					if times++; times < 4 {
						ws.CloseWith(code, "")
						return
					}
					listen(ctx, ws)
				})
				client := start(t, s, reconnect.Config{})
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Equal(t, reconnect.Open, client.State().Phase)
				require.Equal(t, 4, client.State().Connections)
			})
		})
	}
}

func TestGiveUp(t *testing.T) {
	t.Run("attempts", func(t *testing.T) {
		play(t, func(t *testing.T) {
			s := newServer(listen)
			s.kill()
			client := start(t, s, reconnect.Config{MaxAttempts: 7})
			<-client.Done()
			var e *reconnect.GiveUpError
			require.ErrorAs(t, client.Err(), &e)
			require.Equal(t, 7, e.Attempts)
			require.ErrorContains(t, e.Err, "refused")
			attempts := s.attempts()
			require.Len(t, attempts, 7)
			require.Zero(t, attempts[0], "the first attempt comes at once")
			require.Positive(t, attempts[1])
		})
	})
	t.Run("attempts are counted anew after a stable connection", func(t *testing.T) {
		play(t, func(t *testing.T) {
			s := newServer(listen)
			client := start(t, s, reconnect.Config{MaxAttempts: 3})
			time.Sleep(time.Minute)
			s.kill()
			<-client.Done()
			require.Len(t, s.attempts(), 1+3)
		})
	})
	t.Run("time", func(t *testing.T) {
		play(t, func(t *testing.T) {
			s := newServer(listen)
			s.kill()
			client := start(t, s, reconnect.Config{MaxElapsed: 10 * time.Minute})
			begun := time.Now()
			<-client.Done()
			var e *reconnect.GiveUpError
			require.ErrorAs(t, client.Err(), &e)
			// It doesn't wait for an attempt that would come too late.
			require.LessOrEqual(t, time.Since(begun), 10*time.Minute)
			require.Greater(t, time.Since(begun), 10*time.Minute-reconnect.DefaultBackoffCap)
			require.Equal(t, time.Since(begun), e.Elapsed)
		})
	})
}

func TestWake(t *testing.T) {
	play(t, func(t *testing.T) {
		s := newServer(listen)
		client := start(t, s, reconnect.Config{Backoff: reconnect.Backoff{Base: time.Hour}})
		client.Wake() // during an attempt: of no use to it
		synctest.Wait()
		s.kill()
		synctest.Wait()
		st := client.State()
		require.Equal(t, reconnect.Waiting, st.Phase, "a Wake before the connection opened does not count")
		s.up()
		now := time.Now()
		client.Wake()
		require.NoError(t, client.Ready(t.Context()))
		require.Equal(t, now, time.Now())

		client.Wake() // on an open connection: nothing
		synctest.Wait()
		s.kill()
		synctest.Wait()
		require.Equal(t, reconnect.Waiting, client.State().Phase, "everybody who was awake would come back at once")
		require.Equal(t, 2, client.State().Attempts)
		for range 10 { // the first ends this wait, and the others the one after it
			client.Wake()
		}
		synctest.Wait()
		require.Equal(t, reconnect.Waiting, client.State().Phase)
		require.Equal(t, 4, client.State().Attempts)
	})
}
