package hub

import "sync"

// Hub is topics by name. Its methods may be called from any goroutine at any
// time.
type Hub struct {
	configure func(name string) *Config

	mu     sync.Mutex
	topics map[string]*Topic
}

// New returns a hub without topics. configure, unless nil, gives each topic its
// Config, whose Log belongs to that topic alone. It must not call the hub.
func New(configure func(name string) *Config) *Hub {
	if configure == nil {
		configure = func(string) *Config { return nil }
	}
	return &Hub{configure: configure, topics: make(map[string]*Topic)}
}

// Topic returns the topic of that name, and makes it when there is none. A
// topic lives until Delete, so names that clients choose must be bounded by
// the caller.
func (h *Hub) Topic(name string) (*Topic, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t, ok := h.topics[name]; ok {
		return t, nil
	}
	t, err := NewTopic(h.configure(name))
	if err != nil {
		return nil, err
	}
	h.topics[name] = t
	return t, nil
}

// Lookup returns the topic of that name, if there is one.
func (h *Hub) Lookup(name string) (*Topic, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.topics[name]
	return t, ok
}

// Delete closes the topic of that name, and forgets it and its history in
// memory. Whoever still holds the Topic gets ErrClosed.
func (h *Hub) Delete(name string) {
	h.mu.Lock()
	t := h.topics[name]
	delete(h.topics, name)
	h.mu.Unlock()
	if t != nil {
		t.Close()
	}
}

// DeleteIdle deletes the topics that nobody is subscribed to and whose log
// keeps nothing, and returns how many those were. A program calls it now and
// then when its topics come and go; Config.History.Age makes histories end.
// Whoever holds such a Topic gets ErrClosed, and asks the hub for a new one.
func (h *Hub) DeleteIdle() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for name, t := range h.topics {
		if t.closeIfIdle() {
			delete(h.topics, name)
			n++
		}
	}
	return n
}
