package reconnect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
)

// Defaults of the fields of Config that are zero.
const (
	DefaultStableAfter    = 30 * time.Second
	DefaultMaxRetryAfter  = 15 * time.Minute
	DefaultConnectTimeout = 10 * time.Second
	DefaultOutboxBytes    = sendqueue.DefaultMaxBytes
	DefaultOutboxMessages = sendqueue.DefaultMaxMessages
	DefaultInboxBytes     = 1 << 20
	DefaultInboxMessages  = 256
	DefaultMaxStreams     = 1024
)

// Config configures a Client. A nil *Config and the zero Config are useful:
// they mean a client that connects again for ever, with nothing to resume. A
// Config must not be changed once it is in use.
//
// The functions in it are called from goroutines of the Client, one after the
// other but for Trace.Dropped, which is called by whoever sends. They must
// return soon, and must not call Close.
type Config struct {
	// Conn configures every connection; nil means the defaults of conn.
	Conn *conn.Config

	// Dial opens one connection, in place of conn.Dial, for a token that has
	// to be fetched anew or for another address at each attempt. Its errors
	// are judged as those of conn.Dial are. It must return when ctx ends,
	// which it does with the Client, and has to bound its time by itself.
	Dial func(ctx context.Context, url string, cfg *conn.Config) (*conn.Conn, error)

	// OnConnect runs on every new connection before messages flow: it logs
	// in, subscribes, and asks for what was missed since resume.Last. It may
	// write to ws and read from it; when it returns nil, the Client goes on
	// reading where it stopped. An error closes the connection and counts as
	// a failed attempt, unless it is fatal (see Permanent). The end of ctx
	// closes the connection as well. Nil does nothing.
	OnConnect func(ctx context.Context, ws *conn.Conn, resume *Resume) error

	// ConnectTimeout bounds OnConnect. Zero means DefaultConnectTimeout,
	// negative means no bound. Dialing is bounded by Conn.HandshakeTimeout.
	ConnectTimeout time.Duration

	// Backoff says how long to wait between attempts.
	Backoff Backoff

	// StableAfter is how long a connection has to be open for the backoff,
	// and the limits below, to begin anew when it ends. Zero means
	// DefaultStableAfter, negative means that any connection will do, which
	// turns a server that takes connections and drops them into a busy loop
	// of up to Backoff.Base a turn.
	StableAfter time.Duration

	// MaxAttempts is how many attempts in a row may fail, or lead to a
	// connection that was not stable, before the Client gives up.
	// Zero means no limit; it cannot be negative.
	MaxAttempts int

	// MaxElapsed bounds the time since the Client last had a stable
	// connection, or began. It gives up when the next attempt would begin
	// later. Zero means no limit; it cannot be negative.
	MaxElapsed time.Duration

	// MaxRetryAfter bounds what is honoured of the Retry-After that comes
	// with a 429 or 503. Zero means DefaultMaxRetryAfter, negative means
	// that Retry-After is ignored. The backoff's random delay is added, so
	// that those who were told the same don't come back as one.
	MaxRetryAfter time.Duration

	// Fatal reports whether the failure of an attempt, or the end of a
	// connection, closes the Client. Nil means DefaultFatal.
	Fatal func(err error) bool

	// Identify says where a received message stands; with it the Client
	// knows what to ask for, drops duplicates and notices gaps. It must not
	// keep the message's Data. Nil means that messages have no place, and
	// what is missed during an outage is missed unnoticed.
	Identify func(conn.Message) ID

	// Resume is where to go on from: the last ID of each stream that an
	// earlier run of the application has dealt with.
	Resume []ID

	// MaxStreams bounds the streams that the server may name; one more closes
	// the Client, and so does a name or an Event of more than 1,024 bytes.
	// Zero means DefaultMaxStreams.
	MaxStreams int

	// Ack recognizes the server's acknowledgements among the received
	// messages. With it, every sent message is kept until it is acknowledged,
	// and sent again, in order, on every new connection: at least once.
	// Without it, a message is sent at most once. Data must not be kept.
	Ack func(conn.Message) (ack Ack, ok bool)

	// Policy says what gives way when the outbox is full, which it gets
	// while offline, and while the server takes or acknowledges less than is
	// sent: sendqueue.Block makes SendItem wait, sendqueue.DropNewest refuses the
	// message, sendqueue.DropOldest drops from the front, which may be a
	// message that was sent and not acknowledged. ClosePeer is not for
	// clients.
	Policy sendqueue.Policy

	// OutboxBytes and OutboxMessages bound what is sent and has not left, or
	// was not acknowledged: in bytes of payload and in messages.
	// Zero means DefaultOutboxBytes and DefaultOutboxMessages.
	OutboxBytes, OutboxMessages int

	// InboxBytes and InboxMessages bound what is received and not taken by
	// Messages. When one of them is reached the Client stops reading, so that
	// the bytes are exceeded by the last message at most, and the server has
	// to wait. It waits for acknowledgements and pongs as well: an
	// application that only sends has to range over Messages all the same.
	// Zero means DefaultInboxBytes and DefaultInboxMessages.
	InboxBytes, InboxMessages int

	// Logger gets a line for every change of state: Info when a connection
	// opens or the Client closes without an error, Warn when a connection or
	// an attempt fails, Error when the Client closes for another reason than
	// Close. The URL is logged without userinfo and query, which may be
	// secret. Nil means none.
	Logger *slog.Logger

	// Trace has functions that see what happens. Nil means none.
	Trace *Trace
}

