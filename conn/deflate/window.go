package deflate

// window is the last 1<<bits bytes of a stream, in a ring that grows with what
// has been written to it.
type window struct {
	ring []byte // its length is 0 or a power of two
	pos  int    // where the next byte goes
	have int    // bytes that are valid, at most len(ring)
	bits uint8
}

// minRing is the smallest ring, in bytes.
const minRing = 256

// drop makes the window empty and returns its ring to whoever can reuse it.
func (w *window) drop() (ring []byte) {
	ring = w.ring
	w.ring, w.pos, w.have = nil, 0, 0
	return ring
}

// write appends p, of which at most the last 1<<bits bytes are kept.
func (w *window) write(p []byte) {
	if limit := 1 << w.bits; len(p) > limit {
		p = p[len(p)-limit:]
	}
	w.grow(len(p))
	n := copy(w.ring[w.pos:], p)
	copy(w.ring, p[n:])
	w.pos = (w.pos + len(p)) & (len(w.ring) - 1)
	w.have = min(w.have+len(p), len(w.ring))
}

// grow makes room for n more bytes, unless the ring is as large as it may be.
func (w *window) grow(n int) {
	size, limit := max(len(w.ring), minRing), 1<<w.bits
	for size < w.have+n && size < limit {
		size <<= 1
	}
	if size == len(w.ring) {
		return
	}
	ring := make([]byte, size)
	// A ring below its limit was never full without growing, or it is full
	// now and begins at pos.
	m := 0
	if start := w.pos - w.have; start < 0 {
		m = copy(ring, w.ring[start+len(w.ring):])
		m += copy(ring[m:], w.ring[:w.pos])
	} else {
		m = copy(ring, w.ring[start:w.pos])
	}
	w.ring, w.pos = ring, m&(size-1)
}

// read copies from the bytes that begin dist bytes before the end, at most up
// to the end, and returns how many these are. dist is at most have.
func (w *window) read(dst []byte, dist int) int {
	dst = dst[:min(len(dst), dist)]
	start := (w.pos - dist) & (len(w.ring) - 1)
	n := copy(dst, w.ring[start:])
	copy(dst[n:], w.ring)
	return len(dst)
}
