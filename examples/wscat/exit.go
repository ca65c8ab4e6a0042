package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// The exit codes, as the package comment documents them.
const (
	exitOK          = 0
	exitLocal       = 1
	exitUsage       = 2
	exitConnect     = 3
	exitRefused     = 4
	exitClosed      = 5
	exitLost        = 6
	exitTimeout     = 7
	exitInterrupted = 130
)

var (
	errTimeout     = errors.New("-timeout ran out")
	errInterrupted = errors.New("interrupted")
)

// usageError is a flag or a URL that can't be used.
type usageError struct{ error }

// localError is an input or output of this program that failed.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// exitCode says how the program ends with err.
func exitCode(err error) int {
	var (
		usage   usageError
		local   localError
		refusal *handshake.Error
		proxy   *conn.ProxyError
		closed  *conn.CloseError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errTimeout):
		return exitTimeout
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &local):
		return exitLocal
	case errors.As(err, &refusal), errors.As(err, &proxy):
		return exitRefused
	case errors.As(err, &closed):
		return closeExit(closed)
	case errors.Is(err, net.ErrClosed):
		return exitOK
	}
	return exitConnect
}

func closeExit(e *conn.CloseError) int {
	switch {
	case e.Err != nil:
		return exitLost
	case e.Local, e.Code == frame.StatusNormalClosure, e.Code == frame.StatusNoStatusReceived:
		return exitOK
	case e.Code == frame.StatusAbnormalClosure:
		return exitLost
	}
	return exitClosed
}

// describe puts the end into words. What the peer wrote is quoted.
func describe(err error) string {
	var refusal *handshake.Error
	var closed *conn.CloseError
	switch {
	case err == nil:
		return "closed"
	case errors.As(err, &refusal):
		if len(refusal.Body) > 0 {
			return fmt.Sprintf("%v; the answer begins with %q", err, refusal.Body)
		}
	case errors.As(err, &closed) && closed.Err == nil && closed.Code != frame.StatusAbnormalClosure:
		if closed.Local {
			return "closed"
		}
		return fmt.Sprintf("closed by the peer: %v %q", closed.Code, closed.Reason)
	case errors.Is(err, net.ErrClosed):
		return "closed"
	}
	return err.Error()
}

// asked returns the cause of a context that ended because somebody said so.
func asked(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
