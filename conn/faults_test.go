package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
)

// fault is what goes wrong at a byte that one end reads or writes.
type fault struct {
	name  string
	do    conntest.Action
	dur   time.Duration // how long a stall lasts; zero is for ever
	drop  bool          // and the other end never hears that this one has closed
	cause error         // what this end must say; nil when it is to wait, or all is well
}

// harmless reports whether the session must go on as if nothing had happened.
func (f *fault) harmless() bool { return f.dur > 0 }

var byteFaults = []fault{
	{name: "cut short", do: conntest.Stall, dur: 1}, // the rest comes with the next call
	{name: "delay", do: conntest.Stall, dur: 3 * time.Second},
	{name: "error", do: conntest.Error, cause: conntest.ErrFault},
	{name: "error, close dropped", do: conntest.Error, drop: true, cause: conntest.ErrFault},
	{name: "reset", do: conntest.Reset, cause: syscall.ECONNRESET},
	{name: "stall", do: conntest.Stall},
	{name: "stall, close dropped", do: conntest.Stall, drop: true},
	{name: "vanish", do: conntest.Vanish},
}

// Every session, each of its ends in turn on a transport on which something
// goes wrong, at each byte that it reads and at each that it writes. Never a
// hang (the bubble would not end), a panic, a goroutine or a transport left
// over, a message twice or out of order, one lost behind a clean end, or an
// error that hides the cause.
func TestFaultAnywhere(t *testing.T) {
	var runs atomic.Int64
	list := sessions()
	step := 1
	if raceEnabled || testing.Short() {
		step = 7 // bytes, so that every kind of byte is hit in some session
	}
	t.Run("sessions", func(t *testing.T) {
		for i, x := range list {
			t.Run(x.name, func(t *testing.T) {
				t.Parallel()
				for _, role := range roles {
					for _, f := range byteFaults {
						for _, write := range []bool{false, true} {
							synctest.Test(t, func(t *testing.T) {
								whole := x.play(t.Context(), untouched)
								for at := i % step; at <= whole.bytes(role, write); at += step {
									x.playWith(t, whole, role, &f, write, at)
									runs.Add(1)
								}
							})
						}
					}
				}
			})
		}
	})
	t.Logf("%d sessions, %d runs", len(list), runs.Load())
}

func untouched(_ conn.Role, nc net.Conn) net.Conn { return nc }

// bytes returns how many bytes an end has read or written.
func (p *played) bytes(role conn.Role, write bool) int {
	if (role == conn.Client) == write {
		return len(p.tapes[0].wire)
	}
	return len(p.tapes[1].wire)
}

// playWith plays the session with a fault, and judges what came of it by how
// the session is without.
func (x *session) playWith(t *testing.T, whole *played, role conn.Role, f *fault, write bool, at int) {
	what := fmt.Sprintf("%s at byte %d that the %v reads", f.name, at, role)
	trigger := conntest.Trigger{Byte: int64(at), Do: f.do}
	later := conntest.Fault{Read: trigger, DropClose: f.drop}
	if write {
		what = fmt.Sprintf("%s at byte %d that the %v writes", f.name, at, role)
		later = conntest.Fault{Write: trigger, DropClose: f.drop}
	}
	p := x.play(t.Context(), func(r conn.Role, nc net.Conn) net.Conn {
		if r != role {
			return nc
		}
		faulty := later.Wrap(nc)
		if f.dur > 0 {
			time.AfterFunc(f.dur, func() { faulty.Set(conntest.Fault{}) })
		}
		return faulty
	})
	near, far := p.side(role), p.side(opposite(role))
	requireInOrder(t, near, far)
	requireInOrder(t, far, near)
	requireNothingLost(t, near, far, what)
	requireNothingLost(t, far, near, what)
	for i, tape := range p.tapes {
		dropped := f.drop && roles[i] == role
		require.True(t, tape.closed || dropped, "%s: the transport of the %v is open", what, roles[i])
		tape.End.Close()
	}
	if f.harmless() {
		for _, r := range roles {
			require.Equal(t, whole.side(r).got, p.side(r).got, what)
			require.Equal(t, fmt.Sprint(whole.side(r).err), fmt.Sprint(p.side(r).err), what)
		}
		return
	}
	if !x.endsAs(near.err, whole.side(role).err) && !f.explains(near.err) {
		t.Fatalf("%s: it says %v", what, near.err)
	}
	if !x.endsAs(far.err, whole.side(far.role).err) && !f.explainsFar(far.err) {
		t.Fatalf("%s: the %v says %v", what, far.role, far.err)
	}
}

