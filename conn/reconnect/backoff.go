package reconnect

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Defaults of the fields of Backoff that are zero.
const (
	// DefaultBackoffBase is the spread that RFC 6455, section 7.2.3, finds
	// reasonable for the first retry.
	DefaultBackoffBase   = 5 * time.Second
	DefaultBackoffCap    = time.Minute
	DefaultBackoffFactor = 2.0
)

// Backoff says how long a Client waits between attempts: exponential backoff
// with full jitter. Before retry n, counted from 0, it waits a time drawn
// evenly from 0 up to
//
//	min(Cap, Base * Factor^n)
//
// The first retry is random too, because everybody lost the same server at the
// same moment (RFC 6455, section 7.2.3). The whole delay is random, and not
// only a part of it, because that spreads clients the most: with the default
// Base, 2% of them fall into any 100 ms after a restart.
type Backoff struct {
	// Base bounds the first delay. Zero means DefaultBackoffBase.
	Base time.Duration
	// Cap bounds every delay. Zero means DefaultBackoffCap, or Base if that
	// is longer.
	Cap time.Duration
	// Factor is what the bound grows by with each retry, 1 or more.
	// Zero means DefaultBackoffFactor.
	Factor float64
}

// Bound returns the upper bound of the delay before retry n, which counts
// from 0.
func (b Backoff) Bound(n int) time.Duration {
	b = b.withDefaults()
	bound := float64(b.Base) * math.Pow(b.Factor, float64(max(n, 0)))
	if bound >= float64(b.Cap) { // +Inf too
		return b.Cap
	}
	return time.Duration(bound)
}

// Delay draws the delay before retry n, which counts from 0.
func (b Backoff) Delay(n int) time.Duration {
	bound := b.Bound(n)
	if bound <= 0 { // of a Base or Factor that New refuses
		return 0
	}
	return rand.N(bound)
}

func (b Backoff) withDefaults() Backoff {
	if b.Base == 0 {
		b.Base = DefaultBackoffBase
	}
	if b.Cap == 0 {
		b.Cap = max(DefaultBackoffCap, b.Base)
	}
	if b.Factor == 0 {
		b.Factor = DefaultBackoffFactor
	}
	return b
}

func (b Backoff) validate() error {
	d := b.withDefaults()
	switch {
	case d.Base < 0:
		return fmt.Errorf("reconnect: Config.Backoff.Base is %v; it must be zero (for %v) or positive", b.Base, DefaultBackoffBase)
	case d.Cap < d.Base:
		return fmt.Errorf("reconnect: Config.Backoff.Cap is %v; it must not be less than Base, %v", b.Cap, d.Base)
	case !(d.Factor >= 1): // NaN too
		return errors.New("reconnect: Config.Backoff.Factor must be zero (for 2) or 1 at least")
	}
	return nil
}
