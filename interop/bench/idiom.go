package main

import (
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
)

// An idiom is one way to use one library: the way its documentation shows, or
// the fastest that its documentation describes. Functions that are nil are work
// that the library has no means for, and have no entry in that row.
type idiom struct {
	lib  string
	name string // usual or best

	// module is the path of the library's module; its version goes into the
	// results.
	module string

	// echo serves WebSocket connections over net/http, and sends every message
	// back, compressed as asked for.
	echo func(compression) http.Handler

	// listen does the same on a bare listener, with the library's own
	// handshake.
	listen func(net.Listener) error

	// upgrade answers one opening handshake on nc, without net/http.
	upgrade func(nc net.Conn) error

	// reader prepares the server's end of a connection on nc, and returns a
	// function that reads the next n messages, text validated.
	reader func(nc net.Conn) (read func(n int) error, err error)

	// writer prepares an end of a connection on nc, and returns a function
	// that writes one binary message.
	writer func(nc net.Conn, client bool) (write func(p []byte) error, err error)

	// fanout publishes to connections that only listen, compressed as asked
	// for.
	fanout func(compression) fanout
}

// compression is what an echo server agrees to.
type compression int

const (
	plain    compression = iota
	alone                // permessage-deflate without context takeover
	takeover             // with it, where the library has it
)

// compressions are the kinds of servers that echo.
var compressions = map[string]compression{"echo": plain, "deflate": alone, "deflate-takeover": takeover}

func (i *idiom) String() string { return i.lib + "/" + i.name }

// idioms are all of them, this library's first, and each library's best before
// its usual one.
var idioms = []*idiom{
	ourBest, ourUsual,
	gorillaBest, gorillaUsual,
	coderBest, coderUsual,
	gobwasBest, gobwasUsual,
	gwsBest, gwsUsual,
	nbioUsual,
}

// ours is the name under which this library stands in the results.
const ours = "rfc6455"

// idiomNamed returns the idiom whose String is name.
func idiomNamed(name string) (*idiom, error) {
	for _, i := range slices.Concat(idioms, limitIdioms) {
		if i.String() == name {
			return i, nil
		}
	}
	return nil, fmt.Errorf("no idiom %q", name)
}

// selectIdioms returns those of the libraries named in list, separated by
// commas, and always this library's.
func selectIdioms(list string) []*idiom {
	if list == "" {
		return idioms
	}
	var some []*idiom
	for _, i := range idioms {
		for _, lib := range strings.Split(list, ",") {
			if i.lib == lib || i.lib == ours {
				some = append(some, i)
				break
			}
		}
	}
	return some
}

// versions are those of the libraries in this build.
func versions() map[string]string {
	v := make(map[string]string)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, i := range idioms {
		for _, dep := range info.Deps {
			if dep.Path == i.module {
				v[i.lib] = dep.Version
			}
		}
	}
	return v
}

// maxMessage is the limit that every library is given where it has one.
const maxMessage = 4 << 20
