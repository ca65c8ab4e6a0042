package conn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

const (
	interval = 20 * time.Second
	limit    = 7 * time.Second
)

var noHandshake handshake.Result

var lively = conn.Config{KeepaliveInterval: interval, KeepaliveTimeout: limit}

// watched returns a Conn of the role with a keepalive, the bare other end, and
// what goes over the wire.
func watched(role conn.Role, cfg conn.Config) (*conn.Conn, net.Conn, *conntest.Recorder) {
	a, b := conntest.Pipe(conntest.Link{})
	rec := new(conntest.Recorder)
	return conn.New(rec.Wrap(a, role), role, noHandshake, &cfg), b, rec
}

// pings returns when each ping left since begun.
func pingTimes(ch <-chan time.Time, begun time.Time) (at []time.Duration) {
	for {
		select {
		case t := <-ch:
			at = append(at, t.Sub(begun))
		default:
			return at
		}
	}
}

// notePings reads everything from nc and reports when a ping came. It answers
// nothing.
func notePings(nc net.Conn) <-chan time.Time {
	at := make(chan time.Time, 1000)
	rec := &conntest.Recorder{OnFrame: func(f *conntest.Frame) {
		if f.Header.Opcode == frame.Ping {
			at <- time.Now()
		}
	}}
	go io.Copy(io.Discard, rec.Wrap(nc, conn.Client))
	return at
}

// A silent peer is found KeepaliveTimeout after a ping, to the instant, and
// the ping leaves in the last quarter of the interval. Proves 5.5.2-4.
func TestKeepaliveSilentPeer(t *testing.T) {
	for _, role := range []conn.Role{conn.Server, conn.Client} {
		synctest.Test(t, func(t *testing.T) {
			ws, peer, _ := watched(role, lively)
			pinged := notePings(peer)
			begun := time.Now()
			_, _, err := ws.ReadMessage(t.Context())
			found := time.Since(begun)
			pings := pingTimes(pinged, begun)
			require.Len(t, pings, 1)
			require.GreaterOrEqual(t, pings[0], interval*3/4)
			require.LessOrEqual(t, pings[0], interval)
			require.Equal(t, pings[0]+limit, found)

			var dead *conn.KeepaliveError
			require.ErrorAs(t, err, &dead)
			require.Equal(t, found, dead.Silence)
			require.Zero(t, dead.RTT)
			require.False(t, dead.Stuck)
			require.True(t, dead.Timeout())
			require.ErrorContains(t, err, "b was silent for")
			var ce *conn.CloseError
			require.ErrorAs(t, err, &ce)
			require.Equal(t, frame.StatusAbnormalClosure, ce.Code)
			_, err = peer.Write([]byte{0})
			require.Error(t, err, "the transport is closed")
			peer.Close()
		})
	}
}

// One byte of a frame, other frames, and pongs that answer nothing are all
// life: a peer that never answers a ping is kept while they come.
func TestKeepaliveAnyByteIsLife(t *testing.T) {
	for name, wire := range map[string]string{
		"data":             "82 00",
		"unsolicited pong": "8a 00", // 5.5.3-3
		"ping":             "89 00",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws, peer, _ := watched(conn.Client, lively)
				pinged := notePings(peer)
				begun := time.Now()
				go func() {
					for range 100 {
						time.Sleep(interval) // longer than a ping waits, shorter than the limit
						for _, b := range unhex(t, wire) {
							peer.Write([]byte{b})
							time.Sleep(limit / 4)
						}
					}
					peer.Close()
				}()
				for {
					_, _, err := ws.ReadMessage(t.Context())
					if err != nil {
						require.ErrorIs(t, err, io.ErrUnexpectedEOF)
						break
					}
				}
				require.Greater(t, time.Since(begun), 100*interval)
				require.NotEmpty(t, pingTimes(pinged, begun))
			})
		})
	}
}

