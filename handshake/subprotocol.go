package handshake

import (
	"errors"
	"fmt"
	"slices"
)

var (
	errNoSubprotocol        = errors.New("the subprotocol list is empty")
	errSubprotocolToken     = errors.New("a subprotocol is not a token")
	errSubprotocolDuplicate = errors.New("a subprotocol is listed twice")
)

// parseSubprotocols parses every Sec-WebSocket-Protocol line of a request as
// one list (RFC 6455, section 11.3.4). The elements are distinct tokens
// (RFC 6455, section 4.1).
func parseSubprotocols(lines []string) ([]string, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	var list []string
	for _, line := range lines {
		for e := range elements(line) {
			if !isToken(e) {
				return nil, errSubprotocolToken
			}
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return nil, errNoSubprotocol
	}
	if hasDuplicate(list) {
		return nil, errSubprotocolDuplicate
	}
	return list, nil
}

// hasDuplicate sorts a copy, so that a long hostile list costs little.
func hasDuplicate(list []string) bool {
	if len(list) < 2 {
		return false
	}
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return len(slices.Compact(sorted)) != len(list)
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
	for _, s := range list {
		if !isToken(s) {
			return fmt.Errorf("handshake: Subprotocols: %q is not a token", s)
		}
	}
	if hasDuplicate(list) {
		return errors.New("handshake: Subprotocols: a name is listed twice")
	}
	return nil
}
