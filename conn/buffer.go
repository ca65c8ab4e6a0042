package conn

import "sync"

const (
	readSize  = 16 << 10 // takes a pipelined burst of small messages in one read
	writeSize = 16 << 10 // takes a small message with its header, or many of them

	// growStep is the most that a declared length makes us allocate ahead of
	// the bytes themselves (RFC 6455, section 10.4).
	growStep = 32 << 10

	// keepSize is the largest message buffer that goes back to its pool.
	keepSize = 1 << 20
)

var (
	readBuffers    = sync.Pool{New: func() any { return new([readSize]byte) }}
	writeBuffers   = sync.Pool{New: func() any { return new([writeSize]byte) }}
	messageBuffers = sync.Pool{New: func() any { return new([]byte) }}
)
