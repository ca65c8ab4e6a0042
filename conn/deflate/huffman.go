package deflate

import "math/bits"

// code is one prefix code, as it is put into the stream: its bits reversed,
// since codes begin with their highest bit (RFC 1951, section 3.1.1).
type code struct {
	bits uint16
	len  uint8
}

// huffman makes codes of at most maxLen bits for the symbols with a count, such
// that frequent ones are short, and puts them into codes. It returns how many
// bits all of the symbols take.
func huffman(codes []code, counts []uint32, maxLen int, scratch *[2][numLit]uint32) (size int) {
	clear(codes)
	nodes, most := scratch[0][:0], uint32(0)
	for symbol, n := range counts {
		if n > 0 {
			// Counts are below 2^22, since a block has less symbols.
			nodes = append(nodes, n<<9|uint32(symbol))
			most = max(most, n)
		}
	}
	switch len(nodes) {
	case 0:
		return 0
	case 1:
		codes[nodes[0]&0x1ff].len = 1
		return int(most)
	}
	nodes = sortNodes(nodes, scratch[1][:len(nodes)], most)
	var symbols [numLit]uint16
	for i, n := range nodes {
		symbols[i] = uint16(n & 0x1ff)
		nodes[i] = n >> 9
	}
	var perLen [33]int
	treeDepths(nodes, &perLen)
	limitDepths(&perLen, maxLen)

	// The rarest symbols get the longest codes.
	i := 0
	for n := maxLen; n > 0; n-- {
		for range perLen[n] {
			codes[symbols[i]].len = uint8(n)
			size += int(counts[symbols[i]]) * n
			i++
		}
	}
	assign(codes, &perLen)
	return size
}

// sortNodes sorts nodes by count, the largest of which is most; nodes with the
// same count stay in the order of their symbols. It counts and distributes them
// once for each byte of most, which for few symbols is faster than comparing. It
// returns one of its two arguments.
func sortNodes(nodes, spare []uint32, most uint32) []uint32 {
	for shift := 9; most > 0; shift, most = shift+8, most>>8 {
		var at [257]uint16 // where the next node with a digit goes
		for _, n := range nodes {
			at[n>>shift&0xff+1]++
		}
		for digit := range min(most, 255) {
			at[digit+1] += at[digit]
		}
		for _, n := range nodes {
			digit := n >> shift & 0xff
			spare[at[digit]] = n
			at[digit]++
		}
		nodes, spare = spare, nodes
	}
	return nodes
}

// treeDepths builds the tree of the sorted weights in place, and counts how
// many leaves lie at each depth. A weight that was taken into a tree becomes
// the index of its parent, then the depth of its node.
func treeDepths(w []uint32, perLen *[33]int) {
	n := len(w)
	leaf, root := 0, 0
	least := func(next int) uint32 { // the weight of the smallest tree that is left
		if leaf < n && (root >= next || w[leaf] <= w[root]) {
			leaf++
			return w[leaf-1]
		}
		weight := w[root]
		w[root] = uint32(next)
		root++
		return weight
	}
	for next := range n - 1 {
		sum := least(next)
		sum += least(next)
		w[next] = sum
	}
	w[n-2] = 0 // the root of all
	for next := n - 3; next >= 0; next-- {
		w[next] = w[w[next]] + 1
	}
	// Places at a depth are taken by inner nodes or by leaves.
	places, depth, inner, left := 1, 0, n-2, n
	for places > 0 && left > 0 {
		here := 0
		for inner >= 0 && int(w[inner]) == depth {
			here++
			inner--
		}
		leaves := places - here
		perLen[min(depth, len(perLen)-1)] += leaves
		left -= leaves
		places = 2 * here
		depth++
	}
}

// limitDepths moves leaves from below maxLen up to it, and makes room for them
// by moving others down, until the codes fit together again.
func limitDepths(perLen *[33]int, maxLen int) {
	for n := maxLen + 1; n < len(perLen); n++ {
		perLen[maxLen] += perLen[n]
		perLen[n] = 0
	}
	used := 0 // of 1<<maxLen codes of the longest kind
	for n := 1; n <= maxLen; n++ {
		used += perLen[n] << (maxLen - n)
	}
	for ; used > 1<<maxLen; used-- {
		// One of the longest goes beside a shorter one that moves down.
		n := maxLen - 1
		for perLen[n] == 0 {
			n--
		}
		perLen[maxLen]--
		perLen[n]--
		perLen[n+1] += 2
	}
}

// assign gives every symbol its code (RFC 1951, section 3.2.2).
func assign(codes []code, perLen *[33]int) {
	var next [maxCodeLen + 1]uint16
	v := 0
	for n := 1; n <= maxCodeLen; n++ {
		v = (v + perLen[n-1]) << 1
		next[n] = uint16(v)
	}
	for i := range codes {
		if n := codes[i].len; n > 0 {
			codes[i].bits = bits.Reverse16(next[n]) >> (16 - n)
			next[n]++
		}
	}
}
