package deflate

import (
	"errors"
	"fmt"
	"sync"
)

// ErrCorrupt is what every error of a Decompressor wraps: what the peer sent
// is not DEFLATE data that keeps to the agreed window (RFC 7692, section
// 7.2.2). The connection has to be failed, because what follows can't be
// understood either.
var ErrCorrupt = errors.New("deflate: corrupt compressed message")

// Decompressor inflates the compressed messages of one direction of a
// connection, one after the other. It keeps the window between messages when
// the context is taken over, which grows with what was inflated up to the
// agreed size, and nothing else: about 10 KiB that a message needs come from a
// pool at its first byte and go back at its end.
type Decompressor struct {
	takeover bool
	win      window
	inf      *inflater // nil between messages
	err      error
}

// NewDecompressor returns a Decompressor for messages that were compressed
// with a window of 2^windowBits bytes, from 8 to 15; with takeover they refer to
// messages before them.
func NewDecompressor(windowBits int, takeover bool) Decompressor {
	if windowBits < MinWindowBits || windowBits > MaxWindowBits {
		panic(fmt.Sprintf("deflate: a window of %d bits; they are %d to %d", windowBits, MinWindowBits, MaxWindowBits))
	}
	return Decompressor{takeover: takeover, win: window{bits: uint8(windowBits)}}
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// tail is what the sender has cut off its message (RFC 7692, section 7.2.2).
var tail = []byte{0x00, 0x00, 0xff, 0xff}

// Inflate inflates from src, the next bytes of a message, to dst, as much as
// there is and fits. last says that the message ends with src. It returns how
// many bytes it wrote and how many it used; unless dst is full it uses all of
// src. done is true when the message has ended; dst then has the last of it.
//
// What lies in dst behind the bytes written may have changed.
//
// Any split of the source and of the destination gives the same bytes. Time
// and memory are bounded by len(src) and len(dst), so a caller that counts
// what it gets can stop at its limit whatever else the message holds.
//
// A message of no bytes at all is taken for an empty one, and one that ends
// with a final block needs no empty block behind it, because zlib lets some
// senders do both. Any other incomplete message is corrupt.
func (d *Decompressor) Inflate(dst, src []byte, last bool) (nDst, nSrc int, done bool, err error) {
	if d.err != nil {
		return 0, 0, false, d.err
	}
	if d.inf == nil {
		d.inf = inflaters.Get().(*inflater)
		d.inf.reset()
		if !d.takeover {
			d.win.ring = d.inf.ring
		}
	}
	f := d.inf
	f.dst, f.src, f.n, f.s, f.win = dst, src, 0, 0, &d.win
	f.begun = f.begun || len(src) > 0
	if !f.ended {
		err = f.run()
		nSrc = f.s
	}
	if err == nil && last && nSrc == len(src) {
		done, err = f.end()
	}
	nDst = f.n
	f.dst, f.src, f.win = nil, nil, nil
	switch {
	case err != nil:
		d.err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		d.Reset()
		return nDst, nSrc, false, d.err
	case !done || d.takeover:
		d.win.write(dst[:nDst])
	}
	if done {
		d.release()
	}
	return nDst, nSrc, done, nil
}

// end feeds the tail behind the message, and reports whether that was the end.
// Otherwise dst is full.
func (f *inflater) end() (done bool, err error) {
	if !f.ended {
		if f.state == stateHeader && (!f.begun || f.final && f.nbits < 8) {
			return true, nil
		}
		// A final block may still end here, when there is room for the rest.
		if f.n == len(f.dst) && f.state >= stateSymbols {
			return false, nil
		}
	}
	f.ended = true
	f.src, f.s = tail, f.tail
	err = f.run()
	f.tail = f.s
	switch {
	case err != nil:
		return false, err
	case f.s == len(tail) && f.nbits == 0 && f.state == stateHeader:
		return true, nil
	case f.n == len(f.dst):
		return false, nil
	}
	return false, errTruncated
}

// Reset drops what is kept, in the middle of a message too. It is for a
// connection that has ended; the next message must begin with an empty window.
func (d *Decompressor) Reset() {
	d.release()
	d.win.drop()
}

// release gives the inflater back, with the ring unless it is to be kept.
func (d *Decompressor) release() {
	if d.inf == nil {
		return
	}
	if !d.takeover {
		d.inf.ring = d.win.drop()
	}
	inflaters.Put(d.inf)
	d.inf = nil
}
