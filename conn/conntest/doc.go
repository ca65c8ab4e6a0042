// Package conntest helps to test code that uses package conn, without sockets
// and without sleeps.
//
// [Pair] gives two connected Conns in memory, [Pipe] the transport beneath
// them, [Fault] a transport on which things go wrong at a chosen byte, and
// [Recorder] the bytes of the wire, printed frame by frame.
//
// Everything here waits in ways that testing/synctest sees: inside a bubble,
// latency, stalls and deadlines cost no real time.
//
// It doesn't imitate TCP: there is no loss, no reordering, no congestion, and
// what is still unread when one end closes is not thrown away.
package conntest
