// Package fuzz holds the fuzz targets of the module, each with a second
// opinion: a slow, obvious model, the standard library, or the same input cut
// into other pieces. It has no code of its own.
//
// The seeds are in testdata/fuzz, a directory a target, and go test runs them
// like any other test. To fuzz one target:
//
//	go test ./fuzz -run '^$' -fuzz '^FuzzServerConn$' -fuzztime 10m
//
// A finding is written to testdata/fuzz, and stays there as a seed once the
// fault is mended.
//
// Every target takes byte slices, strings, booleans and integers alone, bounds
// its work by the size of its input, and is built by OSS-Fuzz's
// compile_native_go_fuzzer as FUNCTION FuzzX of this package's path: all files
// are one package, and no target uses what that tool's testing.T lacks. The one
// exception is FuzzConversation, which needs testing/synctest.
package fuzz
