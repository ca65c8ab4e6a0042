package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
)

// runServer is a server process: kind of idiom name, on a free port. Its first
// answer, to "addr", is where it listens.
func runServer(name, kind string) {
	i, err := idiomNamed(name)
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	out, err := serve(i, kind, ln)
	serveCommands(func(cmd command) (answer, error) {
		if err != nil {
			return answer{}, err
		}
		switch cmd.Do {
		case "addr":
			return answer{Addr: ln.Addr().String()}, nil
		case "usage":
			return answer{Usage: used(cmd.Resident)}, nil
		case "publish":
			return answer{}, out.publish(fanoutMessage(fanouts[kind], cmd.Size))
		case "members":
			return answer{Ops: int64(out.members())}, nil
		}
		return answer{}, fmt.Errorf("a server can't %q", cmd.Do)
	})
}

// serve starts what a row needs. It returns at once; out is for the rows of
// publishing.
func serve(i *idiom, kind string, ln net.Listener) (out fanout, err error) {
	var h http.Handler
	mode, echoes := compressions[kind]
	publishMode, publishes := fanouts[kind]
	switch {
	case kind == "idle-bare" && i == limitRaw:
		rawBuffer = 512
		go i.listen(ln)
		return out, nil
	case (kind == "bare" || kind == "idle-bare") && i.listen != nil:
		go i.listen(ln)
		return out, nil
	case echoes && i.echo != nil:
		h = i.echo(mode)
	case publishes && i.fanout != nil:
		out = i.fanout(publishMode)
		h = out.handler
	default:
		return out, errNoMeans
	}
	if i == nbioUsual {
		return out, serveNbio(ln, h)
	}
	go http.Serve(ln, h)
	return out, nil
}
