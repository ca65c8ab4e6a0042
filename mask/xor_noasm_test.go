//go:build purego || !(amd64 || arm64)

package mask

// kernels are the implementations that this build has beside the common ones.
var kernels []implementation
