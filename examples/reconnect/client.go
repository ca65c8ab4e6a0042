package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
)

// follow receives what the server publishes, and posts notes, until in ends.
// With show it prints the first frames of each connection.
func follow(ctx context.Context, in io.Reader, out io.Writer, url string, show bool) error {
	v := &viewer{out: out}
	var cfg conn.Config
	if show {
		cfg.DialContext = v.recorded
	}
	client, err := reconnect.New(ctx, url, &reconnect.Config{
		Conn:      &cfg,
		OnConnect: reconnect.TopicSince,
		Identify:  reconnect.TopicID,
		Ack: func(m conn.Message) (reconnect.Ack, bool) {
			id, ok := strings.CutPrefix(string(m.Data), "ack ")
			if ok && v.acks == 0 {
				v.say("its first note is acknowledged")
			}
			if ok {
				v.acks++
			}
			return reconnect.Ack{ID: id, UpTo: true}, ok
		},
		// Short, for a show. The defaults are for a server with many clients.
		Backoff:     reconnect.Backoff{Base: time.Second, Cap: 2 * time.Second},
		StableAfter: 100 * time.Millisecond,
		Trace:       &reconnect.Trace{State: v.state},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, in)
		cancel()
	}()
	posted := make(chan int)
	go func() { posted <- post(ctx, client) }()
	err = v.watch(ctx, client)
	cancel()
	notes := <-posted

	over, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if closeErr := client.Close(over); err == nil {
		err = closeErr
	}
	st := client.Stats()
	if err != nil {
		return err
	}
	v.say("in all %d connections, %d messages, each once and in order,", st.Connections, v.messages)
	v.say("%d of them recovered; histories lost: %d", v.recovered, st.Gaps)
	v.say("notes posted and acknowledged: %d, sent again: %d", notes, st.Resent)
	return nil
}

// post posts notes until ctx ends, connected or not, and returns how many.
func post(ctx context.Context, client *reconnect.Client) (n int) {
	every := time.NewTicker(5 * interval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return n
		}
		id := strconv.Itoa(n + 1)
		if _, err := client.SendItem(ctx, reconnect.Item{Type: conn.Text, Data: []byte("note " + id), ID: id}); err != nil {
			return n
		}
		n++
	}
}

// recorded dials, and prints the first frame of either side.
func (v *viewer) recorded(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	var seen sync.Map // the reading goroutine calls OnFrame, and the writing one
	wire := conntest.Recorder{Keep: -1, OnFrame: func(f *conntest.Frame) {
		if f.Handshake {
			return
		}
		if _, again := seen.LoadOrStore(f.From, true); !again {
			v.say(frameLine, f.From, f.Wire)
		}
	}}
	return wire.Wrap(nc, conn.Client), nil
}

// viewer checks what comes, and tells about it.
type viewer struct {
	last      uint64 // number
	messages  int
	recovered int
	batch     int // recovered since the last connection
	acks      int // of the Client's goroutine

	mu       sync.Mutex // guards the rest
	out      io.Writer
	opened   time.Time // the present connection
	lost     time.Time // the one before; zero at first
	attempts int       // since then
}

func (v *viewer) say(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(v.out, format+"\n", args...)
}

// state tells about connections.
func (v *viewer) state(s reconnect.State) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch s.Phase {
	case reconnect.Connecting:
		v.attempts++
	case reconnect.Open:
		v.opened = s.Since
		if !v.lost.IsZero() {
			fmt.Fprintf(v.out, "back after %v, at attempt %d\n", s.Since.Sub(v.lost).Round(time.Millisecond), v.attempts)
		}
	case reconnect.Waiting:
		what := "no connection"
		if v.opened.After(v.lost) {
			what, v.lost, v.attempts = "lost the connection", s.Since, 0
		}
		fmt.Fprintf(v.out, "%s: %v;\n", what, cause(s.Err))
		fmt.Fprintf(v.out, "tries again in %v\n", s.Next.Sub(s.Since).Round(time.Millisecond))
	}
}

// cause shortens an error to its core.
func cause(err error) error {
	var op *net.OpError
	var closed *conn.CloseError
	switch {
	case errors.As(err, &op):
		return op.Err
	case errors.As(err, &closed) && closed.Err != nil:
		return closed.Err
	}
	return err
}

// watch takes messages until ctx ends. Each must be the one after the last.
func (v *viewer) watch(ctx context.Context, client *reconnect.Client) error {
	for msg, err := range client.Messages(ctx) {
		var gap *reconnect.GapError
		switch {
		case errors.As(err, &gap):
			v.say("told that history is lost after message %d;", gap.After.Seq)
			v.say("a real client loads its data anew now")
			v.last = gap.Next.Seq - 1
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		default:
			if err := v.take(msg); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *viewer) take(msg reconnect.Message) error {
	seq, text, err := hub.ParseSequence(msg.Type, msg.Data)
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return err
	}
	if v.last != 0 && seq != v.last+1 {
		return fmt.Errorf("number %d came after %d", seq, v.last)
	}
	first := v.messages == 0
	v.last = seq
	v.messages++
	v.mu.Lock()
	missed := !v.lost.IsZero() && at.Before(v.opened)
	v.mu.Unlock()
	switch {
	case first:
		v.say("connected; the first message is number %d", seq)
	case missed:
		v.recovered++
		v.batch++
	case v.batch > 0:
		v.say("recovered %d messages up to %d, and is live again", v.batch, seq-1)
		v.batch = 0
	}
	return nil
}
