// Package sendqueue is backpressure for a WebSocket connection: a bounded queue
// between producers and one [conn.Conn], with a rule for what gives way when
// the peer reads more slowly than the producers send.
//
// [Queue.Send] doesn't wait for the network. A goroutine writes what is queued,
// with as few system calls as there are write buffers to fill, and ends when
// the queue is empty; an empty queue owns no goroutine and no buffer.
//
// What the queue has accepted is sent, or counted in [Stats] as dropped,
// coalesced or expired, or returned by [Queue.Close]: in every moment
//
//	Accepted = Sent + Dropped + Coalesced + Expired + Returned + Messages
//
// Sent means handed to the transport. Whether the peer has read it, only an
// answer of the peer can tell. The queue doesn't close the connection, but for
// the policy [ClosePeer]; and others may write to the Conn beside it.
package sendqueue
