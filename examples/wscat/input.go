package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// typist sends what is typed, or comes through a pipe.
type typist struct {
	o  *options
	p  *printer
	to target
}

func newTypist(o *options, p *printer, to target) *typist {
	return &typist{o: o, p: p, to: to}
}

// run sends the input and closes the connection behind it. A failure of the
// input cancels.
func (t *typist) run(ctx context.Context, cancel context.CancelCauseFunc, input io.Reader) {
	err := t.read(ctx, input)
	switch {
	case ctx.Err() != nil: // over already
	case err != nil:
		cancel(localError{err})
	default:
		t.ended(ctx)
	}
}

// ended closes after the end of the input, unless something else is to.
func (t *typist) ended(ctx context.Context) {
	if t.o.count > 0 || t.o.wait < 0 {
		return
	}
	if t.o.wait > 0 {
		timer := time.NewTimer(t.o.wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
	t.to.finish(ctx, frame.StatusNormalClosure, "") // the reader says how it ended
}

func (t *typist) read(ctx context.Context, input io.Reader) error {
	if t.o.whole {
		all, err := io.ReadAll(io.LimitReader(input, t.o.max+1))
		if err != nil {
			return fmt.Errorf("read the input: %w", err)
		}
		if int64(len(all)) > t.o.max {
			return t.tooLong("the input")
		}
		return t.message(ctx, all)
	}
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, int(min(t.o.max+2, 1<<31-1))) // with its line ending
	for lines.Scan() {
		if int64(len(lines.Bytes())) > t.o.max {
			return t.tooLong("a line of the input")
		}
		if err := t.line(ctx, lines.Text()); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return t.tooLong("a line of the input")
	}
	if lines.Err() != nil {
		return fmt.Errorf("read the input: %w", lines.Err())
	}
	return nil
}

func (t *typist) tooLong(what string) error {
	return fmt.Errorf("%s is longer than -max, %d bytes", what, t.o.max)
}

// line handles one line. On a terminal a mistake is told and forgotten.
func (t *typist) line(ctx context.Context, line string) error {
	if !t.p.interactive {
		return t.message(ctx, []byte(line))
	}
	var err error
	switch {
	case strings.HasPrefix(line, "//"):
		err = t.message(ctx, []byte(line[1:]))
	case strings.HasPrefix(line, "/"):
		err = t.command(ctx, line)
	default:
		err = t.message(ctx, []byte(line))
	}
	if err != nil {
		t.p.note("%v", err)
	}
	return ctx.Err()
}

func (t *typist) message(ctx context.Context, p []byte) error {
	typ := conn.Text
	if t.o.binary {
		typ = conn.Binary
	}
	if t.o.hex {
		return t.sendHex(ctx, string(p))
	}
	if typ == conn.Text && !frame.ValidUTF8(p) {
		return errors.New("the input is not UTF-8, which text has to be; -binary sends any bytes")
	}
	return t.to.send(ctx, typ, p)
}

func (t *typist) sendHex(ctx context.Context, digits string) error {
	p, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		return fmt.Errorf("not hexadecimal digits, two for each byte: %w", err)
	}
	return t.to.send(ctx, conn.Binary, p)
}

const commands = `/ping                  send a ping, and say how long the pong took
/close [code [reason]] close the connection; 1000 without a code
/hex 01 02 ff          send a binary message
//text                 send a line that begins with a slash`

func (t *typist) command(ctx context.Context, line string) error {
	name, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch name {
	case "/ping":
		return t.to.ping(ctx)
	case "/hex":
		return t.sendHex(ctx, rest)
	case "/close":
		return t.closeCommand(ctx, rest)
	case "/help":
		t.p.note("%s", commands)
		return nil
	}
	return fmt.Errorf("%s is no command; /help lists them, and //%s sends it", name, name[1:])
}

func (t *typist) closeCommand(ctx context.Context, args string) error {
	code, reason := uint64(frame.StatusNormalClosure), ""
	if args != "" {
		var number string
		var err error
		number, reason, _ = strings.Cut(args, " ")
		if code, err = strconv.ParseUint(number, 10, 16); err != nil {
			return fmt.Errorf("%q is no close code, such as 1000", number)
		}
	}
	if _, err := frame.AppendClose(nil, frame.CloseCode(code), reason); err != nil {
		return err
	}
	return t.to.finish(ctx, frame.CloseCode(code), reason)
}
