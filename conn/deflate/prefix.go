package deflate

import (
	"math/bits"
	"sync"
)

// A decoding table takes the next bits of the stream to an entry (RFC 1951,
// section 3.2.2). Its first 1<<root entries are found by the first root bits;
// codes that are longer lead on to a second table behind them.
//
// An entry is four fields, from the lowest bit: 8 bits with the length of the
// whole code, 4 bits with the number of extra bits (or of the bits that find
// the place in the second table), 4 bits with the kind, 16 bits with the value:
// a literal, a base of a length or distance, or where the second table begins.
type entry = uint32

// Kinds of entries. The zero entry is a code that nothing has.
const (
	kindInvalid = 0 << 12
	kindLiteral = 1 << 12
	kindBase    = 2 << 12
	kindEnd     = 4 << 12
	kindSecond  = 8 << 12
	kindMask    = 15 << 12
)

func codeLen(e entry) uint   { return uint(e & 0xff) }
func extraBits(e entry) uint { return uint(e >> 8 & 0xf) }
func value(e entry) int      { return int(e >> 16) }

const (
	maxCodeLen = 15
	litRoot    = 10
	distRoot   = 8
	lensRoot   = 7

	// The most entries that any complete set of codes needs: 286 symbols of 15
	// bits with a root of 10, 30 symbols with a root of 8, 19 of 7 with 7.
	litEntries  = 1334
	distEntries = 402
	lensEntries = 128

	numLit  = 286
	numDist = 30
	numLens = 19
)

// The alphabets (RFC 1951, section 3.2.5): what each symbol's entry is, but for
// the length of its code. Symbols beyond the alphabet stay invalid.
var (
	litSymbols  [288]entry
	distSymbols [32]entry
	lensSymbols [numLens]entry
)

// Bases and extra bits of the lengths from symbol 257 and of the distances.
var (
	lengthBase, distBase   [30]uint16
	lengthExtra, distExtra [30]uint8
)

func init() {
	alphabets()
	codeTables()
}

// alphabets fills the tables above.
func alphabets() {
	base := 3
	for i := range 28 {
		extra := max(i/4-1, 0)
		lengthBase[i], lengthExtra[i] = uint16(base), uint8(extra)
		base += 1 << extra
	}
	lengthBase[28] = 258
	base = 1
	for i := range numDist {
		extra := max(i/2-1, 0)
		distBase[i], distExtra[i] = uint16(base), uint8(extra)
		base += 1 << extra
	}
	for i := range 256 {
		litSymbols[i] = kindLiteral | entry(i)<<16
	}
	litSymbols[256] = kindEnd
	for i := range 29 {
		litSymbols[257+i] = kindBase | entry(lengthExtra[i])<<8 | entry(lengthBase[i])<<16
	}
	for i := range numDist {
		distSymbols[i] = kindBase | entry(distExtra[i])<<8 | entry(distBase[i])<<16
	}
	for i := range numLens {
		lensSymbols[i] = kindLiteral | entry(i)<<16
	}
}

// table is a decoding table with its root.
type table struct {
	entries []entry
	root    uint
}

// lookup returns the entry of the code that the bits begin with.
func (t *table) lookup(bits uint64) entry {
	e := t.entries[bits&(1<<t.root-1)]
	if e&kindMask == kindSecond {
		e = t.entries[value(e)+int(bits>>t.root&(1<<extraBits(e)-1))]
	}
	return e
}

// build fills t from the lengths of the codes of symbols (RFC 1951, section
// 3.2.2). It reports false when the lengths leave codes without a meaning or
// give one twice. A single code of one bit, and no code at all, are right for
// distances.
func (t *table) build(entries []entry, root uint, symbols []entry, lens []uint8) bool {
	var count [maxCodeLen + 1]int
	for _, n := range lens {
		count[n]++
	}
	used := len(lens) - count[0]
	count[0] = 0
	longest := uint(0)
	left := 1 // codes of length n that are not given away
	for n := uint(1); n <= maxCodeLen; n++ {
		left = left<<1 - count[n]
		if left < 0 {
			return false
		}
		if count[n] > 0 {
			longest = n
		}
	}
	root = min(root, max(longest, 1))
	t.entries, t.root = entries, root
	if left > 0 {
		if used > 1 || longest > 1 {
			return false
		}
		clear(entries[:1<<root])
	}

	// Symbols in the order of their codes.
	var next [maxCodeLen + 2]int
	for n := 1; n <= maxCodeLen; n++ {
		next[n+1] = next[n] + count[n]
	}
	var sorted [288]uint16
	for symbol, n := range lens {
		if n != 0 {
			sorted[next[n]] = uint16(symbol)
			next[n]++
		}
	}

	code, end := uint(0), 1<<root // code is as long as the last one was
	prefix, second, secondBits := ^uint(0), 0, uint(0)
	length := uint(0)
	for _, symbol := range sorted[:used] {
		n := uint(lens[symbol])
		code <<= n - length
		// entries[:1<<length] is the table of the codes so far; with one bit
		// more, each of them has two places.
		for ; length < min(n, root); length++ {
			copy(entries[1<<length:2<<length], entries[:1<<length])
		}
		length = n
		reversed := uint(bits.Reverse16(uint16(code)) >> (16 - n))
		code++
		e := symbols[symbol] | entry(n)
		if n <= root {
			entries[reversed] = e
		} else {
			if reversed&(1<<root-1) != prefix {
				prefix = reversed & (1<<root - 1)
				second, secondBits = end, secondSize(&count, n, root, longest)
				end += 1 << secondBits
				entries[prefix] = kindSecond | entry(secondBits)<<8 | entry(second)<<16
			}
			for i := reversed >> root; i < 1<<secondBits; i += 1 << (n - root) {
				entries[second+int(i)] = e
			}
		}
		count[n]--
	}
	if left > 0 {
		entries[1] = 1 // a code that nothing has, of one bit
	}
	return true
}

// secondSize returns how many bits find the place in a second table whose
// first code has n bits: as many as the codes with the same first root bits
// need. count has the codes that are not placed yet.
func secondSize(count *[maxCodeLen + 1]int, n, root, longest uint) uint {
	size := n - root
	left := 1 << size
	for size+root < longest {
		left -= count[size+root]
		if left <= 0 {
			break
		}
		size++
		left <<= 1
	}
	return size
}

// fixedTables returns the tables of the fixed codes (RFC 1951, section 3.2.6).
var fixedTables = sync.OnceValue(func() *[2]table {
	var lens [288]uint8
	for i := range lens {
		lens[i] = fixedLen(i)
	}
	t := new([2]table)
	t[0].build(make([]entry, 1<<9), 9, litSymbols[:], lens[:])
	for i := range 32 {
		lens[i] = 5
	}
	t[1].build(make([]entry, 1<<5), 5, distSymbols[:], lens[:32])
	return t
})

// fixedLen returns the length of the fixed code of a literal or length.
func fixedLen(symbol int) uint8 {
	switch {
	case symbol < 144:
		return 8
	case symbol < 256:
		return 9
	case symbol < 280:
		return 7
	}
	return 8
}
