package conntest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// DefaultBuffer is what a Link with a zero Buffer holds, in bytes each way.
const DefaultBuffer = 64 << 10

// Link describes the way between the two ends of a [Pipe]. The zero Link is
// useful: no latency, and DefaultBuffer.
type Link struct {
	// Latency is how long each byte, and the end of the stream, is on its
	// way, in either direction. Zero means none.
	Latency time.Duration

	// Buffer bounds the bytes that were written and not yet read, in each
	// direction; a Write waits while it is full. Zero means DefaultBuffer;
	// negative means none: a Write waits until all of it has been read.
	Buffer int
}

// Pipe returns the two ends of a connection in memory. Other than those of
// net.Pipe they can have a buffer and latency, and close one direction alone.
func Pipe(l Link) (a, b *End) {
	if l.Buffer == 0 {
		l.Buffer = DefaultBuffer
	}
	ab, ba := newStream(l), newStream(l)
	return &End{in: ba, out: ab, name: "a"}, &End{in: ab, out: ba, name: "b"}
}

// End is one end of a [Pipe], a net.Conn. Its methods may be called from any
// goroutine.
type End struct {
	in, out *stream
	name    string
}

// Read reads what has arrived, and waits while nothing has. It returns io.EOF
// when the other end has closed and everything before that was read.
func (e *End) Read(p []byte) (int, error) {
	n, err := e.in.read(p)
	return n, e.wrap("read", err)
}

// Write hands p over as far as the buffer takes it, and waits for the rest. On
// an error the count says how many bytes the other end gets.
func (e *End) Write(p []byte) (int, error) {
	n, err := e.out.write(p)
	return n, e.wrap("write", err)
}

// Close closes both directions. What was written arrives nevertheless.
func (e *End) Close() error {
	e.out.finish()
	e.in.abandon(net.ErrClosed)
	return nil
}

// CloseWrite closes the direction away from this end, as net.TCPConn does.
func (e *End) CloseWrite() error {
	e.out.finish()
	return nil
}

// Reset ends both directions at once, as a TCP reset does: the other end gets
// syscall.ECONNRESET, and whatever was on the way is lost.
func (e *End) Reset() {
	e.out.reset()
	e.in.abandon(net.ErrClosed)
	e.out.abandonWriter(net.ErrClosed)
	e.in.abandonWriter(syscall.ECONNRESET)
}

// LocalAddr returns the address of this end.
func (e *End) LocalAddr() net.Addr { return Addr(e.name) }

// RemoteAddr returns the address of the other end.
func (e *End) RemoteAddr() net.Addr {
	if e.name == "a" {
		return Addr("b")
	}
	return Addr("a")
}

// SetDeadline sets both deadlines.
func (e *End) SetDeadline(t time.Time) error {
	e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

// SetReadDeadline ends reads with os.ErrDeadlineExceeded from t on; the zero
// time means never.
func (e *End) SetReadDeadline(t time.Time) error {
	e.in.setDeadline(&e.in.readBy, t)
	return nil
}

// SetWriteDeadline does the same for writes.
func (e *End) SetWriteDeadline(t time.Time) error {
	e.out.setDeadline(&e.out.writeBy, t)
	return nil
}

func (e *End) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: e.LocalAddr().Network(), Source: e.LocalAddr(), Addr: e.RemoteAddr(), Err: err}
}

// Addr is the address of one end of a [Pipe].
type Addr string

// Network returns "memory".
func (Addr) Network() string { return "memory" }

func (a Addr) String() string { return string(a) }

// stream is one direction. Waiting is on a sync.Cond, which fake time sees.
type stream struct {
	latency time.Duration
	limit   int // negative: none

	mu      sync.Mutex
	changed sync.Cond
	chunks  []chunk // on the way or arrived, the oldest first
	size    int     // bytes in chunks
	finDue  time.Time
	fin     bool

	writing           bool  // a Write is under way; others wait for their turn
	readErr, writeErr error // set once, when that side is over
	readBy, writeBy   deadline
}

