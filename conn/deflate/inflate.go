package deflate

import (
	"encoding/binary"
	"errors"
)

// What a compressed message can have wrong (RFC 1951, section 3.2). Each is
// wrapped in ErrCorrupt.
var (
	errBlockType = errors.New("reserved type of block")
	errStoredLen = errors.New("a stored block's length and its complement don't match")
	errCodes     = errors.New("impossible lengths of codes")
	errSymbol    = errors.New("a code without a meaning")
	errDistance  = errors.New("a distance that reaches beyond the window")
	errTruncated = errors.New("the message ends inside a block")
)

// State of an inflater: what comes next in the stream.
type state uint8

const (
	stateHeader state = iota // of a block
	stateStoredLen
	stateStored
	stateCounts   // of the lengths of codes
	stateLensLens // lengths of the codes of lengths
	stateLens     // lengths of the codes of literals and distances
	stateSymbols
	stateMatch // the rest of a match that dst had no room for
)

// inflater is what a message needs while it is inflated. It takes whole symbols
// from hold, into which it reads ahead, so it can stop at any byte of the
// source and of the destination.
type inflater struct {
	hold  uint64 // bits that were read and are not used, the next one lowest
	nbits uint   // how many these are
	state state
	final bool // the block is, or the last one was, a final one
	begun bool // a byte of the message was seen
	tail  int  // bytes of the tail that were used
	ended bool // the tail has begun

	stored       int // bytes left of a stored block
	length, dist int // left of a match

	lit, distance   table
	nLit, nDist     int
	nLens, haveLens int
	lens            [numLit + numDist]uint8
	lensLens        [numLens]uint8

	// The call under way.
	dst, src []byte
	n, s     int // bytes of dst written, of src used
	win      *window
	ring     []byte // for messages without takeover

	litEntries  [litEntries]entry
	distEntries [distEntries]entry
	lensEntries [lensEntries]entry
}

func (f *inflater) reset() {
	f.hold, f.nbits = 0, 0
	f.state, f.final, f.begun, f.ended = stateHeader, false, false, false
	f.tail, f.stored = 0, 0
}

// need reads until hold has k bits, 56 at most. It reports false when src ends
// before.
func (f *inflater) need(k uint) bool { return f.nbits >= k || f.refill(k) }

func (f *inflater) refill(k uint) bool {
	if f.s+8 <= len(f.src) {
		// As many bytes as hold has room for; of one more only some bits fit,
		// which are dropped again.
		f.hold |= binary.LittleEndian.Uint64(f.src[f.s:]) << f.nbits
		f.s += int((63 - f.nbits) >> 3)
		f.nbits |= 56
		f.hold &= 1<<f.nbits - 1
		return true
	}
	for f.nbits < k {
		if f.s == len(f.src) {
			return false
		}
		f.hold |= uint64(f.src[f.s]) << f.nbits
		f.s++
		f.nbits += 8
	}
	return true
}

func (f *inflater) drop(k uint) {
	f.hold >>= k
	f.nbits -= k
}

// take returns and drops the next k bits, which hold has.
func (f *inflater) take(k uint) int {
	v := int(f.hold & (1<<k - 1))
	f.drop(k)
	return v
}

// run inflates until src has no more to give or dst is full.
func (f *inflater) run() error {
	for {
		more, err := f.step()
		if err != nil || !more {
			return err
		}
	}
}

// step does what the state asks for. more is false when it needs bytes of
// src, or room in dst.
func (f *inflater) step() (more bool, err error) {
	switch f.state {
	case stateHeader:
		return f.blockHeader()
	case stateStoredLen:
		return f.storedLen()
	case stateStored:
		return f.copyStored(), nil
	case stateCounts:
		return f.counts()
	case stateLensLens:
		return f.readLensLens()
	case stateLens:
		return f.readLens()
	case stateMatch:
		return f.copyMatch(), nil
	}
	if err := f.fastSymbols(); err != nil || f.state != stateSymbols {
		return true, err
	}
	return f.symbol()
}

// blockHeader reads the three bits of a block's header (RFC 1951, section 3.2.3).
func (f *inflater) blockHeader() (bool, error) {
	// A final block ends at a byte boundary, and the message goes on with the
	// next byte (RFC 7692, section 7.2.1).
	if f.final {
		f.drop(f.nbits & 7)
	}
	if !f.need(3) {
		return false, nil
	}
	f.final = f.take(1) == 1
	switch f.take(2) {
	case 0:
		f.drop(f.nbits & 7)
		f.state = stateStoredLen
	case 1:
		fixed := fixedTables()
		f.lit, f.distance = fixed[0], fixed[1]
		f.state = stateSymbols
	case 2:
		f.state = stateCounts
	default:
		return false, errBlockType
	}
	return true, nil
}

