// Package reconnect keeps a client connected: through lost networks, restarts
// and deploys, without a stampede (RFC 6455, section 7.2.3), and without
// missing a message where the server can say what was missed.
//
// A [Client] dials, runs Config.OnConnect, and lets messages flow; when the
// connection is lost it waits as [Backoff] says and begins again. It ends when
// its context does, with Close, with a failure that another attempt won't cure
// (see [DefaultFatal]), or when Config.MaxAttempts or MaxElapsed is used up.
//
//	client, err := reconnect.New(ctx, "wss://example.com/feed", &reconnect.Config{
//		Identify:  number,    // which message this is
//		OnConnect: subscribe, // "send what comes after resume.Last"
//	})
//	...
//	for msg, err := range client.Messages(ctx) {
//		var gap *reconnect.GapError
//		if errors.As(err, &gap) {
//			reload() // the server's history did not reach back
//			continue
//		}
//		if err != nil {
//			return err
//		}
//		use(msg)
//	}
//
// Where the server publishes with package hub, the other side is ready:
// [ServeTopic] there, and here OnConnect: TopicSince and Identify: TopicID.
//
// # What is guaranteed: receiving
//
// Without Config.Identify, Messages yields each message that was read, once and
// in order. What the server sent while the connection was lost, or what was on
// its way then, is missed, and nobody is told.
//
// With Config.Identify and numbers (ID.Seq), and a server that sends on a new
// connection what comes after Resume.Last, Messages yields every message of a
// stream exactly once and in order, or a [*GapError] where messages are
// missing. It holds from the first message of the stream that was received,
// from Resume.StartAt, or from Config.Resume on. With ID.Event in the place of
// numbers duplicates are dropped, but a gap is told only when the server
// declares it (Resume.HistoryLost, ID.HistoryLost).
//
// "Yields" is the limit: a program that ends between taking a message and
// being done with it has to take it again. It stores Message.ID after the work
// and gives it back as Config.Resume; the work then is done at least once.
//
// # What is guaranteed: sending
//
// Messages leave in the order in which SendItem took them in, except that one with
// a Key takes the place of the unsent one with the same Key.
//
// Without Config.Ack a message is sent at most once: it leaves the outbox when
// it is written, and when the connection is lost then or later it is not sent
// again. What was not begun waits for the next connection. Trace.Failed sees
// the one that was being written; those that lay in a buffer of the kernel, or
// had left, nobody can name.
//
// With Config.Ack a message is sent at least once: it stays in the outbox until
// the server acknowledges it, and every new connection begins with what is not
// acknowledged, in order, after OnConnect. The server sees a message again when
// an acknowledgement was lost, and tells it by the ID that the application put
// into it.
//
// Both hold for what Config.Policy has not dropped, which it says, and end with
// the process: the outbox is in memory. Close returns what is left of it.
//
// # What it does not do
//
// It does not resume TLS sessions or TCP, does not know any server's protocol,
// and stores nothing. It does not find out that a silent connection is dead;
// the keepalive of package conn does. The server's side that it has, ServeTopic,
// carries one topic a connection.
//
// The file docs/reconnect.md has all guarantees and bounds in tables, with the
// test of each.
package reconnect
