package conn_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// For a minute, 64 goroutines call everything on the two ends of connections,
// in random order; connections that end are replaced. Whatever happens, every
// call returns, no goroutine stays (the bubble would not end), and a
// connection never carries a wrong byte (its end would be a *frame.Error).
func TestChaos(t *testing.T) {
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
}

// chaos is the life of one connection.
func chaos(t *testing.T, random *rand.Rand) (calls int) {
	cfg := &conn.Config{
		KeepaliveInterval: time.Second, KeepaliveTimeout: time.Second, CloseTimeout: time.Second,
		FrameSize: 1000,
		OnClose: func(ws *conn.Conn, err error) {
			require.NotContains(t, err.Error(), "masked")
			require.NotContains(t, err.Error(), "opcode")
		},
	}
	server, client := conntest.Pair(&conntest.Options{
		Link:   conntest.Link{Latency: time.Duration(random.IntN(50)) * time.Millisecond, Buffer: 1 + random.IntN(20_000)},
		Server: cfg, Client: cfg,
	})
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