func (f *inflater) storedLen() (bool, error) {
	if !f.need(32) {
		return false, nil
	}
	f.stored = f.take(16)
	if f.take(16) != f.stored^0xffff {
		return false, errStoredLen
	}
	f.state = stateStored
	return true, nil
}

func (f *inflater) copyStored() bool {
	for f.stored > 0 && f.nbits > 0 { // read ahead
		if f.n == len(f.dst) {
			return false
		}
		f.dst[f.n] = byte(f.take(8))
		f.n++
		f.stored--
	}
	n := copy(f.dst[f.n:], f.src[f.s:min(len(f.src), f.s+f.stored)])
	f.n += n
	f.s += n
	if f.stored -= n; f.stored > 0 {
		return false
	}
	f.state = stateHeader
	return true
}

// counts reads how many lengths of codes follow (RFC 1951, section 3.2.7).
func (f *inflater) counts() (bool, error) {
	if !f.need(14) {
		return false, nil
	}
	f.nLit = f.take(5) + 257
	f.nDist = f.take(5) + 1
	f.nLens = f.take(4) + 4
	if f.nLit > numLit || f.nDist > numDist {
		return false, errCodes
	}
	f.haveLens = 0
	clear(f.lensLens[:])
	f.state = stateLensLens
	return true, nil
}

// lensOrder is the order in which the lengths of the codes of lengths stand.
var lensOrder = [numLens]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (f *inflater) readLensLens() (bool, error) {
	for ; f.haveLens < f.nLens; f.haveLens++ {
		if !f.need(3) {
			return false, nil
		}
		f.lensLens[lensOrder[f.haveLens]] = uint8(f.take(3))
	}
	// The table of lengths is needed up to the first symbol only.
	if !f.lit.build(f.lensEntries[:], lensRoot, lensSymbols[:], f.lensLens[:]) {
		return false, errCodes
	}
	f.haveLens = 0
	f.state = stateLens
	return true, nil
}

func (f *inflater) readLens() (bool, error) {
	total := f.nLit + f.nDist
	for f.haveLens < total {
		f.need(14) // the longest, if there is as much
		e := f.lit.lookup(f.hold)
		n := codeLen(e)
		symbol := value(e)
		extra, base := uint(0), 1
		switch {
		case n > f.nbits:
			return false, nil
		case e&kindMask != kindLiteral:
			if f.nbits == 0 {
				return false, nil
			}
			return false, errSymbol
		case symbol == 16:
			extra, base = 2, 3
		case symbol == 17:
			extra, base = 3, 3
		case symbol == 18:
			extra, base = 7, 11
		}
		if n+extra > f.nbits {
			return false, nil
		}
		f.drop(n)
		repeat := base + f.take(extra)
		length := uint8(symbol)
		if symbol == 16 {
			if f.haveLens == 0 {
				return false, errCodes
			}
			length = f.lens[f.haveLens-1]
		} else if symbol > 16 {
			length = 0
		}
		if f.haveLens+repeat > total {
			return false, errCodes
		}
		for range repeat {
			f.lens[f.haveLens] = length
			f.haveLens++
		}
	}
	lit, dist := f.lens[:f.nLit], f.lens[f.nLit:total]
	if lit[256] == 0 || // the block could not end
		!f.lit.build(f.litEntries[:], litRoot, litSymbols[:], lit) ||
		!f.distance.build(f.distEntries[:], distRoot, distSymbols[:], dist) {
		return false, errCodes
	}
	f.state = stateSymbols
	return true, nil
}

// symbol decodes one symbol, and the distance behind a length. It takes all of
// its bits, 48 at most, or none.
func (f *inflater) symbol() (bool, error) {
	f.need(48)
	e := f.lit.lookup(f.hold)
	n := codeLen(e)
	if n > f.nbits {
		return false, nil
	}
	switch e & kindMask {
	case kindLiteral:
		if f.n == len(f.dst) {
			return false, nil
		}
		f.dst[f.n] = byte(value(e))
		f.n++
		f.drop(n)
		return true, nil
	case kindEnd:
		f.drop(n)
		f.state = stateHeader
		return true, nil
	case kindInvalid:
		return false, errSymbol
	}
	length := value(e) + int(f.hold>>n&(1<<extraBits(e)-1))
	n += extraBits(e)
	if n >= f.nbits {
		return false, nil
	}
	e = f.distance.lookup(f.hold >> n)
	n += codeLen(e)
	if n > f.nbits {
		return false, nil
	}
	if e&kindMask == kindInvalid {
		return false, errSymbol
	}
	dist := value(e) + int(f.hold>>n&(1<<extraBits(e)-1))
	n += extraBits(e)
	if n > f.nbits {
		return false, nil
	}
	f.drop(n)
	f.length, f.dist = length, dist
	if !f.reachable(dist) {
		return false, errDistance
	}
	f.state = stateMatch
	return true, nil
}

