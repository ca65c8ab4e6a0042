// Package conn is a WebSocket connection over any net.Conn: messages, control
// frames, the closing handshake, limits and contexts (RFC 6455).
//
// A server on net/http accepts with [Accept] or [Handler], a server on a bare
// listener with [Upgrade], a client dials with [Dial], and [New] takes over
// after somebody else's handshake. All four give the same [Conn].
//
// One goroutine reads at a time; a second one waits for its turn. Every other
// method may be called from any goroutine at any time. A read whose context
// ends leaves the Conn usable. A write that is cut inside a frame fails the
// connection, because nothing that follows could be told from the payload.
//
// The rules of the protocol are not here: package frame judges frames, and
// package handshake judges requests and responses. This package owns sockets,
// buffers, locks and time.
package conn
