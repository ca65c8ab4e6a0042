package frame_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/frame"
)

// sendable lists what may stand in a Close frame below 3000, one by one.
var sendable = []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}

// TestCloseCodes proves 7.4.1-1, 7.4.1-2 (1004), 7.4.1-3 (1005), 7.4.1-4 (1006),
// 7.4.1-5 (1015), 7.4.2-1, 7.4.2-2, 7.4.2-3, 7.4.2-4, IANA:close-1 and
// IANA:close-2: all 65536 codes, received and sent.
func TestCloseCodes(t *testing.T) {
	var list [65536]bool
	for _, c := range sendable {
		list[c] = true
	}
	for c := 3000; c < 5000; c++ {
		list[c] = true
	}
	for c, want := range list {
		code := frame.CloseCode(c)
		payload := []byte{byte(c / 256), byte(c % 256), 'h', 'i'}
		gotCode, reason, err := frame.ParseClose(payload)
		sent, sendErr := frame.AppendClose(nil, code, "hi")
		var ok bool
		if want {
			ok = err == nil && gotCode == code && reason == "hi" && sendErr == nil && string(sent) == string(payload)
		} else {
			ok = err == error(frame.ErrCloseCode) && gotCode == 0 && reason == "" && sendErr != nil && sent == nil
		}
		if !ok || code.Valid() != want {
			t.Fatalf("code %d: want valid %v, got %v; received %v %q %v; sent %x %v", c, want, code.Valid(), gotCode, reason, err, sent, sendErr)
		}
	}
}

func TestParseClose(t *testing.T) {
	long := strings.Repeat("61 ", 123)
	for _, v := range []struct {
		name   string
		wire   string
		code   frame.CloseCode
		reason string
		err    error
	}{
		{"5.5.1-1 empty", "", 1005, "", nil},
		{"5.5.1-2 one byte", "03", 0, "", frame.ErrClosePayload},
		{"5.5.1-2 code alone, big-endian", "03 e8", 1000, "", nil},
		{"5.5.1-3 reason", "03 e9 62 79 65", 1001, "bye", nil},
		{"5.5.1-3 reason of 123 bytes", "03 e8" + long, 1000, strings.Repeat("a", 123), nil},
		{"5.5-1 reason of 124 bytes", "03 e8" + long + "61", 0, "", frame.ErrControlTooLong},
		{"5.5.1-3 reason beyond ASCII", "0f a0 ce ba f0 9f 98 80", 4000, "κ😀", nil},
		{"8.1-2 truncated", "03 e8 ce", 0, "", frame.ErrCloseReason},
		{"8.1-2 overlong", "03 e8 c0 af", 0, "", frame.ErrCloseReason},
		{"8.1-2 surrogate", "03 e8 ed a0 80", 0, "", frame.ErrCloseReason},
		{"8.1-2 beyond U+10FFFF", "03 e8 f4 90 80 80", 0, "", frame.ErrCloseReason},
		{"7.4.1-3 1005 on the wire", "03 ed", 0, "", frame.ErrCloseCode},
		{"7.4.1-5 1015 on the wire", "03 f7", 0, "", frame.ErrCloseCode},
	} {
		t.Run(v.name, func(t *testing.T) {
			b := wire(t, v.wire)
			code, reason, err := frame.ParseClose(b)
			require.Equal(t, v.err, err)
			require.Equal(t, v.code, code)
			require.Equal(t, v.reason, reason)
			if err == nil {
				sent, err := frame.AppendClose([]byte("before"), code, reason)
				require.NoError(t, err)
				require.Equal(t, "before"+string(b), string(sent))
			}
		})
	}
}

// TestAppendCloseRefuses proves the sending side of 5.5.1-3, 7.4.1-2 to
// 7.4.1-5, 7.4.2-1 and 8.1-2.
func TestAppendCloseRefuses(t *testing.T) {
	for _, v := range []struct {
		code   frame.CloseCode
		reason string
		want   string
	}{
		{1005, "x", "websocket: close code 1005 (no status received) cannot go with a reason"},
		{1006, "", "websocket: close code 1006 (abnormal closure) cannot be sent"},
		{1015, "", "websocket: close code 1015 (TLS handshake) cannot be sent"},
		{1004, "", "websocket: close code 1004 cannot be sent"},
		{0, "", "websocket: close code 0 cannot be sent"},
		{1000, strings.Repeat("a", 124), "websocket: close reason of 124 bytes is longer than 123"},
		// 62 runes of two bytes: not cut to 61, refused.
		{1000, strings.Repeat("é", 62), "websocket: close reason of 124 bytes is longer than 123"},
		{1000, "\xff", `websocket: close reason "\xff" is not UTF-8`},
	} {
		got, err := frame.AppendClose([]byte("before"), v.code, v.reason)
		require.EqualError(t, err, v.want)
		require.Equal(t, "before", string(got))
	}
}

// TestCloseCodeString proves IANA:close-3 and that all named codes have a name.
func TestCloseCodeString(t *testing.T) {
	for code, want := range map[frame.CloseCode]string{
		frame.StatusNormalClosure:      "1000 (normal closure)",
		frame.StatusGoingAway:          "1001 (going away)",
		frame.StatusProtocolError:      "1002 (protocol error)",
		frame.StatusUnsupportedData:    "1003 (unsupported data)",
		frame.StatusNoStatusReceived:   "1005 (no status received)",
		frame.StatusAbnormalClosure:    "1006 (abnormal closure)",
		frame.StatusInvalidPayload:     "1007 (invalid payload)",
		frame.StatusPolicyViolation:    "1008 (policy violation)",
		frame.StatusMessageTooBig:      "1009 (message too big)",
		frame.StatusMandatoryExtension: "1010 (mandatory extension)",
		frame.StatusInternalError:      "1011 (internal error)",
		frame.StatusServiceRestart:     "1012 (service restart)",
		frame.StatusTryAgainLater:      "1013 (try again later)",
		frame.StatusBadGateway:         "1014 (bad gateway)",
		frame.StatusTLSHandshake:       "1015 (TLS handshake)",
		frame.StatusUnauthorized:       "3000 (unauthorized)",
		frame.StatusForbidden:          "3003 (forbidden)",
		frame.StatusTimeout:            "3008 (timeout)",
		4000:                           "4000",
	} {
		require.Equal(t, want, code.String())
	}
}
