package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// A socket is a connection of some library, as an agent uses it.
type socket interface {
	write(text bool, data []byte) error
	// fragments sends one text message in as many fragments as there are
	// parts, or more.
	fragments(parts ...[]byte) error
	ping() error
	// close begins the closing handshake; code 1005 stands for no code.
	close(code int, reason string) error
	// drop closes TCP without a closing handshake.
	drop() error
}

// An agent is the far end of every check: it echoes what it hears, and obeys
// the text messages that begin with an exclamation mark:
//
//	!ping               send a ping, and "pong PAYLOAD" when the pong is here
//	!fragments          send 200,000 times a, as many b, as many c as a message
//	                    of three or more fragments
//	!close CODE REASON  begin the closing handshake
//	!drop               close TCP
//	!watch              send "watching", and remember how this connection ends
//	!compress JSON      offer or answer with these parameters of permessage-deflate
//	                    (parameters) from the next connection on, and say so
//	!last               send the code and reason with which the connection that
//	                    was watched last has ended, as this agent saw it: "1006 "
//	                    when TCP was lost, "" when it hasn't ended
//
// The agents in other languages keep to the same commands.
type agent struct {
	mu      sync.Mutex
	watched socket
	last    string
	asks    parameters
}

// parameters returns what to ask for on a new connection.
func (a *agent) parameters() parameters {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asks
}

// hear acts on one message.
func (a *agent) hear(s socket, text bool, data []byte) error {
	if !text || len(data) == 0 || data[0] != '!' {
		return s.write(text, data)
	}
	command, rest, _ := strings.Cut(string(data), " ")
	switch command {
	case "!ping":
		return s.ping()
	case "!fragments":
		return s.fragments(fragments[0], fragments[1], fragments[2])
	case "!close":
		number, reason, _ := strings.Cut(rest, " ")
		code, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		return s.close(code, reason)
	case "!drop":
		return s.drop()
	case "!watch":
		a.mu.Lock()
		a.watched, a.last = s, ""
		a.mu.Unlock()
		return s.write(true, []byte("watching"))
	case "!compress":
		var asks parameters
		if err := json.Unmarshal([]byte(rest), &asks); err != nil {
			return err
		}
		a.mu.Lock()
		a.asks = asks
		a.mu.Unlock()
		return s.write(true, []byte("from the next connection on"))
	case "!last":
		a.mu.Lock()
		defer a.mu.Unlock()
		return s.write(true, []byte(a.last))
	}
	return fmt.Errorf("unknown command %q", data)
}

// ponged reports a pong to the other end.
func (a *agent) ponged(s socket, payload string) error {
	return s.write(true, []byte("pong "+payload))
}

// closed takes note of how a connection ended, if it is the one watched. That
// of another may come late, after the check that it belongs to.
func (a *agent) closed(s socket, code int, reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.watched == s {
		a.watched, a.last = nil, fmt.Sprintf("%d %s", code, reason)
	}
}

var fragments = [3][]byte{
	bytes.Repeat([]byte("a"), 200_000),
	bytes.Repeat([]byte("b"), 200_000),
	bytes.Repeat([]byte("c"), 200_000),
}

// pingPayload is what agents send in pings where the library lets them.
const pingPayload = "are you there"

// subprotocol is what every agent speaks.
const subprotocol = "interop.v1"