// reachable reports whether a distance lies within the agreed window, and
// within what there has been.
func (f *inflater) reachable(dist int) bool {
	return dist <= 1<<f.win.bits && dist <= f.n+f.win.have
}

// copyMatch copies what dst has room for, from the window and then from dst.
func (f *inflater) copyMatch() bool {
	if f.dist > f.n {
		m := f.win.read(f.dst[f.n:min(len(f.dst), f.n+f.length)], f.dist-f.n)
		f.n += m
		f.length -= m
	}
	// What a match has written may be what it goes on with.
	start := f.n - f.dist
	for end := min(len(f.dst), f.n+f.length); f.n < end; {
		m := copy(f.dst[f.n:end], f.dst[start:f.n])
		f.n += m
		f.length -= m
	}
	if f.length > 0 {
		return false
	}
	f.state = stateSymbols
	return true
}

// Room that fastSymbols needs: for the longest match, copied eight bytes at a
// time, and to read eight bytes at once.
const (
	fastDst = 258 + 8 + 2
	fastSrc = 8
)

// fastSymbols decodes symbols while there is plenty of src and of dst, and
// leaves the rest to symbol.
func (f *inflater) fastSymbols() error {
	dst, src := f.dst, f.src
	n, s := f.n, f.s
	hold, nbits := f.hold, f.nbits
	lit, dists := f.lit.entries, f.distance.entries
	litMask, distMask := uint64(1)<<f.lit.root-1, uint64(1)<<f.distance.root-1
	var err error
loop:
	for n+fastDst <= len(dst) && s+fastSrc <= len(src) {
		hold |= binary.LittleEndian.Uint64(src[s:]) << (nbits & 63)
		s += int((63 - nbits) >> 3)
		nbits |= 56
		e := lit[hold&litMask]
		if e&kindMask == kindSecond {
			e = lit[value(e)+int(hold>>f.lit.root&(1<<extraBits(e)-1))]
		}
		if e&kindMask == kindLiteral {
			dst[n] = byte(e >> 16)
			n++
			hold >>= e & 63
			nbits -= uint(e & 63)
			// 41 bits are left, which are two more literals.
			e = lit[hold&litMask]
			if e&kindMask != kindLiteral {
				continue
			}
			dst[n] = byte(e >> 16)
			n++
			hold >>= e & 63
			nbits -= uint(e & 63)
			e = lit[hold&litMask]
			if e&kindMask != kindLiteral {
				continue
			}
			dst[n] = byte(e >> 16)
			n++
			hold >>= e & 63
			nbits -= uint(e & 63)
			continue
		}
		if e&kindMask != kindBase {
			if e&kindMask == kindEnd {
				hold >>= e & 63
				nbits -= uint(e & 63)
				f.state = stateHeader
			} else {
				err = errSymbol
			}
			break
		}
		hold >>= e & 63
		nbits -= uint(e & 63)
		x := extraBits(e)
		length := value(e) + int(hold&(1<<x-1))
		hold >>= x
		nbits -= x
		e = dists[hold&distMask]
		if e&kindMask == kindSecond {
			e = dists[value(e)+int(hold>>f.distance.root&(1<<extraBits(e)-1))]
		}
		if e&kindMask == kindInvalid {
			err = errSymbol
			break
		}
		hold >>= e & 63
		nbits -= uint(e & 63)
		x = extraBits(e)
		dist := value(e) + int(hold&(1<<x-1))
		hold >>= x
		nbits -= x
		switch {
		case dist > 1<<f.win.bits || dist > n+f.win.have:
			err = errDistance
			break loop
		case dist > n:
			// In the window, and mostly in one piece.
			ring := f.win.ring
			start := (f.win.pos - (dist - n)) & (len(ring) - 1)
			if length <= dist-n && start+length+8 <= len(ring) {
				for k := 0; k < length; k += 8 {
					binary.LittleEndian.PutUint64(dst[n+k:], binary.LittleEndian.Uint64(ring[start+k:]))
				}
				n += length
				continue
			}
			f.n, f.length, f.dist = n, length, dist
			f.copyMatch() // there is room for all of it
			n = f.n
		default:
			end := n + length
			if dist < 8 {
				// Up to a distance of several times dist that is 8 or more, from
				// where the same bytes come.
				far := (7 + dist) / dist * dist
				for stop := n + far - dist; n < stop; n++ {
					dst[n] = dst[n-dist]
				}
				dist = far
			}
			for ; n < end; n += 8 {
				binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[n-dist:]))
			}
			n = end
		}
	}
	f.n, f.s = n, s
	f.hold, f.nbits = hold&(1<<nbits-1), nbits
	return err
}
