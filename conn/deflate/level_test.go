package deflate

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// prose is text in which words come again, some often and most seldom.
func prose(size int) []byte {
	random := rand.New(rand.NewPCG(6455, 0))
	words := make([][]byte, 2000)
	for i := range words {
		for range 2 + random.IntN(8) {
			words[i] = append(words[i], "etaoinshrdlucmfwyp"[random.IntN(18)])
		}
	}
	zipf := rand.NewZipf(random, 1.2, 3, uint64(len(words)-1))
	var p []byte
	for len(p) < size {
		p = append(append(p, words[zipf.Uint64()]...), ' ')
	}
	return p[:size]
}

// A higher level gives fewer bytes, and each is as good as compress/flate's.
func TestLevels(t *testing.T) {
	p := prose(100_000)
	before := len(p)
	for _, level := range []int{1, 3, 6, 9} {
		o := Options{Level: level}
		c := o.Compressor(MaxWindowBits, false)
		z, err := c.Compress(nil, p)
		require.NoError(t, err)
		c.Close()
		var std bytes.Buffer
		w, err := flate.NewWriter(&std, level)
		require.NoError(t, err)
		w.Write(p)
		w.Flush()
		t.Logf("level %d: %d bytes, compress/flate %d", level, len(z), std.Len())
		require.Less(t, len(z), before, "level %d", level)
		require.Less(t, len(z), std.Len()*102/100, "level %d", level)
		before = len(z)
	}
}
