package frame_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/frame"
)

// TestErrors proves 7.4.1-8: each sentinel has its close code, its section and
// its own text, and errors.Is finds it and no other.
func TestErrors(t *testing.T) {
	all := []struct {
		err     *frame.Error
		code    int
		section string
		text    string
	}{
		{frame.ErrMasked, 1002, "5.1", "websocket: masked frame from the server (RFC 6455, section 5.1; close code 1002)"},
		{frame.ErrUnmasked, 1002, "5.1", "websocket: unmasked frame from the client (RFC 6455, section 5.1; close code 1002)"},
		{frame.ErrReservedBits, 1002, "5.2", "websocket: reserved bit set that no extension uses on this frame (RFC 6455, section 5.2; close code 1002)"},
		{frame.ErrReservedOpcode, 1002, "5.2", "websocket: reserved opcode (RFC 6455, section 5.2; close code 1002)"},
		{frame.ErrLengthNotMinimal, 1002, "5.2", "websocket: payload length not in the shortest form (RFC 6455, section 5.2; close code 1002)"},
		{frame.ErrLengthTooLarge, 1002, "5.2", "websocket: payload length of 2^63 or more (RFC 6455, section 5.2; close code 1002)"},
		{frame.ErrFragmentedControl, 1002, "5.5", "websocket: fragmented control frame (RFC 6455, section 5.5; close code 1002)"},
		{frame.ErrControlTooLong, 1002, "5.5", "websocket: control frame with more than 125 bytes of payload (RFC 6455, section 5.5; close code 1002)"},
		{frame.ErrUnexpectedContinuation, 1002, "5.4", "websocket: continuation frame without a message to continue (RFC 6455, section 5.4; close code 1002)"},
		{frame.ErrExpectedContinuation, 1002, "5.4", "websocket: new message before the last one ended (RFC 6455, section 5.4; close code 1002)"},
		{frame.ErrClosePayload, 1002, "5.5.1", "websocket: close frame with one byte of payload (RFC 6455, section 5.5.1; close code 1002)"},
		{frame.ErrCloseCode, 1002, "7.4", "websocket: close code that may not be sent (RFC 6455, section 7.4; close code 1002)"},
		{frame.ErrCloseReason, 1007, "8.1", "websocket: close reason is not UTF-8 (RFC 6455, section 8.1; close code 1007)"},
		{frame.ErrInvalidUTF8, 1007, "8.1", "websocket: text message is not UTF-8 (RFC 6455, section 8.1; close code 1007)"},
		{frame.ErrMessageTooBig, 1009, "10.4", "websocket: message larger than the limit (RFC 6455, section 10.4; close code 1009)"},
		{frame.ErrTooManyFragments, 1008, "10.4", "websocket: message in more fragments than the limit (RFC 6455, section 10.4; close code 1008)"},
		{frame.ErrCompressedData, 1007, "7.2.2", "websocket: compressed message that can't be inflated (RFC 7692, section 7.2.2; close code 1007)"},
		{frame.ErrUnexpectedData, 1003, "7.4.1", "websocket: message of a type that is not accepted (RFC 6455, section 7.4.1; close code 1003)"},
	}
	for i, v := range all {
		require.EqualValues(t, v.code, v.err.Code, v.text)
		require.True(t, v.err.Code.Valid(), v.text)
		require.Equal(t, v.section, v.err.Section, v.text)
		require.EqualError(t, v.err, v.text)
		wrapped := fmt.Errorf("reading: %w", v.err)
		for j, w := range all {
			require.Equal(t, i == j, errors.Is(wrapped, w.err), "%v is %v", v.err, w.err)
		}
	}
	var rule *frame.Error
	require.False(t, errors.As(frame.ErrIncomplete, &rule), "no rule is broken by an incomplete header")
}
