package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// start serves a room with the history in file, until stop or the test's end.
func start(t *testing.T, file string, slow throttle) (chat *room, url string, stop func()) {
	t.Helper()
	h, err := openHistory(file)
	require.NoError(t, err)
	chat, err = newRoom(h)
	require.NoError(t, err)
	s := httptest.NewServer(routes(chat, slow))
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		s.Close()
		over, cancel := context.WithCancel(context.Background())
		cancel()
		chat.pages.Shutdown(over) // cuts: the clients see what a crash looks like
		require.NoError(t, h.Close())
	}
	t.Cleanup(stop)
	return chat, s.URL, stop
}

// guest is a page without a browser.
type guest struct {
	t  *testing.T
	ws *conn.Conn
}

func visit(t *testing.T, server, name string, since uint64) *guest {
	t.Helper()
	ws, err := conn.Dial(t.Context(), server+"/room?name="+url.QueryEscape(name), nil)
	require.NoError(t, err)
	t.Cleanup(func() { ws.CloseNow() })
	g := &guest{t, ws}
	g.send(fmt.Sprintf("since %d", since))
	g.send(fmt.Sprintf(`{"kind":"hello","id":%q}`, name))
	return g
}

func (g *guest) send(text string) {
	g.t.Helper()
	require.NoError(g.t, g.ws.WriteMessage(g.t.Context(), conn.Text, []byte(text)))
}

func (g *guest) say(id, text string) {
	g.t.Helper()
	data, err := json.Marshal(fromPage{Kind: "say", ID: id, Text: text})
	require.NoError(g.t, err)
	g.send(string(data))
}

// next returns the next message, either with a number or without.
func (g *guest) next() (seq uint64, m said, other toPage) {
	g.t.Helper()
	typ, p, err := g.ws.ReadMessage(g.t.Context())
	require.NoError(g.t, err)
	seq, data, err := hub.ParseSequence(typ, p)
	if err != nil {
		if !strings.HasPrefix(string(p), "lost ") {
			require.NoError(g.t, json.Unmarshal(p, &other), "%s", p)
		}
		return 0, said{}, other
	}
	require.NoError(g.t, json.Unmarshal(data, &m))
	return seq, m, other
}

// hear returns the next message of the room.
func (g *guest) hear() (uint64, said) {
	g.t.Helper()
	for {
		if seq, m, _ := g.next(); seq != 0 {
			return seq, m
		}
	}
}

// other returns the next message of that kind.
func (g *guest) other(kind string) toPage {
	g.t.Helper()
	for {
		if seq, _, m := g.next(); seq == 0 && m.Kind == kind {
			return m
		}
	}
}

// names waits until so many are here, and returns them.
func (g *guest) names(n int) (names []string) {
	g.t.Helper()
	for {
		if m := g.other("people"); len(m.People) == n {
			for _, p := range m.People {
				names = append(names, p.Name)
			}
			return names
		}
	}
}

// end reads until the connection ends, and returns the close code.
func (g *guest) end() frame.CloseCode {
	g.t.Helper()
	for {
		if _, _, err := g.ws.ReadMessage(g.t.Context()); err != nil {
			var closed *conn.CloseError
			require.ErrorAs(g.t, err, &closed)
			return closed.Code
		}
	}
}

func TestTwoTalk(t *testing.T) {
	_, server, _ := start(t, "", throttle{})
	ada := visit(t, server, "Ada", 0)
	require.Equal(t, []string{"Ada"}, ada.names(1))
	bob := visit(t, server, " Bob\n\t the <b>Builder ", 0)
	require.Equal(t, []string{"Ada", "Bob the <b>Builder"}, ada.names(2))

	ada.say("1", "  hello \n there ")
	seq, m := bob.hear()
	require.Equal(t, said{ID: "1", Name: "Ada", Text: "hello \n there", At: m.At}, m)
	require.WithinDuration(t, time.Now(), time.UnixMilli(m.At), time.Hour)
	same, own := ada.hear()
	require.Equal(t, seq, same)
	require.Equal(t, m, own)

	require.NoError(t, bob.ws.Close())
	require.Equal(t, []string{"Ada"}, ada.names(1))
}

func TestResume(t *testing.T) {
	_, server, _ := start(t, "", throttle{})
	ada, bob := visit(t, server, "Ada", 0), visit(t, server, "Bob", 0)
	ada.say("1", "one")
	seq, _ := bob.hear()
	bob.ws.CloseNow()
	for i := range 100 { // more than a queue holds
		ada.say(fmt.Sprint("missed ", i), "missed")
	}
	bob = visit(t, server, "Bob", seq)
	for i := range 100 {
		got, m := bob.hear()
		require.Equal(t, seq+1+uint64(i), got)
		require.Equal(t, fmt.Sprint("missed ", i), m.ID)
	}
}

func TestWelcomeTellsWhatIsHistory(t *testing.T) {
	_, server, _ := start(t, "", throttle{})
	ada := visit(t, server, "Ada", 0)
	ada.say("1", "one")
	seq, _ := ada.hear()
	require.Equal(t, fmt.Sprint(seq), visit(t, server, "Bob", 0).other("welcome").Last)
}

