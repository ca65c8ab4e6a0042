package deflate

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
)

// A token is a literal, or a match: matchToken | length-3 << 16 | distance-1.
type token uint32

const matchToken token = 1 << 31

const (
	// maxTokens bounds a block: its codes then fit what is near.
	maxTokens = 1 << 14
	// maxChunk is how many bytes are turned into tokens before there is a
	// chance to end the block.
	maxChunk = maxTokens / 2
	// minDynamic is how many tokens a block has at least whose codes are worth
	// being written in front of it: with fewer, no message of BenchmarkCompress
	// gains a byte.
	minDynamic = 32
)

// encoder turns tokens into blocks (RFC 1951, section 3.2.3). It is needed while
// a message is compressed, and then goes back to its pool.
type encoder struct {
	out   []byte
	acc   uint64 // bits that are not in out yet, the first one lowest
	nbits uint   // how many these are, less than 32

	tokens    [maxTokens]token
	n         int
	litCount  [numLit]uint32
	distCount [numDist]uint32

	lit       [numLit]code
	dist      [numDist]code
	lens      [numLens]code
	lensCount [numLens]uint32
	runs      [numLit + numDist]uint16 // the lengths of lit and dist, as lens codes them
	scratch   [2][numLit]uint32
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// Codes of the lengths 3 to 258 and of the distances up to 256, and of those
// beyond by their highest bits.
var (
	lengthCode [maxMatch + 1 - 3]uint8
	distCodes  [512]uint8
	fixedLit   [288]code
	fixedDist  [numDist]code
)

// codeTables fills them. The bases are known by then.
func codeTables() {
	for i := range 29 {
		for n := int(lengthBase[i]); n < int(lengthBase[i])+1<<lengthExtra[i] && n <= maxMatch; n++ {
			lengthCode[n-3] = uint8(i)
		}
	}
	for i := range numDist {
		for d := int(distBase[i]) - 1; d < int(distBase[i])-1+1<<distExtra[i]; d++ {
			if d < 256 {
				distCodes[d] = uint8(i)
			} else {
				distCodes[256+d>>7] = uint8(i)
			}
		}
	}
	var perLen [33]int
	for i := range fixedLit {
		fixedLit[i].len = fixedLen(i)
		perLen[fixedLit[i].len]++
	}
	assign(fixedLit[:], &perLen)
	perLen = [33]int{5: 32}
	for i := range fixedDist {
		fixedDist[i].len = 5
	}
	assign(fixedDist[:], &perLen)
}

// distCode returns the code of distance d+1.
func distCode(d uint32) uint8 {
	if d < 256 {
		return distCodes[d]
	}
	return distCodes[256+d>>7]
}

func (e *encoder) begin(dst []byte) {
	e.out, e.acc, e.nbits = dst, 0, 0
	e.clear()
}

func (e *encoder) clear() {
	e.n = 0
	clear(e.litCount[:])
	clear(e.distCount[:])
}

func (e *encoder) literal(b byte) {
	e.tokens[e.n] = token(b)
	e.n++
	e.litCount[b]++
}

func (e *encoder) literals(p []byte) {
	tokens := e.tokens[e.n : e.n+len(p)]
	for i, b := range p {
		tokens[i] = token(b)
		e.litCount[b]++
	}
	e.n += len(p)
}

func (e *encoder) match(length, dist int) {
	e.tokens[e.n] = matchToken | token(length-3)<<16 | token(dist-1)
	e.n++
	e.litCount[257+int(lengthCode[length-3])]++
	e.distCount[distCode(uint32(dist-1))]++
}

// put adds n bits, 16 at most, to what is written.
func (e *encoder) put(v uint64, n uint) {
	e.acc |= v << e.nbits
	e.nbits += n
	if e.nbits >= 32 {
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(e.acc))
		e.acc >>= 32
		e.nbits -= 32
	}
}

// flush moves whole bytes from acc to out; less than 8 bits stay.
func (e *encoder) flush() {
	for ; e.nbits >= 8; e.nbits -= 8 {
		e.out = append(e.out, byte(e.acc))
		e.acc >>= 8
	}
}

func (e *encoder) align() {
	e.nbits = (e.nbits + 7) &^ 7
	e.flush()
}

// finish ends what is written at a byte boundary, with an empty stored block
// (RFC 7692, section 7.2.1).
func (e *encoder) finish() []byte {
	e.put(0, 3)
	e.align()
	out := append(e.out, tail...)
	e.out = nil
	return out
}

// block writes the tokens in the shortest of the three types of block. raw is
// what they stand for.
func (e *encoder) block(raw []byte) {
	if e.n == 0 {
		return
	}
	e.litCount[256] = 1
	extra := 0
	for i := range 29 {
		extra += int(e.litCount[257+i]) * int(lengthExtra[i])
	}
	for i, n := range e.distCount {
		extra += int(n) * int(distExtra[i])
	}
	fixed := extra
	for i, n := range e.litCount {
		fixed += int(n) * int(fixedLit[i].len)
	}
	for _, n := range e.distCount {
		fixed += int(n) * 5
	}
	var h header
	dynamic := math.MaxInt
	if e.n >= minDynamic {
		dynamic = extra + huffman(e.lit[:], e.litCount[:], maxCodeLen, &e.scratch) +
			huffman(e.dist[:], e.distCount[:], maxCodeLen, &e.scratch)
		h = e.header()
		dynamic += h.size
	}
	stored := 8*len(raw) + 40*(1+len(raw)/maxStored) // with the padding of each
	switch {
	case stored < min(fixed, dynamic):
		e.store(raw)
	case fixed <= dynamic:
		e.put(1<<1, 3)
		e.symbols(fixedLit[:numLit], fixedDist[:], fixed)
	default:
		e.putHeader(h)
		e.symbols(e.lit[:], e.dist[:], dynamic)
	}
	e.clear()
}

