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
// ErrIncomplete while the head's blank line is missing, and an [*Error] as soon
// as a line breaks the grammar (RFC 6455, section 4.1). The Response does not refer
// to b.
func ParseResponse(b []byte) (*Response, int, error) {
	first, n, err := scanHead(b, func(known, span, span) {})
	if err == ErrIncomplete {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, malformedResponse(err)
	}
	head := string(b[:n])
	r := &Response{Header: make(http.Header)}
	if !r.parseLine(head[:first]) {
		return nil, 0, malformedResponse(errStartLine)
	}
	scanHead(b[:n], func(_ known, name, value span) {
		r.Header.Add(head[name.from:name.to], head[value.from:value.to])
	})
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
		if line[12] != ' ' {
			return false
		}
		r.Reason = line[13:]
	}
	r.Proto = line[:8]
	return r.Status >= 100
}
