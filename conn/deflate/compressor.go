package deflate

import (
	"math/bits"
	"slices"
	"sync"
)

// compressor is the package's own Compressor: LZ77 with a hash table and, from
// level 2, chains, in memory that grows with what was compressed.
//
// buf[:end] is the history and, behind it, what is being compressed. Positions
// are counted modulo 2^16 from the beginning of everything: that of buf[i] is
// base+i. The tables hold such positions; what they hold of data that has left
// buf only costs a comparison, since every match is compared byte by byte.
//
//	len(buf) = 1<<bits + slack(bits) < 1<<16
type compressor struct {
	level  level
	limit  uint8 // bits of the agreed window
	bits   uint8 // bits of the window in use; grows up to limit
	buf    []byte
	end    int
	base   uint16
	head   []uint16 // the latest position of each hash
	prev   []uint16 // the position before it with the same hash; empty at level 1
	hshift uint8
	near   int  // how far away a match of minMatch bytes may be
	own    bool // a connection's, not from the pool
}

// level is how hard a compressor looks for repetitions.
type level struct {
	chain int  // candidates to compare
	nice  int  // a match as long as this is taken without looking further
	lazy  int  // up to this length, the next position is tried as well
	fast  bool // one candidate, and faster steps where nothing repeats
}

var levels = [10]level{
	1: {fast: true},
	2: {chain: 4, nice: 16},
	3: {chain: 8, nice: 32, lazy: 4},
	4: {chain: 12, nice: 32, lazy: 8},
	5: {chain: 16, nice: 64, lazy: 16},
	6: {chain: 32, nice: 128, lazy: 32},
	7: {chain: 64, nice: 128, lazy: 64},
	8: {chain: 256, nice: 258, lazy: 128},
	9: {chain: 1024, nice: 258, lazy: 258},
}

const (
	minMatch = 4 // what the hash takes; shorter ones hardly pay
	maxMatch = 258

	minBits = 10 // of the window in use, unless less is agreed

	// With the fixed codes, four bytes take fewer bits as a match than as
	// literals, however far away it is. From about some size in bytes a message
	// has codes of its own, in which literals are short, and such a match has to
	// be near. For JSON of 16 KiB that makes the result smaller by 4 %.
	ownCodes     = 512
	nearOwnCodes = 2 << 10
)

// compressors are those that nobody uses, with their memory. What it has grown
// to is let go with the pool's contents by the garbage collector.
var compressors = sync.Pool{New: func() any { return new(compressor) }}

// newCompressor returns a compressor. One that keeps its context is made for
// its connection, since one from the pool may have more memory than it needs.
func newCompressor(l, windowBits int, takeover bool) *compressor {
	var c *compressor
	if takeover {
		c = &compressor{own: true}
	} else {
		c = compressors.Get().(*compressor)
	}
	c.level, c.limit = levels[l], uint8(windowBits)
	c.Reset()
	return c
}

// Reset implements Compressor. What is left in memory has no effect on what is
// found, so that equal messages give equal bytes. The window becomes as small
// as it begins, in the memory that there is, so that there is less to clear.
func (c *compressor) Reset() {
	c.end, c.base = 0, 0
	c.use(min(minBits, c.limit))
}

// Close implements Compressor.
func (c *compressor) Close() {
	if !c.own {
		compressors.Put(c)
	}
}

// slack is how much can be added to a full window before it is moved.
func slack(windowBits uint8) int { return max(1<<windowBits/2, 1<<minBits) }

// use sets the size of the window in use, and of what goes with it.
func (c *compressor) use(windowBits uint8) {
	c.bits = windowBits
	size := 1<<windowBits + slack(windowBits)
	hashBits := max(windowBits-1, minBits)
	c.buf = resize(c.buf, size)
	c.head = resize(c.head, 1<<hashBits)
	clear(c.head)
	c.hshift = 32 - hashBits
	c.prev = c.prev[:0]
	if !c.level.fast {
		c.prev = resize(c.prev, 1<<windowBits)
	}
}

// resize returns s with n elements, its first ones kept.
func resize[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	t := make([]T, n)
	copy(t, s)
	return t
}

// grow makes the window in use large enough for n more bytes, as far as it is
// agreed, and finds the history again by the new tables.
func (c *compressor) grow(n int) {
	need := uint8(bits.Len(uint(c.end + n - 1)))
	windowBits := min(max(need, minBits), c.limit)
	if windowBits <= c.bits {
		return
	}
	c.use(windowBits)
	for i := 0; i+minMatch <= c.end; i++ {
		c.insert(i, c.hash(i))
	}
}

// slide moves the history to the beginning of buf.
func (c *compressor) slide() {
	from := c.end - 1<<c.bits
	c.end = copy(c.buf, c.buf[from:c.end])
	c.base += uint16(from)
}

// Compress implements Compressor.
func (c *compressor) Compress(dst, p []byte) ([]byte, error) {
	c.grow(len(p))
	c.near = 1 << MaxWindowBits
	if len(p) >= ownCodes {
		c.near = nearOwnCodes
	}
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.begin(slices.Grow(dst, len(p)/2+16))
	start := 0 // of the block
	for i := 0; i < len(p); {
		n := min(len(p)-i, maxChunk)
		if len(c.buf)-c.end < n && c.end > 1<<c.bits {
			c.slide()
		}
		n = min(n, len(c.buf)-c.end)
		if e.n+n > maxTokens {
			e.block(p[start:i])
			start = i
		}
		from := c.end
		c.end += copy(c.buf[from:], p[i:i+n])
		if c.level.fast {
			c.findFast(e, from)
		} else {
			c.find(e, from)
		}
		i += n
	}
	e.block(p[start:])
	return e.finish(), nil
}
