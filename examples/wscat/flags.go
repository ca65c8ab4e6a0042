package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/handshake"
)

// options are the flags.
type options struct {
	url          string
	listen       string
	header       http.Header
	subprotocols list
	origins      list

	interactive                     bool
	binary, hex, whole              bool // what is sent
	json, raw                       bool // what is printed
	trace, times, quiet             bool
	reconnect, once, echo, insecure bool
	compress                        bool
	cert, key                       string

	count               int
	max                 int64
	ping, wait, timeout time.Duration
}

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string { return strings.Join(*l, ", ") }

func (l *list) Set(s string) error {
	for _, v := range strings.Split(s, ",") {
		*l = append(*l, strings.TrimSpace(v))
	}
	return nil
}

const usage = `usage: wscat [flags] URL
       wscat [flags] -listen HOST:PORT

Each line of the input is a message, each message a line of the output.
On a terminal, /help lists the commands. Flags:

`

const usageEnd = `
exit codes: 0 closed, 1 input or output, 2 usage, 3 no connection, 4 refused,
            5 closed by the peer with an error, 6 lost, 7 timeout,
            130 interrupted
`

// parseFlags has told w what is wrong when it returns an error.
func parseFlags(args []string, w io.Writer) (*options, error) {
	o := &options{header: http.Header{}}
	fs := flag.NewFlagSet("wscat", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.Usage = func() {
		fmt.Fprint(w, usage)
		fs.PrintDefaults()
		fmt.Fprint(w, usageEnd)
	}
	o.define(fs)
	// Flags may stand behind the URL too.
	var rest []string
	for len(args) > 0 {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		args = fs.Args()
		if len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	err := o.check(rest)
	if err != nil {
		fmt.Fprintf(w, "wscat: %v; wscat -help lists the flags\n", err)
	}
	return o, err
}

func (o *options) define(fs *flag.FlagSet) {
	fs.Func("H", "a `header` of the handshake, \"Name: value\"; may be repeated", o.addHeader)
	fs.Var(&o.subprotocols, "subprotocol", "subprotocols to offer, or to choose from with -listen: `a,b`")
	fs.Var(&o.origins, "origin", "Origin to send, or `patterns` of origins to accept with -listen")
	fs.BoolVar(&o.compress, "compress", false, "offer, or with -listen agree to, permessage-deflate (RFC 7692)")
	fs.BoolVar(&o.insecure, "insecure", false, "don't verify the server's certificate")

	fs.StringVar(&o.listen, "listen", "", "serve on `host:port` instead of connecting; port 0 takes a free one")
	fs.BoolVar(&o.once, "once", false, "with -listen: serve one connection, and end with it")
	fs.StringVar(&o.cert, "cert", "", "with -listen: serve wss with the certificate in this PEM `file`")
	fs.StringVar(&o.key, "key", "", "with -listen: the key of -cert, a PEM `file`")
	fs.BoolVar(&o.echo, "echo", false, "send every message back")

	fs.BoolVar(&o.interactive, "i", false, "behave as on a terminal: marks and commands")
	fs.BoolVar(&o.binary, "binary", false, "send binary messages")
	fs.BoolVar(&o.hex, "hex", false, "the input is hexadecimal digits, to be sent as binary messages")
	fs.BoolVar(&o.whole, "whole", false, "send the whole input as one message")
	fs.BoolVar(&o.json, "json", false, "print messages that are JSON indented")
	fs.BoolVar(&o.raw, "raw", false, "print the bytes of messages as they are, with nothing added")
	fs.BoolVar(&o.times, "time", false, "print how long things took, and when messages came")
	fs.BoolVar(&o.trace, "trace", false, "draw and explain every frame on standard error")
	fs.BoolVar(&o.quiet, "q", false, "print nothing about the connection but errors")

	fs.BoolVar(&o.reconnect, "reconnect", false, "connect again when the connection is lost; input waits meanwhile")
	fs.DurationVar(&o.ping, "ping", 0, "send a ping every `duration`, and print how long the pong took")
	fs.IntVar(&o.count, "n", 0, "close after this `many` messages; the end of the input closes nothing then")
	fs.DurationVar(&o.wait, "wait", 0, "`duration` to receive behind the input; negative: until the peer closes")
	fs.DurationVar(&o.timeout, "timeout", 0, "end after this `duration`")
	fs.Int64Var(&o.max, "max", conn.DefaultMaxMessageSize, "longest message to send or receive, in `bytes`")
}

func (o *options) addHeader(s string) error {
	name, value, ok := strings.Cut(s, ":")
	if !ok || name == "" {
		return errors.New(`write it as "Name: value"`)
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	o.header[name] = append(o.header[name], strings.TrimSpace(value))
	return nil
}

// check says what is wrong with the flags together.
func (o *options) check(args []string) error {
	switch {
	case o.listen == "" && len(args) != 1:
		return errors.New("give one URL, or -listen")
	case o.listen != "" && len(args) > 0:
		return errors.New("give a URL or -listen, not both")
	case o.listen != "" && (o.reconnect || o.insecure):
		return errors.New("-reconnect and -insecure are for clients")
	case o.listen == "" && (o.once || o.cert != "" || o.key != ""):
		return errors.New("-once, -cert and -key go with -listen")
	case (o.cert == "") != (o.key == ""):
		return errors.New("-cert and -key go together")
	case o.max <= 0:
		return errors.New("-max must be positive")
	case o.listen == "" && len(o.origins) > 1:
		return errors.New("a client has one -origin")
	case o.listen != "":
		return o.serverConfig().Validate()
	}
	return o.checkURL(args[0])
}

func (o *options) checkURL(s string) error {
	if !strings.Contains(s, "://") {
		s = "ws://" + s
	}
	u, err := handshake.ParseURL(s)
	if err != nil {
		return err
	}
	o.url = u.String()
	if len(o.origins) == 1 {
		o.header.Set("Origin", o.origins[0])
	}
	// What the handshake can't carry is a mistake of the flags.
	hs := handshake.Client{URL: u, Header: o.header, Subprotocols: o.subprotocols}
	_, err = hs.AppendRequest(nil)
	return err
}

func (o *options) compression() *deflate.Options {
	if !o.compress {
		return nil
	}
	return &deflate.Options{}
}

// shown is the URL without a password.
func (o *options) shown() string {
	u, err := url.Parse(o.url)
	if err != nil {
		return o.url
	}
	return u.Redacted()
}
