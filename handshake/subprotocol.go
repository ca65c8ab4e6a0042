package handshake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	errNoSubprotocol        = errors.New("the subprotocol list is empty")
	errSubprotocolToken     = errors.New("a subprotocol is not a token")
	errSubprotocolDuplicate = errors.New("a subprotocol is listed twice")
)

// parseSubprotocols parses every Sec-WebSocket-Protocol line of a request as
// one list (RFC 6455, section 11.3.4). The elements are distinct tokens
// (RFC 6455, section 4.1). They come back sorted, for it is the server's order
// that counts.
func parseSubprotocols(lines []string) ([]string, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	var list []string
	for _, line := range lines {
		for more := true; more; {
			var e string
			e, line, more = strings.Cut(line, ",")
			switch e = trim(e); {
			case e == "": // an empty element counts for nothing (RFC 7230, section 7)
			case !isToken(e):
				return nil, errSubprotocolToken
			default:
				list = append(list, e)
			}
		}
	}
	if len(list) == 0 {
		return nil, errNoSubprotocol
	}
	// Sorted, so that a long hostile list costs little.
	slices.Sort(list)
	if n := len(list); len(slices.Compact(list)) != n {
		return nil, errSubprotocolDuplicate
	}
	return list, nil
}

// selectSubprotocol returns the first of the server's subprotocols that the
// client offered, or "". Names compare with case (RFC 7936, section 2).
func selectSubprotocol(server, offered []string) string {
	for _, s := range server {
		if slices.Contains(offered, s) {
			return s
		}
	}
	return ""
}

// validSubprotocols checks a caller's list.
func validSubprotocols(list []string) error {
	for i, s := range list {
		if !isToken(s) {
			return fmt.Errorf("handshake: Subprotocols: %q is not a token", s)
		}
		if slices.Contains(list[:i], s) {
			return errors.New("handshake: Subprotocols: a name is listed twice")
		}
	}
	return nil
}
