package frame_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/frame"
)

// TestOpcode proves IANA:opcode-1.
func TestOpcode(t *testing.T) {
	for _, v := range []struct {
		op                      frame.Opcode
		control, data, reserved bool
		name                    string
	}{
		{0x0, false, true, false, "continuation"},
		{0x1, false, true, false, "text"},
		{0x2, false, true, false, "binary"},
		{0x3, false, false, true, "opcode 0x3"},
		{0x4, false, false, true, "opcode 0x4"},
		{0x5, false, false, true, "opcode 0x5"},
		{0x6, false, false, true, "opcode 0x6"},
		{0x7, false, false, true, "opcode 0x7"},
		{0x8, true, false, false, "close"},
		{0x9, true, false, false, "ping"},
		{0xa, true, false, false, "pong"},
		{0xb, true, false, true, "opcode 0xb"},
		{0xc, true, false, true, "opcode 0xc"},
		{0xd, true, false, true, "opcode 0xd"},
		{0xe, true, false, true, "opcode 0xe"},
		{0xf, true, false, true, "opcode 0xf"},
		{0x10, false, false, true, "opcode 0x10"},
		{0xff, true, false, true, "opcode 0xff"},
	} {
		require.Equal(t, v.control, v.op.IsControl(), v.name)
		require.Equal(t, v.data, v.op.IsData(), v.name)
		require.Equal(t, v.reserved, v.op.IsReserved(), v.name)
		require.Equal(t, v.name, v.op.String())
	}
}

func TestRole(t *testing.T) {
	require.Equal(t, "client", frame.Client.String())
	require.Equal(t, "server", frame.Server.String())
	require.Equal(t, "Role(0)", frame.Role(0).String())
}
