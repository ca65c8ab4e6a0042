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
// # Security
//
// A secret that is compressed together with text that an attacker chooses can
// be guessed from the length of the result, encrypted or not (RFC 7692,
// section 8). Send such messages uncompressed, which package conn lets a
// caller choose for each message.
package deflate
