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
// # Reading and writing
//
// [Conn.Messages] ranges over messages without copying them; [Conn.ReadMessage]
// gives each memory of its own, [Conn.AppendMessage] the caller's, and
// [Conn.NextReader] is for messages too large to hold. [Conn.WriteMessage] sends
// a message; [Conn.BufferMessage] lets several leave together, [Prepare] frames
// one for many connections, and [Conn.NextWriter] is for a message whose length
// isn't known yet.
//
// Somebody has to read all the time, a server that only sends too: pings are
// answered, pongs and Close are heard, and dead peers are found by whoever
// reads. [Conn.CloseRead] does that for programs that expect no messages.
//
// # How it ends
//
// [Conn.Close] and [Conn.CloseWith] perform the closing handshake,
// [Conn.CloseNow] doesn't, and [Group] does it for all connections of a server.
// Afterwards every call returns the same error: a [*CloseError], which has the
// peer's code and reason, or the cause for which the connection failed; it is
// net.ErrClosed as well where this side closed it.
//
// # What it does not do
//
// The rules of the protocol are not here: package frame judges frames, and
// package handshake judges requests and responses. This package owns sockets,
// buffers, locks and time. It queues nothing for a slow peer (package sendqueue
// does), sends nothing to many at once (package hub), and doesn't connect again
// (package reconnect). It doesn't speak over HTTP/2 or HTTP/3, and doesn't know
// who the peer is: Config.CheckRequest is the place to ask.
package conn
