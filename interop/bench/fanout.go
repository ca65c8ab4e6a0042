package main

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"
)

// fanout is a server whose connections only listen.
type fanout struct {
	handler http.Handler
	// publish sends one message to all of them, framed and compressed once if
	// the library can.
	publish func(p []byte) error
	// members is how many there are.
	members func() int
}

// fanouts are the kinds of servers that publish, and the protocols of the load
// that listens to them.
var fanouts = map[string]compression{"fanout": plain, "fanout-deflate": alone}

// fanoutMessage is what is published: something that shrinks, if it is to.
func fanoutMessage(mode compression, size int) []byte {
	if mode == plain {
		return make([]byte, size)
	}
	return jsonText(size)
}

// audience is the connections of a library without topics of its own.
type audience[T comparable] struct {
	mu  sync.Mutex
	all []T
}

func (a *audience[T]) join(member T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, member)
}

func (a *audience[T]) leave(member T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.all, member); i >= 0 {
		a.all = slices.Delete(a.all, i, i+1)
	}
}

func (a *audience[T]) each(do func(member T) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, member := range a.all {
		if err := do(member); err != nil {
			return err
		}
	}
	return nil
}

func (a *audience[T]) size() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

// fanoutRows are the rows of publishing: what a delivery costs, and what a
// connection keeps that listens and was sent one message.
func (b *bench) fanoutRows() []socketRow {
	published := func(id, kind string, size int, goal float64) socketRow {
		return socketRow{
			row:  row{ID: fmt.Sprintf("%s/%d", id, b.subscribers), Unit: "delivery", Goal: goal},
			kind: kind, protocol: kind, conns: b.subscribers, size: size, fresh: true, measure: measureFanout,
		}
	}
	kept := published("idle/subscribed", "fanout", 128, 0)
	kept.Unit, kept.Bytes, kept.measure = "connection", true, measureSubscribed
	return []socketRow{
		published("fanout", "fanout", 128, 1.05),
		published("fanout/deflate", "fanout-deflate", 1<<10, 1.05),
		kept,
	}
}

// listen opens connections that listen, and waits until the server has noted
// all of them.
func (r socketRow) listen(server, load *child, conns int) error {
	addr, err := server.tell(command{Do: "addr"})
	if err != nil {
		return err
	}
	if _, err := load.tell(command{Do: "open", Addr: addr.Addr, Protocol: r.protocol, Conns: conns}); err != nil {
		return err
	}
	return awaitMembers(server, conns)
}

// unlisten closes them.
func (r socketRow) unlisten(server, load *child) error {
	if _, err := load.tell(command{Do: "close"}); err != nil {
		return err
	}
	return awaitMembers(server, 0)
}

func awaitMembers(server *child, n int) error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		a, err := server.tell(command{Do: "members"})
		switch {
		case err != nil:
			return err
		case a.Ops == int64(n):
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the server has %d listeners, not %d", a.Ops, n)
		}
	}
}

// measureFanout publishes messages one at a time, each when all have the one
// before: a library that queues must not win by putting many messages into one
// wake-up of the receiver.
func measureFanout(b *bench, r socketRow, server, load *child) (sample, error) {
	if err := r.listen(server, load, r.conns); err != nil {
		return sample{}, err
	}
	defer r.unlisten(server, load)
	received := 0
	publish := func(messages int) error {
		for range messages {
			if _, err := server.tell(command{Do: "publish", Size: r.size}); err != nil {
				return err
			}
			received += r.conns
			if _, err := load.tell(command{Do: "await", Count: received}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := publish(3); err != nil { // warm
		return sample{}, err
	}
	before, err := server.tell(command{Do: "usage"})
	if err != nil {
		return sample{}, err
	}
	messages := max(1, b.ms*200/r.conns) // some 5 microseconds a delivery
	if err := publish(messages); err != nil {
		return sample{}, err
	}
	after, err := server.tell(command{Do: "usage"})
	return newSample(int64(messages*r.conns), after.Usage.sub(before.Usage)), err
}

// measureSubscribed compares the resident memory before and after r.conns
// connections have come to listen and were sent one message.
func measureSubscribed(b *bench, r socketRow, server, load *child) (sample, error) {
	send := func(conns int) error {
		if err := r.listen(server, load, conns); err != nil {
			return err
		}
		if _, err := server.tell(command{Do: "publish", Size: r.size}); err != nil {
			return err
		}
		_, err := load.tell(command{Do: "await", Count: conns})
		return err
	}
	if err := send(100); err != nil { // code and tables are not the connections'
		return sample{}, err
	}
	if err := r.unlisten(server, load); err != nil {
		return sample{}, err
	}
	before, err := server.tell(command{Do: "usage", Resident: true})
	if err != nil {
		return sample{}, err
	}
	if err := send(r.conns); err != nil {
		return sample{}, err
	}
	defer r.unlisten(server, load)
	after, err := server.tell(command{Do: "usage", Resident: true})
	if err != nil {
		return sample{}, err
	}
	s := newSample(int64(r.conns), after.Usage.sub(before.Usage))
	s.Value = math.Round(float64(after.Usage.RSS-before.Usage.RSS) / float64(r.conns))
	s.Reads, s.Writes = 0, 0
	return s, nil
}
