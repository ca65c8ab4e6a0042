package main

import (
	"io"
	"net"
	"net/http"
)

// limits is the lib of what is no library, but what the machine, the kernel or
// net/http takes for the same bytes anyway.
const limits = "limit"

var (
	limitCopy = &idiom{lib: limits, name: "memcpy"} // a copy of the payload
	limitC    = &idiom{lib: limits, name: "C"}      // a vector loop in C
	limitRaw  = &idiom{lib: limits, name: "rawTCP", listen: rawEcho}
	limitGet  = &idiom{lib: limits, name: "GET", echo: func(compression) http.Handler { return http.HandlerFunc(plainGet) }}
)

var limitIdioms = []*idiom{limitCopy, limitC, limitRaw, limitGet}

// rawEcho sends back what comes, as it comes.
func rawEcho(ln net.Listener) error {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer nc.Close()
			// A buffer that a frame of 64 KiB fits into; small in a process
			// that is to show what an idle connection costs.
			buf := make([]byte, rawBuffer)
			for {
				n, err := nc.Read(buf)
				if err != nil {
					return
				}
				if _, err := nc.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// rawBuffer is set before the first connection.
var rawBuffer = 128 << 10

func plainGet(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello") }
