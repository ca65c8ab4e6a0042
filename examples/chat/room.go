package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/frame"
)

const (
	maxText    = 2000 // characters of a message
	maxID      = 64   // bytes of an id that a page makes
	maxPeople  = 200  // connections
	queueSlots = 32   // messages that wait for one page; the rest waits in the history
)

// said is a message of the room, as the history has it behind the number.
type said struct {
	ID   string `json:"id"` // the page's, by which it knows its own
	Name string `json:"name"`
	Text string `json:"text"`
	At   int64  `json:"at"` // Unix time in milliseconds
}

// fromPage is what a page sends after the "since N" of reconnect.ServeTopic.
type fromPage struct {
	Kind string `json:"kind"` // hello, say or alive
	ID   string `json:"id"`   // hello: of the page; say: of the message
	Text string `json:"text"`
}

// toPage is what a page gets besides the numbered messages.
type toPage struct {
	Kind   string   `json:"kind"`             // welcome, people, refused or alive
	Last   string   `json:"last,omitempty"`   // welcome: the number up to which messages are history
	People []person `json:"people,omitempty"` // people: who is here
	ID     string   `json:"id,omitempty"`     // refused: the message
	Why    string   `json:"why,omitempty"`    // refused
}

type person struct {
	Name   string `json:"name"`
	Behind int    `json:"behind,omitempty"` // messages that wait for them, see -slow
}

// room is the chat room. Its methods may be called from any goroutine.
type room struct {
	topic *hub.Topic
	pages conn.Group // says goodbye to all

	mu      sync.Mutex
	ids     map[string]struct{} // of the messages in the history
	order   []string            // the same, oldest first
	members []*member           // those who have said hello, in that order
	people  *conn.PreparedMessage
}

// newRoom returns the room whose history that is.
func newRoom(h *history) (*room, error) {
	topic, err := hub.NewTopic(&hub.Config{Log: h, History: keep, Encode: hub.Numbered})
	if err != nil {
		return nil, err
	}
	r := &room{topic: topic, ids: make(map[string]struct{})}
	return r, r.learn(h)
}

// learn remembers the ids of the history, so that a message that a page sends
// again after a restart of the server isn't said twice.
func (r *room) learn(h *history) error {
	first, last, err := h.Bounds()
	if err != nil || first > last {
		return err
	}
	entries, err := h.Since(nil, first-1, int(last+1-first), keep.Bytes+maxLine)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var m said
		_, data, err := hub.ParseSequence(conn.Text, e.Message.Payload())
		if err == nil {
			err = json.Unmarshal(data, &m)
		}
		if err != nil {
			return fmt.Errorf("message %d of the history: %w", e.Seq, err)
		}
		r.remember(m.ID)
	}
	return nil
}

// remember keeps as many ids as the history keeps messages.
func (r *room) remember(id string) {
	if len(r.order) == keep.Messages {
		delete(r.ids, r.order[0])
		r.order = slices.Delete(r.order, 0, 1)
	}
	r.ids[id] = struct{}{}
	r.order = append(r.order, id)
}

// serve serves one page until its connection ends. The error is the room's own
// fault, such as a full disk.
func (r *room) serve(ctx context.Context, ws *conn.Conn, name string) error {
	defer r.leave(ws)
	var me *member
	// ServeTopic reads "since N", and sends what comes after N.
	err := reconnect.ServeTopic(ctx, ws, r.topic, &sendqueue.Config{MaxMessages: queueSlots},
		func(q *sendqueue.Queue, msg conn.Message) error {
			var in fromPage
			if err := json.Unmarshal(msg.Data, &in); err != nil {
				ws.CloseWith(frame.StatusPolicyViolation, "not a message of this room")
				return nil // the next read has the end
			}
			switch in.Kind {
			case "hello":
				if me == nil {
					me = r.join(in.ID, name, q)
					go r.tell(ctx, me) // until serve has returned
				}
			case "say":
				return r.say(q, name, in)
			case "alive":
				reply(q, toPage{Kind: "alive"})
			}
			return nil
		})
	var closed *conn.CloseError
	if errors.As(err, &closed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	log.Printf("%s: %v", name, err)
	return err
}

// leave takes whoever came with that connection off the list.
func (r *room) leave(ws *conn.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(func(m *member) bool { return m.q.Conn() == ws })
}

// say publishes a message of a page, once.
func (r *room) say(q *sendqueue.Queue, name string, in fromPage) error {
	text := strings.TrimSpace(in.Text)
	switch n := utf8.RuneCountInString(text); {
	case in.ID == "" || len(in.ID) > maxID:
		return refuse(q, in, fmt.Sprintf("its id must have 1 to %d bytes", maxID))
	case n == 0:
		return refuse(q, in, "it is empty")
	case n > maxText:
		return refuse(q, in, fmt.Sprintf("it has %d characters, and %d are allowed", n, maxText))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, twice := r.ids[in.ID]; twice {
		return nil // the page sees it in the history
	}
	data, err := json.Marshal(said{ID: in.ID, Name: name, Text: text, At: time.Now().UnixMilli()})
	if err != nil {
		return err
	}
	seq, err := r.topic.Publish(conn.Text, data)
	if seq == 0 {
		return err // the page sends it again
	}
	if err != nil {
		log.Print(err)
	}
	r.remember(in.ID)
	return nil
}

func refuse(q *sendqueue.Queue, in fromPage, why string) error {
	reply(q, toPage{Kind: "refused", ID: in.ID[:min(len(in.ID), maxID)], Why: why})
	return nil
}

// reply answers one page. It doesn't wait, because it runs on the goroutine
// that reads: a page that asks without reading answers gets none.
func reply(q *sendqueue.Queue, out toPage) {
	it := sendqueue.Item{Message: prepare(out)}
	if out.Kind == "alive" {
		it.Key = out.Kind // one that waits is enough
	}
	q.TrySend(it) // whoever reads finds out when the connection has failed
}

func prepare(out toPage) *conn.PreparedMessage {
	data, err := json.Marshal(out)
	if err != nil {
		panic(err) // strings and numbers
	}
	m, err := conn.PrepareOwned(conn.Text, data)
	if err != nil {
		panic(err) // json writes valid UTF-8
	}
	return m
}
