package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// member is one page that has said hello.
type member struct {
	page   string // the page's id
	name   string
	q      *sendqueue.Queue
	behind int
	news   chan struct{} // has a value when room.people is new to this member
}

// join makes a page that says hello a member. A page that comes back may still
// be here with a connection that it has lost: that one is cut.
func (r *room) join(page, name string, q *sendqueue.Queue) *member {
	reply(q, toPage{Kind: "welcome", Last: fmt.Sprint(r.topic.Last())})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(func(m *member) bool {
		if m.page != page || page == "" {
			return false
		}
		m.q.Conn().CloseNow()
		return true
	})
	m := &member{page: page, name: name, q: q, news: make(chan struct{}, 1)}
	r.members = append(r.members, m)
	r.changed()
	return m
}

// forget takes members out, with the lock held.
func (r *room) forget(gone func(*member) bool) {
	before := len(r.members)
	if r.members = slices.DeleteFunc(r.members, gone); len(r.members) != before {
		r.changed()
	}
}

// changed tells everybody who is here, with the lock held.
func (r *room) changed() {
	out := toPage{Kind: "people", People: make([]person, 0, len(r.members))}
	for _, m := range r.members {
		out.People = append(out.People, person{m.name, m.behind})
	}
	r.people = prepare(out)
	for _, m := range r.members {
		select {
		case m.news <- struct{}{}:
		default: // is told already, and will get the latest
		}
	}
}

// tell sends who is here to one member until ctx ends. It may wait for a slow
// page; under one key only the latest list waits.
func (r *room) tell(ctx context.Context, m *member) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.news:
		}
		r.mu.Lock()
		people := r.people
		r.mu.Unlock()
		if _, err := m.q.SendWait(ctx, sendqueue.Item{Message: people, Key: "people"}); err != nil {
			return
		}
	}
}

// measureEvery is how often the room looks who lags.
const measureEvery = time.Second

// watch shows everybody who lags, until ctx ends.
func (r *room) watch(ctx context.Context) {
	every := time.NewTicker(measureEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			r.measure()
		}
	}
}

// lagging is how many messages may wait for a page without being mentioned.
const lagging = 3

func (r *room) measure() {
	r.mu.Lock()
	defer r.mu.Unlock()
	differs := false
	for _, m := range r.members {
		behind := m.q.Stats().Messages
		if behind <= lagging {
			behind = 0
		}
		differs = differs || behind != m.behind
		m.behind = behind
	}
	if differs {
		r.changed()
	}
}
