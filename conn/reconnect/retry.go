package reconnect

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Permanent marks an error of OnConnect or Dial as one that another attempt
// won't cure: the Client closes with it, whatever Config.Fatal says. Nil stays
// nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

func isPermanent(err error) bool {
	var p *permanent
	return errors.As(err, &p)
}

// DefaultFatal judges why an attempt failed or a connection ended, when
// Config.Fatal is nil. It reports true when trying again would fail again:
//
//   - a refusal of the handshake with a 4xx status, but for 408, 425 and 429;
//     with 501 or 505; with a success or a redirect that is no WebSocket; and
//     a 101 that breaks a rule, such as a subprotocol that was not offered;
//   - the same from a proxy, whose 407 wants credentials;
//   - a certificate that does not verify;
//   - close codes 1002, 1003, 1007, 1008, 1009, 1010, 3000 and 3003, whether
//     the peer sent them or broke the rule that they stand for;
//   - close code 1000, by which the server says that all is done.
//
// Everything else is worth another attempt: other statuses and close codes,
// among them 1001, 1006, 1011, 1012 and 1013, timeouts, resets, names that
// don't resolve. A private code (4000 to 4999) means what the application
// says; give a function of your own that knows it and asks DefaultFatal about
// the rest.
func DefaultFatal(err error) bool {
	var refusal *handshake.Error
	var proxy *conn.ProxyError
	var certificate *tls.CertificateVerificationError
	var closed *conn.CloseError
	switch {
	case isPermanent(err):
		return true
	case errors.As(err, &closed):
		return fatalClose(closed)
	case errors.As(err, &refusal):
		return fatalStatus(refusal.Status)
	case errors.As(err, &proxy):
		return fatalStatus(proxy.Status)
	}
	return errors.As(err, &certificate)
}

// fatalStatus judges the status of a refusal; 0 is an answer that was no HTTP.
func fatalStatus(status int) bool {
	switch status {
	case 0, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return true
	}
	return status < 500
}

func fatalClose(e *conn.CloseError) bool {
	code := e.Code
	var rule *frame.Error
	if errors.As(e.Err, &rule) {
		code = rule.Code // the server would break it again
	} else if e.Err != nil {
		return false // the network's fault
	}
	switch code {
	case frame.StatusNormalClosure,
		frame.StatusProtocolError,
		frame.StatusUnsupportedData,
		frame.StatusInvalidPayload,
		frame.StatusPolicyViolation,
		frame.StatusMessageTooBig,
		frame.StatusMandatoryExtension,
		frame.StatusUnauthorized,
		frame.StatusForbidden:
		return true
	}
	return false
}

// retryAfter returns the time that a refusal with 429 or 503 asks for, counted
// from now; 0 when it asks for none (RFC 9110, section 10.2.3). A date is
// measured by the clock that it comes from, when the answer tells that with a
// Date, and by ours otherwise.
func retryAfter(err error, now time.Time) time.Duration {
	var refusal *handshake.Error
	var proxy *conn.ProxyError
	var status int
	var header http.Header
	switch {
	case errors.As(err, &refusal):
		status, header = refusal.Status, refusal.Header
	case errors.As(err, &proxy):
		status, header = proxy.Status, proxy.Header
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	value := strings.TrimSpace(header.Get("Retry-After"))
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) { // the largest then
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now))
}
