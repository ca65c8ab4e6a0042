package migrate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// The same conversation, with somebody else's client and in fake time, goes
// the same way with both rooms.
func TestBothRooms(t *testing.T) {
	want := []string{
		"another origin: 403",
		"subprotocol room.v1",
		"ada hears hello", "grace hears hello",
		"ada hears hi", "grace hears hi",
		"ada's ping is answered",
		"silent for long, a client is pinged in time: true",
		"ada still hears again",
		`bye: 1000 "see you"`,
		"too long: 1009",
		"who answers no ping is cut in time: true",
	}
	for name, room := range map[string]func() http.Handler{
		"gorilla": func() http.Handler { return NewGorillaRoom() },
		"ours":    func() http.Handler { return NewRoom().Handler() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := converse(t, room()); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got\n%q\nwant\n%q", got, want)
				}
			})
		})
	}
}

// script is the conversation, and what was seen of it.
type script struct {
	*testing.T
	network  pipes
	pinged   chan struct{}
	observed []string
}

func converse(t *testing.T, room http.Handler) []string {
	s := &script{T: t, network: make(pipes), pinged: make(chan struct{}, 1)}
	server := &http.Server{Handler: room}
	go server.Serve(s.network)
	defer server.Close()
	ctx := t.Context()

	_, res, err := s.dial("https://elsewhere.example")
	if err == nil {
		t.Fatal("a page of another origin was let in")
	}
	s.saw("another origin: %d", res.StatusCode)

	ada, grace := s.join(), s.join()
	s.saw("subprotocol %s", ada.Subprotocol())
	s.say(ada, "hello")
	s.hears("ada hears", ada)
	s.hears("grace hears", grace)
	s.say(grace, "hi")
	s.hears("ada hears", ada)
	s.hears("grace hears", grace)

	heard := make(chan string)
	go func() { // Ping needs a reader
		_, p, _ := ada.Read(ctx)
		heard <- string(p)
	}()
	go grace.Read(ctx) // she answers pings, too
	if err := ada.Ping(ctx); err == nil {
		s.saw("ada's ping is answered")
	}
	begun := time.Now()
	<-s.pinged
	s.saw("silent for long, a client is pinged in time: %v", time.Since(begun) <= pingPeriod)
	time.Sleep(5 * pongWait) // of the fake clock
	s.say(ada, "again")
	s.saw("ada still hears %s", <-heard)

	s.say(ada, "bye")
	_, _, err = ada.Read(ctx)
	s.closed("bye", err)
	long := s.join()
	s.say(long, string(make([]byte, maxMessage+1)))
	_, _, err = long.Read(ctx)
	s.saw("too long: %d", websocket.CloseStatus(err))
	s.saw("who answers no ping is cut in time: %v", s.silence() <= pongWait)
	grace.CloseNow()
	return s.observed
}

func (s *script) saw(format string, args ...any) {
	s.observed = append(s.observed, fmt.Sprintf(format, args...))
}

func (s *script) closed(what string, err error) {
	var e websocket.CloseError
	if errors.As(err, &e) {
		s.saw("%s: %d %q", what, e.Code, e.Reason)
		return
	}
	s.saw("%s: %v", what, err)
}

func (s *script) dial(origin string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(s.Context(), "ws://room.example/", &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: &http.Transport{DialContext: s.network.dial, DisableKeepAlives: true}},
		HTTPHeader:   http.Header{"Origin": {origin}},
		Subprotocols: []string{"room.v1"},
		OnPingReceived: func(context.Context, []byte) bool {
			select {
			case s.pinged <- struct{}{}:
			default: // nobody waits for it
			}
			return true
		},
	})
}

func (s *script) join() *websocket.Conn {
	c, _, err := s.dial("http://room.example")
	if err != nil {
		s.Fatal(err)
	}
	synctest.Wait() // until the room has the client
	return c
}

func (s *script) say(c *websocket.Conn, text string) {
	if err := c.Write(s.Context(), websocket.MessageText, []byte(text)); err != nil {
		s.Fatal(err)
	}
}

func (s *script) hears(who string, c *websocket.Conn) {
	_, p, err := c.Read(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.saw("%s %s", who, p)
}

// silence is how long the room keeps a client that only reads bytes.
func (s *script) silence() time.Duration {
	nc, err := s.network.dial(s.Context(), "", "")
	if err != nil {
		s.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: room.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(nc)
	if _, err := http.ReadResponse(r, nil); err != nil {
		s.Fatal(err)
	}
	begun := time.Now()
	io.Copy(io.Discard, r)
	return time.Since(begun)
}

// pipes is a listener whose connections are in memory.
type pipes chan net.Conn

func (l pipes) dial(context.Context, string, string) (net.Conn, error) {
	a, b := conntest.Pipe(conntest.Link{})
	l <- a
	return b, nil
}

func (l pipes) Accept() (net.Conn, error) {
	nc, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return nc, nil
}

func (l pipes) Close() error   { close(l); return nil }
func (l pipes) Addr() net.Addr { return conntest.Addr("room") }
