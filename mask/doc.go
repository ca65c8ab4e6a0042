// Package mask masks and unmasks WebSocket payloads.
//
// A client XORs the payload of every frame it sends with a four-byte masking
// key that repeats, and the server undoes it with the same operation
// (RFC 6455, section 5.3). [NewKey] draws a key for a frame; [XOR] applies one,
// in as many pieces as the payload happens to come in.
//
// Masking keeps a script from choosing the bytes that its browser puts on the
// wire, where an intermediary might take them for a request of another protocol
// (RFC 6455, section 10.3). That holds only while nobody can predict the next
// key, so keys come from crypto/rand, each for one frame. Masking hides nothing
// from who can read the frame: the key travels in its header.
//
// The package knows nothing of frames, and does not decide whether a frame has
// to be masked. [XOR] runs on AVX2 or SSE2 on amd64 and on NEON on arm64 for
// payloads longer than 32 bytes; shorter ones, all of them elsewhere, and all of
// them under the build tag purego are masked in plain Go.
package mask
