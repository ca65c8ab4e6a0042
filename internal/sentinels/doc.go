// Package sentinels holds the check that each error which the library exports
// is provoked by a test that names it.
package sentinels
