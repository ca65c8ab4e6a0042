package mask

import (
	"crypto/rand"
	"sync"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"
)

// Keys are drawn at random, so some of 100 000 four-byte keys are the same by
// chance: about n²/2³³ = 1.2 pairs. A batch handed out twice would make 256.
// Proves 5.3-2.
func TestNewKeyIsFresh(t *testing.T) {
	const goroutines, each = 8, 12500
	keys := make([][]Key, goroutines)
	var wg sync.WaitGroup
	for g := range keys {
		wg.Go(func() {
			for range each {
				keys[g] = append(keys[g], NewKey())
			}
		})
	}
	wg.Wait()

	seen := make(map[Key]int)
	for _, some := range keys {
		for _, key := range some {
			seen[key]++
		}
	}
	// The chance of 20 pairs or more is below 1e-16.
	require.Greater(t, len(seen), goroutines*each-20)
	// The zero key is what a wiped or unfilled batch would give.
	require.Less(t, seen[Key{}], 3)
}

// Each of the 32 bits is set in about half of the keys.
func TestNewKeyUsesEveryBit(t *testing.T) {
	const n = 10000
	var set [32]int
	for range n {
		key := NewKey()
		for bit := range set {
			set[bit] += int(key[bit/8]>>(bit%8)) & 1
		}
	}
	for bit, count := range set {
		// Ten standard deviations of 50 each.
		require.InDelta(t, n/2, count, 500, "bit %d", bit)
	}
}

// A key is the next four bytes of the batch, which are wiped; an empty one is
// filled first, all of it.
func TestKeys(t *testing.T) {
	b := new(Keys)
	b.Next()
	require.Equal(t, batchSize-keySize, b.left)
	require.Zero(t, [keySize]byte(b.bytes[:keySize]))

	left := b.bytes
	for at := keySize; at < batchSize; at += keySize {
		require.Equal(t, Key(left[at:at+keySize]), b.Next())
		require.Equal(t, batchSize-at-keySize, b.left)
	}
	require.Zero(t, b.bytes, "all wiped once all is handed out")

	b.Next()
	require.Equal(t, batchSize-keySize, b.left)
	require.NotZero(t, [16]byte(b.bytes[batchSize-16:]), "filled to the end")
}

// Proves 5.3-3 and 5.3-4: keys are the output of crypto/rand and nothing else,
// in order, so that who knows some knows as little of the next as of any
// other output of it.
func TestKeysAreRandomBytes(t *testing.T) {
	var want [batchSize]byte
	cryptotest.SetGlobalRandom(t, 7)
	rand.Read(want[:])
	cryptotest.SetGlobalRandom(t, 7)
	b := new(Keys)
	for at := 0; at < batchSize; at += keySize {
		require.Equal(t, Key(want[at:at+keySize]), b.Next())
	}
}

// A new batch costs an allocation only when the collector took the old one.
func TestNewKeyDoesNotAllocate(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(1000, func() { NewKey() }))
}

func BenchmarkNewKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewKey()
	}
}

func BenchmarkKeys(b *testing.B) {
	b.ReportAllocs()
	var k Keys
	for b.Loop() {
		k.Next()
	}
}

func BenchmarkNewKeyParallel(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			NewKey()
		}
	})
}
