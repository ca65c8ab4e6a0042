package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

const (
	ticksPerSecond = 100
	symbols        = 50
	slowPause      = 5 * time.Millisecond // between two messages of the slow reader
	queueMessages  = 500
	messageSize    = 200 // bytes, as of a price with its book
)

// The pace of a reader.
const (
	fast  = "fast"
	slow  = "slow"
	stuck = "stuck"
)

// market is one ticker with its readers, under one policy.
type market struct {
	name       string
	keyed      bool // a symbol is a key
	readers    []*reader
	ticks      atomic.Int64           // updates that the ticker has made
	waitsFor   atomic.Pointer[reader] // whose queue has no room for the latest
	waitsSince atomic.Int64           // the Unix nanosecond
}

// reader is one connection, both ends.
type reader struct {
	pace   string
	queue  *sendqueue.Queue // at the server
	ws     *conn.Conn       // the client
	closed atomic.Bool      // the queue takes nothing more
}

// connector makes a connection for a reader of that pace and returns both ends.
type connector func(ctx context.Context, pace string) (server, client *conn.Conn, err error)

// open connects the readers of every policy.
func open(ctx context.Context, connect connector) ([]*market, error) {
	var markets []*market
	for _, v := range []struct {
		name   string
		policy sendqueue.Policy
		keyed  bool
	}{
		{"block", sendqueue.Block, false},
		{"drop newest", sendqueue.DropNewest, false},
		{"drop oldest", sendqueue.DropOldest, false},
		{"coalesce", sendqueue.DropOldest, true},
		{"close peer", sendqueue.ClosePeer, false},
	} {
		m := &market{name: v.name, keyed: v.keyed}
		for _, pace := range []string{fast, slow, stuck} {
			server, client, err := connect(ctx, pace)
			if err != nil {
				return nil, err
			}
			q, err := sendqueue.New(server, &sendqueue.Config{Policy: v.policy, MaxMessages: queueMessages})
			if err != nil {
				return nil, err
			}
			m.readers = append(m.readers, &reader{pace: pace, queue: q, ws: client})
		}
		markets = append(markets, m)
	}
	return markets, nil
}

// tick sends rate updates a second to every reader, until ctx ends. A ticker
// that had to wait leaves out what was due meanwhile, but for a little.
func (m *market) tick(ctx context.Context, rate int) {
	every := time.NewTicker(time.Second / ticksPerSecond)
	defer every.Stop()
	for last := time.Now(); ; {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		late := min(time.Since(last), 3*time.Second/ticksPerSecond) // a burst that a queue holds
		last = time.Now()
		for range int(late.Seconds()*float64(rate) + 0.5) {
			if err := m.update(ctx); err != nil {
				return
			}
		}
	}
}

// update sends one price. It is framed once, for all readers.
func (m *market) update(ctx context.Context) error {
	n := m.ticks.Add(1)
	symbol := fmt.Sprintf("SYM%02d", n%symbols)
	msg, err := conn.Prepare(conn.Text, fmt.Appendf(nil, "%-*s", messageSize, fmt.Sprintf("%s %.2f", symbol, 90+20*rand.Float64())))
	if err != nil {
		return err
	}
	it := sendqueue.Item{Message: msg}
	if m.keyed {
		it.Key = symbol
	}
	for _, r := range m.readers {
		if r.closed.Load() {
			continue
		}
		_, err := r.queue.TrySend(it)
		if errors.Is(err, sendqueue.ErrFull) { // block: now the ticker waits
			m.waitsSince.Store(time.Now().UnixNano())
			m.waitsFor.Store(r)
			_, err = r.queue.SendItem(ctx, it)
			if ctx.Err() == nil { // at the end it stays, for the last table
				m.waitsFor.Store(nil)
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.closed.Store(true)
		}
	}
	return nil
}

// read is the client's part: it takes messages at the reader's pace.
func (r *reader) read(ctx context.Context) {
	if r.pace == stuck {
		return
	}
	for _, err := range r.ws.Messages(ctx) {
		if err != nil {
			return
		}
		if r.pace == slow {
			select {
			case <-time.After(slowPause):
			case <-ctx.Done():
			}
		}
	}
}

// close cuts the connections. What was queued is of no use to anybody now.
func (m *market) close() {
	for _, r := range m.readers {
		r.ws.CloseNow()
		r.queue.Conn().CloseNow()
		r.queue.Close(context.Background())
	}
}

// pairs makes connections over loopback. Those of the slow and the stuck
// readers get small kernel buffers, so that what a reader leaves lying shows
// in the queue and not in the kernel.
type pairs struct {
	small    atomic.Bool // the next connection gets small buffers
	server   *http.Server
	url      string
	accepted chan *conn.Conn
}

const kernelBuffer = 4 << 10

func listen() (*pairs, error) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	p := &pairs{url: "ws://" + l.Addr().String(), accepted: make(chan *conn.Conn)}
	p.server = &http.Server{
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			if p.small.Load() {
				nc.(*net.TCPConn).SetWriteBuffer(kernelBuffer)
			}
			return ctx
		},
		Handler: conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
			p.accepted <- ws
			for _, err := range ws.Messages(ctx) { // none come, but the end does
				if err != nil {
					return err
				}
			}
			return nil
		}),
	}
	go p.server.Serve(l) // until Close
	return p, nil
}

func (p *pairs) connect(ctx context.Context, pace string) (server, client *conn.Conn, err error) {
	p.small.Store(pace != fast)
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if tcp, ok := nc.(*net.TCPConn); ok && pace != fast {
			tcp.SetReadBuffer(kernelBuffer)
		}
		return nc, err
	}
	client, err = conn.Dial(ctx, p.url, &conn.Config{DialContext: dial})
	if err != nil {
		return nil, nil, err
	}
	return <-p.accepted, client, nil
}

// Close ends the server.
func (p *pairs) Close() error { return p.server.Close() }