// A pong that is late is no reason to fail when other frames came, and the
// round trip counts when it comes.
func TestKeepaliveLatePong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer, rec := watched(conn.Client, lively)
		pinged := notePings(peer)
		go ws.ReadMessage(t.Context())
		<-pinged
		time.Sleep(limit - 1)
		peer.Write(unhex(t, "89 00")) // life
		time.Sleep(limit - 1)
		for _, f := range rec.Frames() {
			if f.Header.Opcode == frame.Ping {
				peer.Write((&frame.Header{FIN: true, Opcode: frame.Pong, Length: 8}).Append(nil))
				peer.Write(f.Payload)
			}
		}
		synctest.Wait()
		select {
		case <-ws.Done():
			t.Fatal("the peer was blamed")
		default:
		}
		require.Equal(t, 2*limit-2, ws.Stats().RTT)
		require.Equal(t, 2*limit-2, ws.Stats().SmoothedRTT)
		ws.CloseNow()
	})
}

// A peer that answers is kept for ever, its round trip is in Stats, and in the
// error when it dies at last.
func TestKeepaliveRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 30 * time.Millisecond
		var cut *conntest.FaultConn
		server, client := conntest.Pair(&conntest.Options{
			Link:       conntest.Link{Latency: latency},
			Server:     &lively,
			Client:     &conn.Config{KeepaliveInterval: -1},
			WrapServer: func(nc net.Conn) net.Conn { cut = conntest.Fault{}.Wrap(nc); return cut },
		})
		go client.ReadMessage(context.Background())
		ended := make(chan error)
		go func() {
			_, _, err := server.ReadMessage(context.Background())
			ended <- err
		}()
		time.Sleep(100 * interval)
		require.Equal(t, 2*latency, server.Stats().RTT)
		require.InDelta(t, 2*latency, server.Stats().SmoothedRTT, 10)
		died := time.Now()
		cut.Set(conntest.Fault{Read: conntest.Trigger{Do: conntest.Vanish}, Write: conntest.Trigger{Do: conntest.Vanish}})
		err := <-ended
		var dead *conn.KeepaliveError
		require.ErrorAs(t, err, &dead)
		require.Equal(t, 2*latency, dead.RTT)
		require.LessOrEqual(t, time.Since(died), interval+limit)
		require.ErrorContains(t, err, "its last round trip took 60ms")
		require.ErrorContains(t, err, "the client ")
		client.CloseNow()
	})
}

// While our handler is busy for hours, nobody is blamed; pings go out all the
// same, for the proxies on the way.
func TestKeepaliveSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer, _ := watched(conn.Server, lively)
		pinged := notePings(peer)
		go peer.Write(unhex(t, "81 80 00 00 00 00"))
		_, _, err := ws.ReadMessage(t.Context())
		require.NoError(t, err)
		begun := time.Now()
		time.Sleep(time.Hour)
		at := pingTimes(pinged, begun)
		last := time.Duration(0)
		for _, a := range append(at, time.Hour) {
			require.LessOrEqual(t, a-last, interval*3/2)
			last = a
		}
		// Silence is measured from when the next read waits.
		begun = time.Now()
		_, _, err = ws.ReadMessage(t.Context())
		var dead *conn.KeepaliveError
		require.ErrorAs(t, err, &dead)
		require.GreaterOrEqual(t, time.Since(begun), interval*3/4+limit)
		require.LessOrEqual(t, time.Since(begun), interval+limit)
		peer.Close()
	})
}

// Reads that contexts cut add up: polling doesn't hide a dead peer, and the
// time between the polls isn't held against it.
func TestKeepalivePolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer, _ := watched(conn.Server, lively)
		notePings(peer)
		begun := time.Now()
		waited := time.Duration(0)
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			before := time.Now()
			_, _, err := ws.ReadMessage(ctx)
			waited += time.Since(before)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				var dead *conn.KeepaliveError
				require.ErrorAs(t, err, &dead)
				require.Equal(t, waited, dead.Silence)
				break
			}
			time.Sleep(3 * time.Second)
		}
		require.LessOrEqual(t, waited, interval+limit)
		require.Greater(t, time.Since(begun), 3*waited)
		peer.Close()
	})
}

