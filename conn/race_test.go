//go:build race

package conn_test

// Under the race detector sync.Pool drops buffers at random, so allocations
// cannot be counted.
func init() { raceEnabled = true }
