// Package rfc traces the requirements of RFC 6455 and its companions to the
// tests that prove them.
//
// requirements.tsv has one row for each requirement. A test claims a row by
// its id, in one of two places: a subtest's name that begins with the id, or
// a comment at a test function (before it or in its body) that says
// "Proves 5.5.1-4, 5.5.1-6." unserved.tsv lists the rows that no code here
// serves, and deviations.tsv those that the code meets in another way than
// the RFC recommends, both with the reason.
//
// The package's own test fails when a row that is to be met has no test, and
// when conformance.md in the module's root is not the page that this package
// writes from all that. To write the page anew:
//
//	go test ./internal/rfc -update
//
// The package knows the names of tests, not what they do: whether a test
// proves its row is for its reader to judge.
package rfc
