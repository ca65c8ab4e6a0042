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

// batchSize is how many random bytes are drawn at once, for 64 frames. Drawing
// one key at a time would cost several times as much.
const batchSize = 256

// Keys makes masking keys for one goroutine at a time. The zero Keys is ready to
// use, and keeps 256 bytes.
type Keys struct {
	// Random bytes that have not been handed out yet are the last so many; all
	// before them are zero.
	//
	// Invariant: 0 <= left <= batchSize, and left is a multiple of keySize.
	left  int
	bytes [batchSize]byte
}

// Next returns a fresh masking key, as [NewKey] does.
func (k *Keys) Next() Key {
	if k.left == 0 {
		rand.Read(k.bytes[:]) // never returns an error
		k.left = batchSize
	}
	at := k.bytes[batchSize-k.left:][:keySize]
	key := Key(at)
	// A key seen on the wire may not be found again in a later memory dump
	// beside the keys still to come.
	clear(at)
	k.left -= keySize
	return key
}

// shared lends Keys to one caller at a time, so that writers on different
// processors don't wait for each other. Those that the collector takes away
// lose their unused bytes, and nothing else.
var shared = sync.Pool{New: func() any { return new(Keys) }}

// NewKey returns a fresh masking key. A client calls it once for every frame it
// sends: keys must be unpredictable and come from a strong source of entropy
// (RFC 6455, section 5.3). No random bytes are ever handed out twice. NewKey
// may be called from several goroutines at once; it does not fail, because
// [rand.Read] does not return when the system has no randomness to give. Who
// writes for one connection can save half of the time with a [Keys] of its own.
func NewKey() Key {
	k := shared.Get().(*Keys)
	key := k.Next()
	shared.Put(k)
	return key
}