// A writer that is stuck holds neither the timer's goroutine nor the verdict:
// the ping waits behind it, and the peer takes no byte.
func TestKeepaliveStuckWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, &lively) // without a buffer, and nobody reads there
		wrote := make(chan error)
		go func() { wrote <- ws.WriteMessage(context.Background(), conn.Text, []byte("stuck")) }()
		begun := time.Now()
		_, _, err := ws.ReadMessage(t.Context())
		var dead *conn.KeepaliveError
		require.ErrorAs(t, err, &dead)
		require.True(t, dead.Stuck)
		require.ErrorContains(t, err, "takes no data")
		require.LessOrEqual(t, time.Since(begun), interval+limit)
		require.ErrorAs(t, <-wrote, &dead)
		peer.Close()
	})
}

// Two ends that both wait in a read for the other to take what is buffered
// don't wait for ever.
func TestKeepaliveBothFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		begun := time.Now()
		var all sync.WaitGroup
		for _, ws := range []*conn.Conn{conn.New(a, conn.Server, noHandshake, &lively), conn.New(b, conn.Client, noHandshake, &conn.Config{KeepaliveInterval: -1})} {
			require.NoError(t, ws.BufferMessage(conn.Text, []byte("stuck")))
			all.Go(func() {
				_, _, err := ws.ReadMessage(context.Background())
				require.Error(t, err)
			})
		}
		all.Wait()
		require.LessOrEqual(t, time.Since(begun), interval+limit)
	})
}

// A peer that takes nothing isn't blamed while we don't read, for hours; the
// pings that it doesn't take stop neither the next read nor the next write.
func TestKeepaliveStuckPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, &lively)
		time.Sleep(100 * interval)
		go peer.Write(unhex(t, "81 80 00 00 00 00"))
		_, _, err := ws.ReadMessage(t.Context())
		require.NoError(t, err)
		go io.Copy(io.Discard, peer)
		require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, nil))
		ws.CloseNow()
		peer.Close()
	})
}

// A peer that is slow to take a large message, and silent meanwhile, isn't
// blamed as long as it takes some. The keepalive's ping goes between frames.
func TestKeepaliveSlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := lively
		cfg.FrameSize = 20 << 10
		ws, peer := raw(conn.Server, &cfg)
		begun := time.Now()
		go ws.ReadMessage(t.Context())
		wrote := make(chan error)
		go func() { wrote <- ws.WriteMessage(context.Background(), conn.Binary, make([]byte, 400<<10)) }()
		var rec conntest.Recorder
		rec.OnFrame = func(f *conntest.Frame) {
			if f.Header.Opcode == frame.Ping {
				go peer.Write(append((&frame.Header{FIN: true, Opcode: frame.Pong, Masked: true, Length: 8}).Append(nil), f.Payload...))
			}
		}
		slow := rec.Wrap(peer, conn.Client)
		var reader sync.WaitGroup
		defer reader.Wait()
		reader.Go(func() {
			for { // 4 KiB/s: each frame takes 5 s, the message longer than interval and limit
				if _, err := slow.Read(make([]byte, 5<<10)); err != nil {
					return
				}
				time.Sleep(5 * time.Second / 4)
			}
		})
		require.NoError(t, <-wrote)
		require.Greater(t, time.Since(begun), interval+limit)
		var kinds []frame.Opcode
		for _, f := range rec.Frames() {
			kinds = append(kinds, f.Header.Opcode)
		}
		require.Contains(t, kinds[:len(kinds)-1], frame.Ping)
		ws.CloseNow()
		peer.Close()
	})
}

