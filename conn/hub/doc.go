// Package hub publishes messages to many WebSocket connections: once to a
// [Topic], from there to the [sendqueue.Queue] of each subscriber.
//
// A message is framed once and its bytes are shared; what a subscriber costs a
// publisher is an append to its queue. No publisher waits for a subscriber. One
// that is slow is its queue's business: what gives way is the policy of that
// queue. Under [sendqueue.Block] nothing does: a subscriber whose queue is full
// falls behind, and catches up from the topic's [Log] as its queue makes room.
//
// Every message has a sequence number. A client that comes back names the last
// one it has seen, and [Topic.Subscribe] replays what it missed and goes live,
// with no gap and no duplicate; or says that the history doesn't reach back so
// far ([ErrHistoryLost]), and the client must load its state anew. [Numbered]
// puts the number into the message, where the client finds it with
// [ParseSequence].
//
// The hub carries bytes. It knows no envelopes, no wildcards and no tree of
// topics, it doesn't close connections, and it asks nobody who may subscribe.
package hub