// requireNothingLost checks that an end that was closed by the peer, cleanly,
// had read all that the peer took for written.
func requireNothingLost(t *testing.T, from, to *side, what string) {
	var ce *conn.CloseError
	if errors.As(to.err, &ce) && ce.Err == nil && !ce.Local {
		require.GreaterOrEqual(t, len(to.got), from.wrote, "%s: the %v ended with %v, and got %q of %q", what, to.role, to.err, to.got, from.sent)
	}
}

// endsAs reports whether an end hears what it hears without a fault. Where
// both ends close, either may be first now.
func (x *session) endsAs(err, whole error) bool {
	if fmt.Sprint(err) == fmt.Sprint(whole) {
		return true
	}
	var ce *conn.CloseError
	return errors.As(err, &ce) && ce.Err == nil && errors.As(whole, &ce) && ce.Err == nil
}

// waitedFor reports whether an error says that waiting for the peer ended.
func waitedFor(err error) bool {
	var dead *conn.KeepaliveError
	return errors.As(err, &dead) || errors.Is(err, context.DeadlineExceeded) ||
		strings.Contains(err.Error(), "Config.CloseTimeout") || strings.Contains(err.Error(), "Config.ControlTimeout") ||
		strings.Contains(err.Error(), "Config.HandshakeTimeout")
}

// explains reports whether an error of the end with the fault has the cause.
func (f *fault) explains(err error) bool {
	if f.cause != nil {
		return errors.Is(err, f.cause)
	}
	// The other end may have had enough first, and closed.
	return waitedFor(err) || lostPeer(err)
}

// explainsFar is explains for the other end, which sees less.
func (f *fault) explainsFar(err error) bool {
	switch {
	case f.do == conntest.Reset:
		return errors.Is(err, syscall.ECONNRESET)
	case f.drop, f.cause == nil:
		return waitedFor(err) || lostPeer(err)
	}
	return lostPeer(err)
}

// lostPeer reports whether an error says that the peer is gone.
func lostPeer(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) // in a handshake
}

// Every session on transports on which all calls are short or slow, or whose
// closing the other end doesn't hear of.
func TestSlowTransports(t *testing.T) {
	runs := 0
	for _, x := range sessions() {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				whole := x.play(t.Context(), untouched)
				for _, f := range []conntest.Fault{
					{MaxRead: 1}, {MaxRead: 2}, {MaxRead: 3}, {MaxRead: 7}, {MaxWrite: 1}, {MaxWrite: 2}, {MaxWrite: 5},
					{MaxRead: 1, MaxWrite: 1}, {ReadDelay: time.Millisecond}, {WriteDelay: time.Millisecond},
					{MaxRead: 1, ReadDelay: time.Millisecond}, {MaxWrite: 3, WriteDelay: time.Millisecond},
					{DropClose: true},
				} {
					for _, role := range roles {
						what := fmt.Sprintf("%+v at the %v", f, role)
						p := x.play(t.Context(), func(r conn.Role, nc net.Conn) net.Conn {
							if r != role {
								return nc
							}
							return f.Wrap(nc)
						})
						runs++
						requireInOrder(t, p.client, p.server)
						requireInOrder(t, p.server, p.client)
						require.Equal(t, whole.client.got, p.client.got, what)
						require.Equal(t, whole.server.got, p.server.got, what)
						for _, tape := range p.tapes {
							tape.End.Close()
						}
						if f.DropClose { // whoever hears nothing gives up in the end
							continue
						}
						require.Equal(t, fmt.Sprint(whole.client.err), fmt.Sprint(p.client.err), what)
						require.Equal(t, fmt.Sprint(whole.server.err), fmt.Sprint(p.server.err), what)
					}
				}
			})
		})
	}
	t.Logf("%d runs", runs)
}
