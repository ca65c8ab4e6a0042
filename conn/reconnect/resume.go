package reconnect

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ID is what a received message says about its place, so that the Client can
// ask for what comes after it. The zero ID is a message without a place: it is
// delivered whenever it comes.
type ID struct {
	// Stream names the numbering, for servers that send several of them (one
	// a topic, for example) over one connection.
	Stream string
	// Seq is the message's number in its stream: 1 or more, one more than the
	// number before. Duplicates and gaps are noticed by it: a number that is
	// not above the last one is a duplicate. A server that begins to count
	// anew has to say so, with HistoryLost here or in Resume.
	Seq uint64
	// Event is an identifier without an order, for servers that have no
	// numbers. Duplicates are noticed among the last 1,024 of a stream; gaps
	// can't be.
	Event string
	// HistoryLost marks a notice of the server in the place of a message: it
	// no longer has what came before, and what it is going to send comes
	// after Seq. Messages tells it with a GapError and does not yield the
	// notice.
	HistoryLost bool
}

func (id ID) isZero() bool { return id.Seq == 0 && id.Event == "" }

const (
	// recentEvents is how many Events of a stream are remembered.
	recentEvents = 1024

	// maxName bounds ID.Stream and ID.Event, in bytes.
	maxName = 1024
)

// GapError says that messages were missed and won't come any more. It comes
// out of Messages in the place of what is missing, and is not the end: the
// next turn of the loop goes on behind the gap. Whoever keeps a copy of the
// server's data loads it anew.
type GapError struct {
	Stream string
	// After is the last message before the gap, or the zero ID.
	After ID
	// Next is the first behind it, when that is known.
	Next ID
	// HistoryLost says that the server declared the gap (Resume.HistoryLost,
	// ID.HistoryLost); otherwise the Client noticed it by the numbers.
	HistoryLost bool
}

// Missed returns how many messages are missing, or 0 when that is unknown.
func (e *GapError) Missed() uint64 {
	if e.HistoryLost || e.Next.Seq <= e.After.Seq {
		return 0
	}
	return e.Next.Seq - e.After.Seq - 1
}

func (e *GapError) Error() string {
	of := ""
	if e.Stream != "" {
		of = fmt.Sprintf(" of stream %q", e.Stream)
	}
	if e.HistoryLost {
		return fmt.Sprintf("reconnect: history lost: the server no longer has what came after message %s%s; load the data anew", e.After.name(), of)
	}
	return fmt.Sprintf("reconnect: %d messages%s are missing between %s and %s; load the data anew", e.Missed(), of, e.After.name(), e.Next.name())
}

func (id ID) name() string {
	if id.Event != "" {
		return fmt.Sprintf("%q", id.Event)
	}
	return fmt.Sprint(id.Seq)
}

// verdict is what the tracker says of a received message.
type verdict uint8

const (
	fresh verdict = iota
	duplicate
	afterGap
)

// tracker knows how far each stream has been received. It belongs to the
// Client's goroutine.
type tracker struct {
	streams map[string]*stream
	max     int
}

type stream struct {
	name   string
	last   ID
	placed bool               // what comes next is known, though last may be 0
	recent map[event]struct{} // those in ring
	ring   []event
	oldest int
}

// event stands for an ID.Event, however long that is: a hash, for which nobody
// finds a second Event.
type event [sha256.Size]byte

var (
	errTooManyStreams = Permanent(errors.New("there are more streams than Config.MaxStreams"))
	errLongName       = Permanent(fmt.Errorf("an ID.Stream or ID.Event is longer than %d bytes", maxName))
)

// stream returns the stream of id, which is judged here.
func (t *tracker) stream(id ID) (*stream, error) {
	if max(len(id.Stream), len(id.Event)) > maxName {
		return nil, errLongName
	}
	s := t.streams[id.Stream]
	if s == nil {
		if len(t.streams) >= t.max {
			return nil, errTooManyStreams
		}
		s = &stream{name: strings.Clone(id.Stream)}
		t.streams[s.name] = s
	}
	return s, nil
}

// move says that id is the last message. What is kept is no part of a message,
// which Identify may have cut it out of.
func (s *stream) move(id ID) {
	s.last = ID{Stream: s.name, Seq: id.Seq, Event: strings.Clone(id.Event)}
}

