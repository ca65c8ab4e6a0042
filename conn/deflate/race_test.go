//go:build race

package deflate

func init() { raceEnabled = true }
