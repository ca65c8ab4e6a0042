// Package deflate is the permessage-deflate extension of WebSocket (RFC 7692)
// without I/O: what to offer and what to answer, a decompressor that can stop
// at any byte, and a compressor that never reaches beyond the agreed window.
//
// Package conn does all of it for a connection when Config.Compression is set.
// Others call [Options.Offers], [Options.Negotiate] and [Options.Check] while
// the opening handshake runs, then keep one [Decompressor] and one [Compressor]
// for each connection.
//
// The package has a DEFLATE (RFC 1951) of its own in both directions, because
// compress/flate has neither a window of another size than 32 KiB nor a way to
// go on behind a final block, and keeps more than 600 KiB for each writer.
// It writes no frames, knows no limits of messages and checks no UTF-8: these
// belong to package conn.
//
// # Size, speed and memory
//
// Beside compress/flate at the same level, JSON of 1 and 16 KiB becomes as small
// (within half a percent), and at level 1 with context takeover smaller by 6 to
// 14 %. Compressing takes 0.4 to 1.05 of the time, inflating 0.4 to 0.8 (x86-64).
// Both compare with:
//
//	go test -run '^$' -bench 'Compress|Inflate' ./conn/deflate
//
// With context takeover a [Compressor] of this package keeps up to 80 KiB at
// level 1 and 144 KiB above, in proportion to the window, and less as long as
// there were few bytes to compress; a [Decompressor] keeps the window, 32 KiB at
// most. Without takeover neither keeps anything between messages. What is kept is
// printed by the first of these commands, and beside other libraries, as resident
// memory of a server with 10,000 connections, by the second:
//
//	go test -v -run TestKeptMemory ./conn/deflate
//	cd interop && go run ./bench -rows idle/deflate -all
//
// # Security
//
// A secret that is compressed together with text that an attacker chooses can
// be guessed from the length of the result, encrypted or not (RFC 7692,
// section 8). Send such messages uncompressed, which package conn lets a
// caller choose for each message.
package deflate