// Ack says what an acknowledgement acknowledges.
type Ack struct {
	// ID is the Item.ID.
	ID string
	// UpTo says that everything sent before it is acknowledged as well.
	UpTo bool
	// Deliver says that the message has something for the application, too,
	// and goes on to Messages. Otherwise it ends here.
	Deliver bool
}

// Trace has functions that a Client calls when they are set. They must not
// block.
type Trace struct {
	State     func(State)     // after every change of state
	Duplicate func(ID)        // a received message was dropped, because it was received before
	Gap       func(*GapError) // messages are missing; Messages makes one GapError of two that meet
	Dropped   func(Item)      // a message to be sent gave way to Config.Policy
	Failed    func(Item)      // was being written when the connection was lost: it may have arrived, and is not sent again
	Resent    func(n int)     // after a new connection opened: how many messages are sent again
}

// resolve returns a copy of cfg with every default filled in. In the copy, no
// bound is the largest value.
func (cfg *Config) resolve() (*Config, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Dial == nil {
		c.Dial = conn.Dial
	}
	if c.OnConnect == nil {
		c.OnConnect = func(context.Context, *conn.Conn, *Resume) error { return nil }
	}
	if c.Fatal == nil {
		c.Fatal = DefaultFatal
	}
	if c.Identify == nil {
		c.Identify = func(conn.Message) ID { return ID{} }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Trace == nil {
		c.Trace = new(Trace)
	}
	const forever = 1<<63 - 1
	c.Backoff = c.Backoff.withDefaults()
	c.ConnectTimeout = orDefault(c.ConnectTimeout, DefaultConnectTimeout, forever)
	c.StableAfter = orDefault(c.StableAfter, DefaultStableAfter, 0)
	c.MaxRetryAfter = orDefault(c.MaxRetryAfter, DefaultMaxRetryAfter, 0)
	c.MaxStreams = orDefault(c.MaxStreams, DefaultMaxStreams, 0)
	c.OutboxBytes = orDefault(c.OutboxBytes, DefaultOutboxBytes, 0)
	c.OutboxMessages = orDefault(c.OutboxMessages, DefaultOutboxMessages, 0)
	c.InboxBytes = orDefault(c.InboxBytes, DefaultInboxBytes, 0)
	c.InboxMessages = orDefault(c.InboxMessages, DefaultInboxMessages, 0)
	return &c, nil
}

func (cfg *Config) validate() error {
	if err := cfg.Backoff.validate(); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"MaxAttempts", int64(cfg.MaxAttempts)},
		{"MaxElapsed", int64(cfg.MaxElapsed)},
		{"MaxStreams", int64(cfg.MaxStreams)},
		{"OutboxBytes", int64(cfg.OutboxBytes)},
		{"OutboxMessages", int64(cfg.OutboxMessages)},
		{"InboxBytes", int64(cfg.InboxBytes)},
		{"InboxMessages", int64(cfg.InboxMessages)},
	} {
		if f.value < 0 {
			return fmt.Errorf("reconnect: Config.%s is %d; it must be zero (for the default) or positive", f.name, f.value)
		}
	}
	switch cfg.Policy {
	case sendqueue.Block, sendqueue.DropNewest, sendqueue.DropOldest:
	default:
		return fmt.Errorf("reconnect: Config.Policy is %v; use sendqueue.Block, DropNewest or DropOldest", cfg.Policy)
	}
	if len(cfg.Resume) > 0 && cfg.Identify == nil {
		return errors.New("reconnect: Config.Resume is of no use without Config.Identify")
	}
	return nil
}

// orDefault returns def for zero, negative for a negative value, else v.
func orDefault[T int | time.Duration](v, def, negative T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return negative
	}
	return v
}