// chunk is what one Write put on the way, and when it arrives.
type chunk struct {
	due  time.Time
	data []byte
}

func newStream(l Link) *stream {
	s := &stream{latency: l.Latency, limit: l.Buffer}
	s.changed.L = &s.mu
	return s
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

// arrival returns when what is sent now arrives, and sees that readers wake.
func (s *stream) arrival() time.Time {
	due := time.Now().Add(s.latency) // before the timer starts, which must not be early
	if s.latency > 0 {
		time.AfterFunc(s.latency, s.wake)
	}
	return due
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readErr != nil:
			return 0, s.readErr
		case s.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		}
		if n := s.take(p); n > 0 {
			s.changed.Broadcast()
			return n, nil
		}
		if s.fin && len(s.chunks) == 0 && !time.Now().Before(s.finDue) {
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

// take moves what has arrived to p.
func (s *stream) take(p []byte) (n int) {
	for n < len(p) && len(s.chunks) > 0 && !time.Now().Before(s.chunks[0].due) {
		m := copy(p[n:], s.chunks[0].data)
		n += m
		if s.chunks[0].data = s.chunks[0].data[m:]; len(s.chunks[0].data) == 0 {
			s.chunks = s.chunks[1:]
		}
	}
	s.size -= n
	return n
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing {
		if err := s.writeOver(); err != nil {
			return 0, err
		}
		s.changed.Wait()
	}
	s.writing = true
	defer func() {
		s.writing = false
		s.changed.Broadcast()
	}()
	if s.limit < 0 {
		return s.handOver(p)
	}
	for {
		if err := s.writeOver(); err != nil {
			return n, err
		}
		if m := min(len(p)-n, s.limit-s.size); m > 0 {
			s.put(p[n : n+m])
			n += m
		}
		if n == len(p) {
			return n, nil
		}
		s.changed.Wait()
	}
}

// handOver is a write without a buffer: it waits until p has been read. What
// has not been read when it must give up is taken back.
func (s *stream) handOver(p []byte) (int, error) {
	if err := s.writeOver(); err != nil || len(p) == 0 {
		return 0, err
	}
	s.put(p)
	for s.size > 0 {
		if err := s.writeOver(); err != nil {
			n := len(p) - s.size
			s.chunks, s.size = nil, 0
			return n, err
		}
		s.changed.Wait()
	}
	return len(p), nil
}

func (s *stream) put(p []byte) {
	s.chunks = append(s.chunks, chunk{s.arrival(), append([]byte(nil), p...)})
	s.size += len(p)
	s.changed.Broadcast()
}

// writeOver returns why a write cannot go on, or nil.
func (s *stream) writeOver() error {
	switch {
	case s.writeErr != nil:
		return s.writeErr
	case s.writeBy.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// finish ends the stream behind what was written.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fin {
		return
	}
	s.fin, s.finDue = true, s.arrival()
	if s.writeErr == nil {
		s.writeErr = net.ErrClosed
	}
	s.changed.Broadcast()
}

// abandon ends reading, because the reader has closed; the writer's next bytes
// have nowhere to go.
func (s *stream) abandon(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == nil {
		s.readErr = cause
	}
	if s.writeErr == nil {
		s.writeErr = syscall.EPIPE
	}
	s.changed.Broadcast()
}

// abandonWriter ends writing.
func (s *stream) abandonWriter(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeErr = cause
	s.changed.Broadcast()
}

// reset throws away what is on the way, and tells the reader.
func (s *stream) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chunks, s.size = nil, 0
	if s.readErr == nil {
		s.readErr = syscall.ECONNRESET
	}
	s.changed.Broadcast()
}

func (s *stream) setDeadline(d *deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.set(t, s.wake)
	s.changed.Broadcast()
}

// deadline is a moment at which those who wait are woken.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(t time.Time, wake func()) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, wake)
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