// Ten thousand connections' keepalives take no goroutine, and don't fire
// together.
func TestKeepaliveManyConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := 10_000
		if raceEnabled { // which makes fake time slow, and counts no differently
			conns = 1000
		}
		before := runtime.NumGoroutine()
		all := make([]*conn.Conn, conns)
		var mu sync.Mutex
		when := make(map[time.Duration]int)
		begun := time.Now()
		for i := range all {
			all[i] = conn.New(&sink{write: func(p []byte) {
				mu.Lock()
				defer mu.Unlock()
				when[time.Since(begun)/time.Second]++
			}}, conn.Server, noHandshake, &lively)
		}
		require.Less(t, runtime.NumGoroutine(), before+conns/100)
		time.Sleep(interval)
		synctest.Wait()
		require.Less(t, runtime.NumGoroutine(), before+conns/100)
		mu.Lock()
		sum := 0
		for second, n := range when {
			require.GreaterOrEqual(t, second, 15*time.Nanosecond)
			require.Less(t, n, conns/4, "pings in second %d", second)
			sum += n
		}
		mu.Unlock()
		require.GreaterOrEqual(t, sum, conns)
		for _, ws := range all {
			ws.CloseNow()
		}
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		for second := range when {
			require.LessOrEqual(t, second, interval/time.Second, "timers end with their Conns")
		}
	})
}

// sink takes what is written, and has nothing to read.
type sink struct {
	net.Conn
	write func([]byte)
}

func (s *sink) Write(p []byte) (int, error)      { s.write(p); return len(p), nil }
func (s *sink) Close() error                     { return nil }
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// Switched off, the keepalive sends nothing, ever. Proves 7.1.7-6.
func TestKeepaliveOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer, rec := watched(conn.Client, conn.Config{KeepaliveInterval: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 1000*time.Hour)
		defer cancel()
		_, _, err := ws.ReadMessage(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, rec.Frames())
		ws.CloseNow()
		peer.Close()
	})
}

// Over real sockets a silent peer is found too: the reader parks in the
// poller, and not in Read.
func TestKeepaliveSocket(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer peer.Close()
	nc, err := l.Accept()
	require.NoError(t, err)
	ws := conn.New(nc, conn.Server, noHandshake, &conn.Config{KeepaliveInterval: time.Millisecond, KeepaliveTimeout: time.Millisecond})
	_, _, err = ws.ReadMessage(t.Context())
	var dead *conn.KeepaliveError
	require.ErrorAs(t, err, &dead)
	require.Contains(t, dead.Peer, peer.LocalAddr().String())
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

// Control frames go between the frames of a large message, though its writer
// holds the lock throughout. Proves 5.4-2, 5.5.2-3.
func TestControlOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, peer := raw(conn.Server, &conn.Config{FrameSize: 1 << 10, KeepaliveInterval: -1})
		go ws.ReadMessage(t.Context())
		wrote := make(chan error)
		go func() { wrote <- ws.WriteMessage(context.Background(), conn.Binary, make([]byte, 64<<10)) }()
		synctest.Wait() // the writer waits for a reader
		pinged := make(chan error)
		go func() {
			_, err := ws.Ping(t.Context())
			pinged <- err
		}()
		go peer.Write(unhex(t, "89 84 00 00 00 00 70 69 6e 67"))
		synctest.Wait()
		var rec conntest.Recorder
		rec.OnFrame = func(f *conntest.Frame) {
			if f.Header.Opcode == frame.Ping {
				go peer.Write(append((&frame.Header{FIN: true, Opcode: frame.Pong, Masked: true, Length: 8}).Append(nil), f.Payload...))
			}
		}
		go io.Copy(io.Discard, rec.Wrap(peer, conn.Client))
		require.NoError(t, <-pinged)
		require.NoError(t, <-wrote)
		synctest.Wait()
		var kinds []frame.Opcode
		data := int64(0)
		for _, f := range rec.Frames() {
			kinds = append(kinds, f.Header.Opcode)
			if f.Header.Opcode.IsData() {
				data += f.Header.Length
				require.LessOrEqual(t, f.Header.Length, int64(1<<10))
			}
		}
		require.EqualValues(t, 64<<10, data)
		last := kinds[len(kinds)-1]
		require.Equal(t, frame.Continuation, last, "the message ends after the control frames")
		require.Contains(t, kinds, frame.Ping)
		require.Contains(t, kinds, frame.Pong)
		ws.CloseNow()
		peer.Close()
	})
}
