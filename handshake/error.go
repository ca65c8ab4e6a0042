package handshake

import (
	"errors"
	"net/http"
	"strconv"
)

// ErrIncomplete means that the head has not arrived in full: read more and parse
// again. The caller bounds how much it reads.
var ErrIncomplete = errors.New("handshake: incomplete")

// MaxErrorBody is how much of a refusal's body an [Error] carries at most.
const MaxErrorBody = 1024

// Error is a handshake that failed. On a server it holds the refusal to send; on
// a client, the answer that was no acceptance.
type Error struct {
	// Status is the HTTP status: what a server answers, or what a client got.
	// It is 101 when the client got a 101 that breaks a rule, and 0 when what it
	// got could not be parsed.
	Status int
	// Header is what goes with the status, or came with it.
	Header http.Header
	// Body is the beginning of the response's body, MaxErrorBody bytes at most.
	// A server that leaves it empty answers with Reason.
	Body []byte
	// Reason says what was wrong. It never repeats what the peer sent.
	Reason string
	// Err is the cause, if there is one. It is not sent to the peer.
	Err error
	// Section is the section of RFC 6455 whose rule was broken.
	Section string
}

// Error returns the reason with the status, the cause and the section.
func (e *Error) Error() string {
	s := "handshake: " + e.Reason
	if e.Status != 0 {
		s += " (status " + strconv.Itoa(e.Status) + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Section != "" {
		s += " (RFC 6455, section " + e.Section + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AppendResponse appends the refusal as a whole HTTP response that closes the
// connection (RFC 6455, section 4.2.2). A status that is no refusal becomes 400.
// Fields of Header that could not stand in a response, or that say how it is
// framed, are left out.
func (e *Error) AppendResponse(dst []byte) []byte {
	status := e.Status
	if status < 300 || status > 599 {
		status = http.StatusBadRequest
	}
	body := e.Body
	if len(body) == 0 && e.Reason != "" {
		body = []byte(e.Reason + "\n")
	}
	body = body[:min(len(body), MaxErrorBody)]

	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(append(append(dst, ' '), http.StatusText(status)...), "\r\n"...)
	if status == http.StatusUpgradeRequired {
		dst = append(dst, "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"...)
	} else {
		dst = append(dst, "Connection: close\r\n"...)
	}
	if e.Header.Get("Content-Type") == "" {
		dst = append(dst, "Content-Type: text/plain; charset=utf-8\r\n"...)
	}
	dst = appendHeader(dst, e.Header)
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}

func refuse(status int, section, reason string) *Error {
	return &Error{Status: status, Section: section, Reason: reason}
}

func badRequest(section, reason string, err error) *Error {
	return &Error{Status: http.StatusBadRequest, Section: section, Reason: reason, Err: err}
}
