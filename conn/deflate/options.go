package deflate

import (
	"cmp"
	"fmt"
)

// Name is the name of the extension (RFC 7692, section 10.1).
const Name = "permessage-deflate"

// Bounds of a window, as the base-2 logarithm of its size in bytes (RFC 7692,
// section 7.1.2).
const (
	MinWindowBits = 8
	MaxWindowBits = 15
)

// Defaults of the fields of Options that are zero.
const (
	DefaultLevel     = 1
	DefaultThreshold = 128
)

// Options say what to ask for and what to agree to. A nil *Options is for
// whoever turns compression off; the zero Options are useful. They are not to
// be changed once they are in use, and may be shared by many connections.
//
// The four parameters mean the same in both roles. A client offers them, a
// server answers with them, and whatever the peer asks for beyond them is
// agreed to: the stricter of both sides is what holds.
type Options struct {
	// Level trades time for size, from 1 (fastest) to 9 (smallest). JSON of
	// 16 KiB, which level 1 makes a quarter of its size, is smaller than that by
	// 13 % at level 3 in 2.5 times the time, by 20 % at 6 in 4 times, and by 22 %
	// at 9 in 14 times. Zero means DefaultLevel.
	Level int

	// Threshold is the size in bytes from which a message is compressed.
	// Without context takeover JSON of 64 bytes gains nothing, of 128 bytes an
	// eighth, of 256 bytes a third. With it, 64 bytes become 15: where bytes
	// are dear, choose less. The benchmark of the package has the figures.
	// Zero means DefaultThreshold, negative means every message.
	Threshold int

	// ServerNoContextTakeover and ClientNoContextTakeover make every message
	// of the server, or of the client, independent of the ones before
	// (RFC 7692, section 7.1.1). Messages then compress less well, and an
	// idle connection keeps no memory for that direction.
	ServerNoContextTakeover bool
	ClientNoContextTakeover bool

	// ServerMaxWindowBits and ClientMaxWindowBits bound the window in which
	// the server, or the client, looks for repetitions, to 2^bits bytes, from
	// 8 to 15 (RFC 7692, section 7.1.2). Zero means 15. Compressing and
	// inflating keep memory in proportion to it when the context is taken over.
	//
	// A client that doesn't let the server name its bound is answered with
	// client_no_context_takeover in place of it, so that the memory of an
	// idle connection stays bounded all the same.
	//
	// A bound of 8 is kept by this package. Most peers compress with zlib,
	// which has no such window: some of them use 9 with distances that 8
	// bears, others decline or fail. So 9 is the smallest bound that is asked
	// of a peer; 8 is asked as 9, and agreed to when the peer asks for it.
	ServerMaxWindowBits int
	ClientMaxWindowBits int

	// NewCompressor returns a compressor for windows of 2^windowBits bytes,
	// for one connection, or for one message without context takeover. Nil
	// means the package's own, which is also used when NewCompressor returns
	// nil, as it must when it can't keep to the window.
	NewCompressor func(level, windowBits int) Compressor
}

// A Compressor compresses one direction of a connection. It is used by one
// goroutine at a time.
type Compressor interface {
	// Compress appends the compressed form of p to dst. What it appends is
	// DEFLATE blocks, the last of them empty and stored, so that it ends with
	// 00 00 ff ff (RFC 7692, section 7.2.1). It may refer to what was
	// compressed since the last Reset, but not to anything that lies further
	// back than the window. p is not changed and not kept; it is never empty.
	Compress(dst, p []byte) ([]byte, error)
	// Reset forgets everything that was compressed.
	Reset()
	// Close ends the use of the compressor, which may go to a pool.
	Close()
}

// Validate reports the first field that has an impossible value.
func (o *Options) Validate() error {
	if o.Level < 0 || o.Level > 9 {
		return fmt.Errorf("deflate: Options.Level is %d; it must be zero (for %d) or 1 to 9", o.Level, DefaultLevel)
	}
	for _, f := range [...]struct {
		name string
		bits int
	}{{"ServerMaxWindowBits", o.ServerMaxWindowBits}, {"ClientMaxWindowBits", o.ClientMaxWindowBits}} {
		if f.bits != 0 && (f.bits < MinWindowBits || f.bits > MaxWindowBits) {
			return fmt.Errorf("deflate: Options.%s is %d; it must be zero (for %d) or %d to %d",
				f.name, f.bits, MaxWindowBits, MinWindowBits, MaxWindowBits)
		}
	}
	return nil
}

// MinSize returns the size in bytes from which a message is compressed.
func (o *Options) MinSize() int {
	switch {
	case o.Threshold == 0:
		return DefaultThreshold
	case o.Threshold < 0:
		return 0
	}
	return o.Threshold
}

// Compressor returns a compressor for windows of 2^windowBits bytes, which the
// caller closes. With takeover it is kept as long as the connection, and its
// memory grows with what it compresses; otherwise it is for one message.
func (o *Options) Compressor(windowBits int, takeover bool) Compressor {
	level := cmp.Or(o.Level, DefaultLevel)
	if o.NewCompressor != nil {
		if c := o.NewCompressor(level, windowBits); c != nil {
			return c
		}
	}
	return newCompressor(level, windowBits, takeover)
}

// orMax returns the bits, or the most that there are for zero.
func orMax(bits int) int {
	if bits == 0 {
		return MaxWindowBits
	}
	return bits
}
