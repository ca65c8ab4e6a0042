package conn_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
	"github.com/seed24abed78/rfc6455/mask"
)

// masked is one frame of a client.
func masked(op frame.Opcode, fin bool, p []byte) []byte {
	h := frame.Header{FIN: fin, Opcode: op, Masked: true, Key: mask.Key{1, 2, 3, 4}, Length: int64(len(p))}
	wire := h.Append(nil)
	head := len(wire)
	wire = append(wire, p...)
	mask.XOR(wire[head:], p, h.Key, 0)
	return wire
}

// Messages that fit the usual buffer of a socket, a long one, or none, come as
// they were sent, however the bytes are cut, and whoever reads in between.
func TestLongReads(t *testing.T) {
	sizes := []int{0, 1, 100, 18<<10 - 8, 18<<10 - 7, 18 << 10, 20_000, 40_000, 65_535, 65_536, 72<<10 - 14, 72<<10 - 13, 100_000, 300_000}
	random := rand.New(rand.NewPCG(1, 2))
	far, near, err := tcpPair()
	require.NoError(t, err)
	defer far.Close()
	ws := conn.New(near, conn.Server, handshake.Result{}, nil)
	defer ws.CloseNow()

	var want [][]byte
	var wire []byte
	for range 300 {
		size := sizes[random.IntN(len(sizes))]
		p := bytes.Repeat([]byte{byte(len(want)), byte(len(want) >> 8), 0xff}, size/3+1)[:size]
		want = append(want, p)
		if cut := random.IntN(3 * (len(p) + 1)); cut < len(p) {
			wire = append(wire, masked(frame.Binary, false, p[:cut])...)
			wire = append(wire, masked(frame.Ping, true, []byte("between"))...)
			wire = append(wire, masked(frame.Continuation, true, p[cut:])...)
		} else {
			wire = append(wire, masked(frame.Binary, true, p)...)
		}
	}
	go func() {
		for len(wire) > 0 {
			n := min(len(wire), 1+random.IntN(100_000))
			if _, err := far.Write(wire[:n]); err != nil {
				return
			}
			wire = wire[n:]
		}
	}()
	next := func(got []byte) {
		t.Helper()
		require.True(t, bytes.Equal(want[0], got), "%d left, %d bytes", len(want), len(want[0]))
		want = want[1:]
	}
	for len(want) > 0 {
		for msg, err := range ws.Messages(t.Context()) {
			require.NoError(t, err)
			if len(want)%3 == 1 && len(want) > 1 { // what is lent stays as it is meanwhile
				this := want[0]
				want = want[1:]
				_, got, err := ws.ReadMessage(t.Context())
				require.NoError(t, err)
				next(got)
				want = append([][]byte{this}, want...)
			}
			next(msg.Data)
			if len(want)%10 == 0 {
				break
			}
		}
		if len(want) > 0 {
			_, got, err := ws.ReadMessage(t.Context())
			require.NoError(t, err)
			next(got)
		}
	}
}

// A peer that has sent a long message, and then little, has a buffer of the usual
// size held for it, if any.
func TestLongReadIsNotHeld(t *testing.T) {
	const conns = 50
	first := masked(frame.Binary, true, make([]byte, 64<<10))
	rest := first[:5] // of a header
	before := live()
	ended := make(chan error, conns)
	for range conns {
		far, near, err := tcpPair()
		require.NoError(t, err)
		defer far.Close()
		ws := conn.New(near, conn.Server, handshake.Result{}, nil)
		got := make(chan bool)
		go func() {
			for _, err := range ws.Messages(context.Background()) {
				if err != nil {
					ended <- err
					return
				}
				got <- true
			}
		}()
		for range 2 { // the second is read into a long buffer
			_, err = far.Write(first)
			require.NoError(t, err)
			<-got
		}
		_, err = far.Write(rest)
		require.NoError(t, err)
		for ws.Stats().BytesReceived < int64(2*len(first)+len(rest)) {
			runtime.Gosched()
		}
		defer func() { ws.CloseNow(); <-ended }()
	}
	grown := (live() - before) / conns
	t.Logf("%d bytes for each connection", grown)
	require.Less(t, grown, int64(perConn))
}
