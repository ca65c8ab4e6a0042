package conn

import (
	"sync"

	"github.com/seed24abed78/rfc6455/frame"
)

const (
	// A message of 16 KiB with its header fits either buffer, and a pipelined
	// burst of small ones. 18 KiB is what the runtime rounds that up to.
	readSize  = 18 << 10
	writeSize = 18 << 10

	// wholePayload is the longest payload that fits the write buffer in one frame.
	wholePayload = writeSize - frame.MaxHeaderSize

	// longReadSize takes a message of 64 KiB with its header. It is what the
	// runtime rounds that up to.
	longReadSize = 72 << 10

	// shortSize takes all control frames, and many a message.
	shortSize = 144

	// longSize is the piece in which a long payload leaves. It is the largest
	// with which a Conn whose peer doesn't read stays within 64 KiB.
	longSize = 56 << 10

	// growStep is the most that a declared length makes us allocate ahead of
	// the bytes themselves (RFC 6455, section 10.4), until doubling is more.
	// What a read buffer does not hold of 64 KiB and a header fits.
	growStep = 46<<10 + 14

	// keepSize is the largest message buffer that goes back to its pool: that
	// of a message of DefaultMaxMessageSize, grown by doubling, does.
	keepSize = 4 << 20
)

var (
	readBuffers    = sync.Pool{New: func() any { return new([readSize]byte) }}
	longReads      = sync.Pool{New: func() any { return new([longReadSize]byte) }}
	shortBuffers   = sync.Pool{New: func() any { return new([shortSize]byte) }}
	writeBuffers   = sync.Pool{New: func() any { return new([writeSize]byte) }}
	longBuffers    = sync.Pool{New: func() any { return new([longSize]byte) }}
	messageBuffers = sync.Pool{New: func() any { return new([]byte) }}
)

// keepMessageBuffer gives a buffer back to its pool, unless it is very large.
func keepMessageBuffer(pooled *[]byte) {
	if cap(*pooled) <= keepSize {
		messageBuffers.Put(pooled)
	}
}