const maxStored = 1<<16 - 1

func (e *encoder) store(raw []byte) {
	for len(raw) > 0 {
		n := min(len(raw), maxStored)
		e.put(0, 3)
		e.align()
		e.out = binary.LittleEndian.AppendUint16(e.out, uint16(n))
		e.out = binary.LittleEndian.AppendUint16(e.out, ^uint16(n))
		e.out = append(e.out, raw[:n]...)
		raw = raw[n:]
	}
}

// header is what precedes the symbols of a dynamic block (RFC 1951, section
// 3.2.7): how many lengths there are of each kind, and its size in bits.
type header struct {
	lit, dist, lens, runs, size int
}

// header codes the lengths of the codes, in runs, into runs and lens.
func (e *encoder) header() header {
	h := header{lit: numLit, dist: numDist, lens: numLens}
	for h.lit > 257 && e.lit[h.lit-1].len == 0 {
		h.lit--
	}
	for h.dist > 1 && e.dist[h.dist-1].len == 0 {
		h.dist--
	}
	var all [numLit + numDist]uint8
	for i, c := range e.lit[:h.lit] {
		all[i] = c.len
	}
	for i, c := range e.dist[:h.dist] {
		all[h.lit+i] = c.len
	}
	clear(e.lensCount[:])
	for lens := all[:h.lit+h.dist]; len(lens) > 0; {
		n := 1
		for n < len(lens) && lens[n] == lens[0] {
			n++
		}
		h.runs = e.run(h.runs, lens[0], n)
		lens = lens[n:]
	}
	h.size = 3 + 5 + 5 + 4 + huffman(e.lens[:], e.lensCount[:], 7, &e.scratch) +
		2*int(e.lensCount[16]) + 3*int(e.lensCount[17]) + 7*int(e.lensCount[18])
	for h.lens > 4 && e.lens[lensOrder[h.lens-1]].len == 0 {
		h.lens--
	}
	h.size += 3 * h.lens
	return h
}

// run adds n times length at runs[at:], and returns where the next run goes. A
// run is a symbol with the value of its extra bits above it.
func (e *encoder) run(at int, length uint8, n int) int {
	add := func(symbol, extra int) {
		e.runs[at] = uint16(symbol | extra<<8)
		e.lensCount[symbol]++
		at++
	}
	if length != 0 { // the first of a run stands for itself
		add(int(length), 0)
		n--
	}
	for n > 0 {
		switch {
		case length != 0 && n >= 3:
			m := min(n, 6)
			add(16, m-3)
			n -= m
		case length == 0 && n >= 11:
			m := min(n, 138)
			add(18, m-11)
			n -= m
		case length == 0 && n >= 3:
			add(17, n-3)
			n = 0
		default:
			add(int(length), 0)
			n--
		}
	}
	return at
}

func (e *encoder) putHeader(h header) {
	e.put(2<<1, 3)
	e.put(uint64(h.lit-257), 5)
	e.put(uint64(h.dist-1), 5)
	e.put(uint64(h.lens-4), 4)
	for _, symbol := range lensOrder[:h.lens] {
		e.put(uint64(e.lens[symbol].len), 3)
	}
	for _, r := range e.runs[:h.runs] {
		symbol := r & 0xff
		c := e.lens[symbol]
		e.put(uint64(c.bits), uint(c.len))
		switch symbol {
		case 16:
			e.put(uint64(r>>8), 2)
		case 17:
			e.put(uint64(r>>8), 3)
		case 18:
			e.put(uint64(r>>8), 7)
		}
	}
}

// symbols writes the tokens, which take bits at most, and the end of the block.
func (e *encoder) symbols(lit, dist []code, bits int) {
	e.flush()
	e.out = slices.Grow(e.out, bits/8+16)
	out := e.out[:cap(e.out)]
	n, acc, nbits := len(e.out), e.acc, e.nbits
	for _, t := range e.tokens[:e.n] {
		// Fewer than 8 bits wait, and a token has 48 at most.
		if t < matchToken {
			c := lit[t]
			acc |= uint64(c.bits) << (nbits & 63)
			nbits += uint(c.len)
		} else {
			length := uint32(t>>16) & 0xff
			i := lengthCode[length]
			c := lit[257+int(i)]
			acc |= uint64(c.bits) << (nbits & 63)
			nbits += uint(c.len)
			acc |= uint64(length+3-uint32(lengthBase[i])) << (nbits & 63)
			nbits += uint(lengthExtra[i])
			d := uint32(t) & 0x7fff
			i = distCode(d)
			c = dist[i]
			acc |= uint64(c.bits) << (nbits & 63)
			nbits += uint(c.len)
			acc |= uint64(d+1-uint32(distBase[i])) << (nbits & 63)
			nbits += uint(distExtra[i])
		}
		binary.LittleEndian.PutUint64(out[n:], acc)
		n += int(nbits >> 3)
		acc >>= nbits &^ 7 & 63
		nbits &= 7
	}
	e.out, e.acc, e.nbits = out[:n], acc, nbits
	e.put(uint64(lit[256].bits), uint(lit[256].len))
}
