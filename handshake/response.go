package handshake

import "net/http"

// Response is a server's answer as a client sees it.
type Response struct {
	Proto  string
	Status int
	Reason string
	Header http.Header
}

// ParseResponse parses the head of an HTTP/1 response and returns how many bytes
// it took; what follows are frames after a 101, and a body otherwise. It returns
// ErrIncomplete while the head's blank line is missing, and an [*Error] when the
// head breaks the grammar (RFC 6455, section 4.1). The Response does not refer
// to b.
func ParseResponse(b []byte) (*Response, int, error) {
	n, err := headEnd(b)
	if err == ErrIncomplete {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, malformedResponse(err)
	}
	line, rest := cutLine(string(b[:n-2]))
	r := &Response{Header: make(http.Header)}
	if !r.parseLine(line) {
		return nil, 0, malformedResponse(errStartLine)
	}
	for rest != "" {
		line, rest = cutLine(rest)
		name, value, err := parseField(line)
		if err != nil {
			return nil, 0, malformedResponse(err)
		}
		r.Header.Add(name, value)
	}
	return r, n, nil
}

func malformedResponse(err error) *Error {
	return &Error{Section: "4.1", Reason: "malformed response", Err: err}
}

// parseLine parses "proto status reason". The reason may be empty, and the space
// before it missing then, as many servers have it.
func (r *Response) parseLine(line string) bool {
	if len(line) < 12 || !validProto(line[:8]) || line[8] != ' ' {
		return false
	}
	for i := 9; i < 12; i++ {
		if !isDigit(line[i]) {
			return false
		}
		r.Status = r.Status*10 + int(line[i]-'0')
	}
	if len(line) > 12 {
		if line[12] != ' ' || !validValue(line) {
			return false
		}
		r.Reason = line[13:]
	}
	r.Proto = line[:8]
	return r.Status >= 100
}
