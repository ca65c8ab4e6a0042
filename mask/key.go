package mask

import (
	"crypto/rand"
	"sync"
)

// Key is a masking key, its bytes in the order they have in the frame header
// (RFC 6455, section 5.3).
type Key [4]byte

// keySize is the length of a masking key in bytes.
const keySize = len(Key{})

// batchSize is how many random bytes are drawn at once. One call for 1 KiB costs
// little more than a call for four bytes, and serves 256 frames.
const batchSize = 1 << 10

// batch holds random bytes that have not been handed out yet: those at used and
// after. The bytes before used are zero.
//
// Invariant: 0 <= used <= batchSize, and used is a multiple of keySize.
type batch struct {
	used  int
	bytes [batchSize]byte
}

// batches lends a batch to one caller at a time, so that writers on different
// processors don't wait for each other. A batch that the collector takes away
// loses its unused bytes, and nothing else.
var batches = sync.Pool{New: func() any { return &batch{used: batchSize} }}

// NewKey returns a fresh masking key. A client calls it once for every frame it
// sends: keys must be unpredictable and come from a strong source of entropy
// (RFC 6455, section 5.3). No random bytes are ever handed out twice. NewKey
// may be called from several goroutines at once; it does not fail, because
// [rand.Read] does not return when the system has no randomness to give.
func NewKey() Key {
	b := batches.Get().(*batch)
	key := b.next()
	batches.Put(b)
	return key
}

// next takes the next key out of b, which it fills again when it is used up.
func (b *batch) next() Key {
	if b.used == batchSize {
		rand.Read(b.bytes[:]) // never returns an error
		b.used = 0
	}
	at := b.bytes[b.used : b.used+keySize]
	key := Key(at)
	// A key seen on the wire may not be found again in a later memory dump
	// beside the keys still to come.
	clear(at)
	b.used += keySize
	return key
}
