// Package handshake is the opening handshake of RFC 6455: what a client asks,
// what a server answers, and how each judges the other.
//
// Headers go in and verdicts come out. A client builds its request with
// [Client.AppendRequest], parses the answer with [ParseResponse] and judges it
// with [Client.Check]. A server takes a [Request] from [ParseRequest] or
// [FromHTTP], judges it with [Server.Check], and answers with
// [Server.AppendResponse] or, when it refuses, [Error.AppendResponse].
//
// The parsers are strict: lines end in CR LF, a field is never folded, and a
// rule that is broken is an [*Error] that names its section.
//
// The package opens no connection, sets no deadline and does no TLS; it bounds
// no input either, so the caller stops reading when a head grows too large. It
// knows no extension: it carries offers and answers, and [Server.Negotiate]
// decides. HTTP/2 and HTTP/3 (RFC 8441 and RFC 9220) are out of scope.
package handshake
