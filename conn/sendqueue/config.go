package sendqueue

import (
	"fmt"
	"time"

	"github.com/seed24abed78/rfc6455/frame"
)

// Defaults of the fields of Config that are zero.
const (
	DefaultMaxBytes    = 1 << 20
	DefaultMaxMessages = 1024
)

// Config configures a Queue. A nil *Config and the zero Config are useful:
// they mean the defaults. A Config may be shared by many queues and must not
// be changed once it is in use.
type Config struct {
	// Policy says what gives way when the queue is full. Zero means Block.
	Policy Policy

	// MaxBytes and MaxMessages bound what waits, in bytes of payload and in
	// messages. On top of that come the messages that are being written: 16
	// KiB and 128 messages at most, or one larger message. Zero means
	// DefaultMaxBytes and DefaultMaxMessages; they cannot be negative.
	MaxBytes, MaxMessages int

	// HighWater and LowWater, in bytes of payload not sent, are the levels of
	// Congested and Drained: the queue is congested from the moment when it
	// holds HighWater or MaxMessages messages, or has no room for one, until
	// it holds no more than LowWater and half of MaxMessages. Zero means three
	// quarters of MaxBytes, and half of HighWater; a negative LowWater means
	// empty. HighWater is above LowWater, and MaxBytes at most.
	HighWater, LowWater int

	// MaxAge is how long a message may wait before it isn't worth sending.
	// One that is older is dropped when its turn comes, or, from the front of
	// the queue, when a place is needed. A new value for a key (Item.Key) is
	// as old as itself, not as its place. Zero and negative mean for ever.
	MaxAge time.Duration

	// Direct lets Send write to the socket itself, if nothing is queued and
	// the socket takes the message without waiting; Send then answers Sent.
	// That spares the goroutine and is what a server wants that answers
	// requests. Where many queues get the same message, as from package hub,
	// it would cost the publisher a system call for each of them. It works
	// where conn.TryWrite does; elsewhere messages are queued.
	Direct bool

	// CloseCode and CloseReason are sent to the peer by ClosePeer. Zero means
	// 1008 (policy violation), and an empty reason "reader too slow".
	CloseCode   frame.CloseCode
	CloseReason string
}

// resolve returns a copy of cfg with every default filled in.
func (cfg *Config) resolve() (*Config, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.Policy < Block || c.Policy > ClosePeer {
		return nil, fmt.Errorf("sendqueue: Config.Policy is %v; use Block, DropNewest, DropOldest or ClosePeer", c.Policy)
	}
	if c.MaxBytes < 0 || c.MaxMessages < 0 {
		return nil, fmt.Errorf("sendqueue: Config.MaxBytes is %d and MaxMessages %d; they must be zero (for %d and %d) or positive", c.MaxBytes, c.MaxMessages, DefaultMaxBytes, DefaultMaxMessages)
	}
	c.MaxBytes = orDefault(c.MaxBytes, DefaultMaxBytes)
	c.MaxMessages = orDefault(c.MaxMessages, DefaultMaxMessages)
	c.HighWater = orDefault(c.HighWater, max(1, c.MaxBytes/4*3))
	c.LowWater = max(0, orDefault(c.LowWater, c.HighWater/2))
	if c.HighWater <= c.LowWater {
		return nil, fmt.Errorf("sendqueue: Config.HighWater is %d; it must be above LowWater, %d", c.HighWater, c.LowWater)
	}
	if c.HighWater > c.MaxBytes {
		return nil, fmt.Errorf("sendqueue: Config.HighWater is %d; it must not be above MaxBytes, %d", c.HighWater, c.MaxBytes)
	}
	c.CloseCode = orDefault(c.CloseCode, frame.StatusPolicyViolation)
	c.CloseReason = orDefault(c.CloseReason, "reader too slow")
	if _, err := frame.AppendClose(nil, c.CloseCode, c.CloseReason); err != nil {
		return nil, fmt.Errorf("sendqueue: Config.CloseCode and CloseReason: %w", err)
	}
	return &c, nil
}

// orDefault returns def for the zero value, else v.
func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