// see judges the next message and moves on to it, unless it is a duplicate.
// before is where the stream stood.
func (t *tracker) see(id ID) (v verdict, before ID, err error) {
	if id.isZero() {
		return fresh, ID{}, nil
	}
	s, err := t.stream(id)
	if err != nil {
		return fresh, ID{}, err
	}
	before = s.last
	if id.Seq == 0 {
		if !s.remember(id.Event) {
			return duplicate, before, nil
		}
		s.move(id)
		return fresh, before, nil
	}
	switch {
	case !s.placed || id.Seq == before.Seq+1:
		v = fresh
	case id.Seq <= before.Seq:
		return duplicate, before, nil
	default:
		v = afterGap
	}
	s.move(id)
	s.placed = true
	return v, before, nil
}

// remember takes note of an Event, and reports false when it is known.
func (s *stream) remember(name string) bool {
	e := event(sha256.Sum256([]byte(name)))
	if _, known := s.recent[e]; known {
		return false
	}
	if s.recent == nil {
		s.recent = make(map[event]struct{})
	}
	if len(s.ring) < recentEvents {
		s.ring = append(s.ring, e)
	} else {
		delete(s.recent, s.ring[s.oldest])
		s.ring[s.oldest] = e
		s.oldest = (s.oldest + 1) % recentEvents
	}
	s.recent[e] = struct{}{}
	return true
}

// Resume tells OnConnect where the Client stands, and takes what the server
// answers. It is of no use after OnConnect has returned.
type Resume struct {
	// Connection counts the Client's connections, this one included: 1 is
	// the first, and everything above it a return.
	Connection int
	// Err is why the last attempt failed, or the last connection ended; nil
	// at the first attempt.
	Err error
	// Unacknowledged is how many messages are going to be sent again after
	// OnConnect, because they were sent and not acknowledged.
	Unacknowledged int

	tracker *tracker
	gaps    []*GapError
	err     error
}

// Last returns the last message received of a stream, or of the only stream,
// "". It is the zero ID when there was none. Messages that arrive now with
// this Seq or a lower one, or with an Event that is known, are dropped.
func (r *Resume) Last(stream string) ID {
	if s := r.tracker.streams[stream]; s != nil {
		return s.last
	}
	return ID{}
}

// Streams returns Last of every stream that is known, sorted by name.
func (r *Resume) Streams() []ID {
	var ids []ID
	for _, s := range r.tracker.streams {
		if !s.last.isZero() {
			ids = append(ids, s.last)
		}
	}
	slices.SortFunc(ids, func(a, b ID) int { return strings.Compare(a.Stream, b.Stream) })
	return ids
}

// StartAt says that the server is going to send what comes after id. On a
// Client that has received nothing of the stream, it sets where to begin, so
// that a connection lost before the first message misses nothing. When id is
// behind the last message received, the overlap is dropped as duplicates; when
// it is beyond that, Messages tells the gap. It is for streams with numbers:
// a Seq of 0 means that the stream begins, and that 1 comes next.
func (r *Resume) StartAt(id ID) {
	s, err := r.tracker.stream(id)
	if err != nil {
		r.err = err
		return
	}
	if s.placed && id.Seq <= s.last.Seq {
		return
	}
	if s.placed {
		next := ID{Stream: id.Stream, Seq: id.Seq + 1}
		r.gaps = append(r.gaps, &GapError{Stream: id.Stream, After: s.last, Next: next})
	}
	s.move(id)
	s.placed = true
}

// HistoryLost says that the server no longer has what came after Last, or
// never had it, because it numbers anew since it lost its own memory. What it
// is going to send comes after id, whose Seq is 0 when that begins with 1.
// Messages tells the gap with a GapError.
func (r *Resume) HistoryLost(id ID) {
	gap, err := r.tracker.lose(id)
	if err != nil {
		r.err = err
		return
	}
	r.gaps = append(r.gaps, gap)
}

// lose begins a stream anew behind id.
func (t *tracker) lose(id ID) (*GapError, error) {
	s, err := t.stream(id)
	if err != nil {
		return nil, err
	}
	gap := &GapError{Stream: id.Stream, After: s.last, HistoryLost: true}
	if id.Event == "" && s.last.Event == "" {
		gap.Next = ID{Stream: id.Stream, Seq: id.Seq + 1}
	}
	*s = stream{name: s.name, placed: true}
	s.move(id)
	return gap, nil
}
