package deflate

import (
	"encoding/binary"
	"math/bits"
)

func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// hashOf is of four bytes, as load32 returns them.
func hashOf(four uint32, shift uint8) uint32 { return four * 0x9e3779b1 >> (shift & 31) }

// hash is of the four bytes at buf[i:].
func (c *compressor) hash(i int) uint32 { return hashOf(load32(c.buf, i), c.hshift) }

// insert makes buf[i] the latest with its hash.
func (c *compressor) insert(i int, h uint32) (before uint16) {
	at := c.base + uint16(i)
	before = c.head[h]
	c.head[h] = at
	if len(c.prev) > 0 {
		c.prev[int(at)&(len(c.prev)-1)] = before
	}
	return before
}

// matchLen returns how many bytes b[i:end] and b[j:] have in common, at most
// maxMatch; j < i.
func matchLen(b []byte, i, j, end int) int {
	end = min(end, i+maxMatch)
	start := i
	for i+8 <= end {
		if x := load64(b, i) ^ load64(b, j); x != 0 {
			return i - start + bits.TrailingZeros64(x)>>3
		}
		i += 8
		j += 8
	}
	for i < end && b[i] == b[j] {
		i++
		j++
	}
	return i - start
}

// findFast takes the first repetition that the hash of a position leads to,
// and steps faster the longer it finds none.
func (c *compressor) findFast(e *encoder, from int) {
	end := c.end
	buf, head, shift, base := c.buf[:end], c.head, c.hshift, c.base
	window, near := 1<<c.limit, c.near
	i, lit := from, from
	misses := 0
	for i+minMatch <= end {
		four := load32(buf, i)
		h := hashOf(four, shift)
		at := base + uint16(i)
		dist := int(at - head[h])
		head[h] = at
		// Only a distance within the window is looked at, whatever the table
		// says (RFC 7692, section 7.2.1).
		if dist == 0 || dist > i || dist > window || four != load32(buf, i-dist) {
			i += 1 + misses>>5
			misses++
			continue
		}
		n := minMatch + matchLen(buf, i+minMatch, i-dist+minMatch, min(end, i+maxMatch))
		if n == minMatch && dist > near {
			i++ // literals are shorter
			continue
		}
		misses = 0
		e.literals(buf[lit:i])
		e.match(n, dist)
		// The end of the match is remembered, for what often follows it.
		if i += n; i+2 <= end {
			head[hashOf(load32(buf, i-2), shift)] = base + uint16(i-2)
		}
		lit = i
	}
	e.literals(buf[lit:end])
}

// find looks for the longest repetition among the candidates of the level, and
// prefers a literal when the position behind it has a longer one.
func (c *compressor) find(e *encoder, from int) {
	buf, end := c.buf, c.end
	i := from
	for i < end {
		n, dist := 0, 0
		if i+minMatch <= end {
			n, dist = c.longest(i, minMatch-1)
		}
		if n < minMatch {
			e.literal(buf[i])
			i++
		} else {
			inserted := i + 1
			for n <= c.level.lazy && i+1+minMatch <= end {
				m, d := c.longest(i+1, n)
				inserted = i + 2
				if m <= n {
					break
				}
				e.literal(buf[i])
				i++
				n, dist = m, d
			}
			e.match(n, dist)
			for i += n; inserted < i && inserted+minMatch <= end; inserted++ {
				c.insert(inserted, c.hash(inserted))
			}
		}
	}
}

// longest inserts buf[i] and returns the longest match there that is longer
// than than, or 0.
func (c *compressor) longest(i, than int) (n, dist int) {
	buf, end := c.buf, c.end
	at := c.base + uint16(i)
	candidate := c.insert(i, c.hash(i))
	if than >= min(maxMatch, end-i) {
		return 0, 0
	}
	reach := min(i, 1<<c.bits) // within the window (RFC 7692, section 7.2.1)
	last := 0
	for tries := c.level.chain; tries > 0; tries-- {
		d := int(at - candidate)
		if d <= last || d > reach {
			break // the chain has left the window, or goes on with what is no longer there
		}
		last = d
		if j := i - d; buf[j+than] == buf[i+than] && load32(buf, j) == load32(buf, i) {
			if m := matchLen(buf, i, j, end); m > than && (m > minMatch || d <= c.near) {
				n, dist, than = m, d, m
				if m >= c.level.nice || than >= min(maxMatch, end-i) {
					break
				}
			}
		}
		candidate = c.prev[int(candidate)&(len(c.prev)-1)]
	}
	return n, dist
}
