package conn_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
)

var chaosTime = flag.Duration("chaos", 0, "how long TestChaos goes on, in real time; a minute of fake time by default")

// 64 goroutines call everything on the two ends of connections, in random
// order; connections that end are replaced. Whatever happens, every call
// returns, no goroutine stays (the bubble would not end), and a connection
// never carries a wrong byte (its end would be a *frame.Error).
//
//	go test -race -run TestChaos ./conn -chaos 1m
func TestChaos(t *testing.T) {
	for begun := time.Now(); ; {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			random := rand.New(rand.NewPCG(seed, 0))
			calls := 0
			for time.Since(begun) < time.Minute {
				calls += chaos(t, random)
			}
			require.Greater(t, calls, 1000)
		})
		if time.Since(begun) >= *chaosTime {
			return
		}
	}
}

// The same over TCP, where reads wait in the poller and writes are vectored,
// in real time, for a few connections.
func TestChaosTCP(t *testing.T) {
	before := withoutPipes()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range 3 {
		far, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		near, err := l.Accept()
		require.NoError(t, err)
		cfg := chaosConfig()
		server, client := conn.New(near, conn.Server, noHandshake, cfg), conn.New(far, conn.Client, noHandshake, cfg)
		time.AfterFunc(300*time.Millisecond, func() {
			go server.Close()
			client.Close()
		})
		callAnything(random, server, client)
	}
	for withoutPipes() > before { // or the test runs out of time
		time.Sleep(time.Millisecond)
	}
}

// withoutPipes counts goroutines, but not those that wait for a net.Pipe: a
// keepalive may do so for ever, of a connection that another test has left.
func withoutPipes() (n int) {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	for stack := range bytes.SplitSeq(all, []byte("\n\n")) {
		if !bytes.Contains(stack, []byte("net.(*pipe)")) {
			n++
		}
	}
	return n
}

// chaosConfig has short times, for fake time and for real time.
func chaosConfig() *conn.Config {
	return &conn.Config{
		KeepaliveInterval: time.Second, KeepaliveTimeout: time.Second, CloseTimeout: time.Second, ControlTimeout: time.Second,
		HandshakeTimeout: time.Hour, // through a buffer of one byte each byte takes the link's latency
		FrameSize:        1000,
		OnClose: func(ws *conn.Conn, err error) {
			var broken *frame.Error
			if errors.As(err, &broken) {
				panic(err)
			}
		},
	}
}

// chaos is the life of one connection.
func chaos(t *testing.T, random *rand.Rand) (calls int) {
	cfg := chaosConfig()
	server, client := conntest.Pair(&conntest.Options{
		Link:   conntest.Link{Latency: time.Duration(random.IntN(50)) * time.Millisecond, Buffer: 1 + random.IntN(20_000)},
		Server: cfg, Client: cfg,
	})
	return callAnything(random, server, client)
}

// callAnything returns how many calls there were until both had ended.
func callAnything(random *rand.Rand, server, client *conn.Conn) (calls int) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for i := range 64 {
		ws := server
		if i%2 == 0 {
			ws = client
		}
		if i < 2 { // so that writes without a deadline get on
			all.Go(func() {
				for {
					if _, _, err := ws.ReadMessage(context.Background()); err != nil {
						return
					}
				}
			})
			continue
		}
		r := rand.New(rand.NewPCG(random.Uint64(), 0))
		all.Go(func() {
			n := 0
			for ; ; n++ {
				select {
				case <-ws.Done():
					mu.Lock()
					calls += n
					mu.Unlock()
					return
				default:
				}
				anything(ws, r)
			}
		})
	}
	all.Wait()
	return calls
}

// anything makes one call.
func anything(ws *conn.Conn, r *rand.Rand) {
	time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(300))*time.Millisecond)
	defer cancel()
	switch p := make([]byte, r.IntN(5000)); r.IntN(1000) {
	case 0:
		ws.CloseNow()
	case 1:
		ws.Close()
	case 2:
		ws.CloseWith(1001, "chaos")
	default:
		switch r.IntN(8) {
		case 0, 1, 2:
			ws.ReadMessage(ctx)
		case 3:
			for range ws.Messages(ctx) {
				break
			}
		case 4:
			ws.WriteMessage(ctx, conn.Text, p)
		case 5:
			ws.BufferMessage(conn.Binary, p)
			ws.Flush(ctx)
		case 6:
			ws.Ping(ctx)
		case 7:
			if w, err := ws.NextWriter(context.Background(), conn.Binary); err == nil {
				w.Write(p)
				w.Close()
			}
		}
	}
}