// A server that dies and comes back with its file: nobody misses anything, and
// what a page sends again because it didn't see it is said once.
func TestRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	_, server, stop := start(t, file, throttle{})
	ada, bob := visit(t, server, "Ada", 0), visit(t, server, "Bob", 0)
	ada.say("1", "one")
	seq, _ := bob.hear()
	ada.say("2", "two")
	ada.hear()
	ada.hear()
	bob.ws.CloseNow()
	stop()
	ada.end()

	_, server, _ = start(t, file, throttle{})
	ada = visit(t, server, "Ada", seq)
	ada.say("2", "two")
	ada.say("3", "three")
	for i, want := range []string{"two", "three"} {
		got, m := ada.hear()
		require.Equal(t, seq+1+uint64(i), got)
		require.Equal(t, want, m.Text)
	}
	bob = visit(t, server, "Bob", seq)
	for _, want := range []string{"two", "three"} {
		_, m := bob.hear()
		require.Equal(t, want, m.Text)
	}
}

// Without a file the history ends with the process, and the pages are told.
func TestRestartInMemory(t *testing.T) {
	_, server, stop := start(t, "", throttle{})
	ada := visit(t, server, "Ada", 0)
	ada.say("1", "one")
	seq, _ := ada.hear()
	stop()
	_, server, _ = start(t, "", throttle{})
	ws, err := conn.Dial(t.Context(), server+"/room", nil)
	require.NoError(t, err)
	defer ws.CloseNow()
	require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, fmt.Appendf(nil, "since %d", seq)))
	_, p, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^lost \d+$`, string(p))
}

// The room speaks what package reconnect speaks, so a Go program can take part.
func TestClientInGo(t *testing.T) {
	_, server, _ := start(t, "", throttle{})
	visit(t, server, "Ada", 0).say("1", "hello")
	client, err := reconnect.New(t.Context(), server+"/room?name=Go", &reconnect.Config{
		OnConnect: reconnect.TopicSince, Identify: reconnect.TopicID,
	})
	require.NoError(t, err)
	for m, err := range client.Messages(t.Context()) {
		require.NoError(t, err)
		require.Contains(t, string(m.Data), `"text":"hello"`)
		break
	}
	require.NoError(t, client.Close(t.Context()))
}

func TestRefusals(t *testing.T) {
	_, server, _ := start(t, "", throttle{})
	ada := visit(t, server, "Ada", 0)
	for _, c := range []struct{ id, text, why string }{
		{"empty", " \n", "empty"},
		{"long", strings.Repeat("é", maxText+1), "2001 characters"},
		{"", "without an id", "id"},
	} {
		ada.say(c.id, c.text)
		m := ada.other("refused")
		require.Equal(t, c.id, m.ID)
		require.Contains(t, m.Why, c.why)
	}
	ada.say("most", strings.Repeat("\x01", maxText)) // six bytes each, in JSON
	_, m := ada.hear()
	require.Equal(t, "most", m.ID)
	ada.send(`{"kind":"alive"}`)
	ada.other("alive")
	ada.send("no JSON")
	require.EqualValues(t, 1008, ada.end())
}

// A page that comes back while its lost connection is still here is one person.
func TestPageComesBack(t *testing.T) {
	_, server, _ := start(t, "", throttle{})
	lost := visit(t, server, "Ada", 0)
	lost.names(1)
	again := visit(t, server, "Ada", 0)
	require.Equal(t, []string{"Ada"}, again.names(1))
	require.EqualValues(t, 1006, lost.end())
}

// The person of -slow lags and is shown to; everybody else gets all at once.
func TestSlow(t *testing.T) {
	chat, server, _ := start(t, "", throttle{name: "Slow", rate: 10})
	slow, ada := visit(t, server, "Slow", 0), visit(t, server, "Ada", 0)
	ada.names(2)
	for i := range 10 {
		ada.say(fmt.Sprint(i), "hello")
	}
	for range 10 {
		ada.hear()
	}
	chat.measure()
	for {
		for _, p := range ada.other("people").People {
			if p.Name == "Slow" && p.Behind > lagging {
				slow.ws.CloseNow()
				return
			}
		}
	}
}

func TestRoomIsFull(t *testing.T) {
	chat, server, _ := start(t, "", throttle{})
	for range maxPeople {
		a, b := net.Pipe()
		defer b.Close()
		defer conn.New(a, conn.Server, handshake.Result{}, &conn.Config{Group: &chat.pages}).CloseNow()
	}
	_, err := conn.Dial(t.Context(), server+"/room", nil)
	var refusal *handshake.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, http.StatusServiceUnavailable, refusal.Status)
}

func TestShutdown(t *testing.T) {
	chat, server, _ := start(t, "", throttle{})
	ada := visit(t, server, "Ada", 0)
	ada.names(1)
	done := make(chan error, 1)
	go func() { done <- chat.pages.Shutdown(context.Background()) }()
	require.EqualValues(t, 1001, ada.end())
	require.NoError(t, <-done)
}

// A page that doesn't answer is cut when the time is over.
func TestShutdownIsBounded(t *testing.T) {
	chat, server, _ := start(t, "", throttle{})
	ada := visit(t, server, "Ada", 0)
	ada.names(1) // and reads no more
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := chat.pages.Shutdown(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "1 connections cut")
}

// A message that can't be stored is heard by nobody; the page is told to come
// back, and sends it again.
func TestFullDisk(t *testing.T) {
	h, err := openHistory(filepath.Join(t.TempDir(), "history"))
	require.NoError(t, err)
	chat, err := newRoom(h)
	require.NoError(t, err)
	s := httptest.NewServer(routes(chat, throttle{}))
	defer s.Close()
	ada := visit(t, s.URL, "Ada", 0)
	ada.names(1)
	require.NoError(t, h.file.Close())
	last := chat.topic.Last()
	ada.say("1", "one")
	require.EqualValues(t, 1011, ada.end())
	require.Equal(t, last, chat.topic.Last())
	require.NotContains(t, chat.ids, "1")
}
