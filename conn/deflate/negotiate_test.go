package deflate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/handshake"
)

func parse(t *testing.T, field string) []handshake.Extension {
	t.Helper()
	if field == "" {
		return nil
	}
	exts, err := handshake.ParseExtensions([]string{field})
	require.NoError(t, err)
	return exts
}

// Proves 7692:5-1, 7692:5-4, 7692:7.1.1.2-1, 7692:7.1.2.2-1 and 7692:7.3-1,
// since by default no window is bounded.
func TestOffers(t *testing.T) {
	for _, tt := range []struct {
		options deflate.Options
		want    string
	}{
		{deflate.Options{}, "permessage-deflate; client_max_window_bits"},
		{deflate.Options{ServerNoContextTakeover: true}, "permessage-deflate; server_no_context_takeover; client_max_window_bits"},
		{deflate.Options{ClientNoContextTakeover: true}, "permessage-deflate; client_no_context_takeover; client_max_window_bits"},
		{deflate.Options{ServerMaxWindowBits: 10}, "permessage-deflate; server_max_window_bits=10; client_max_window_bits"},
		{deflate.Options{ServerMaxWindowBits: 8}, "permessage-deflate; server_max_window_bits=9; client_max_window_bits"},
		{deflate.Options{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}, "permessage-deflate; client_max_window_bits"},
		{deflate.Options{ClientMaxWindowBits: 8}, "permessage-deflate; client_max_window_bits=8"},
		{deflate.Options{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 9, ClientMaxWindowBits: 9},
			"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9"},
	} {
		require.NoError(t, tt.options.Validate())
		require.Equal(t, tt.want, handshake.FormatExtensions(tt.options.Offers()))
	}
}

// What a server answers to offers, with what options.
func TestNegotiate(t *testing.T) {
	all := deflate.Options{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 10, ClientMaxWindowBits: 11}
	for _, tt := range []struct {
		name    string
		options deflate.Options
		offers  string
		want    string
	}{
		{"7692:5-5 plain offer", deflate.Options{}, "permessage-deflate", "permessage-deflate"},
		{"7692:5-2 7692:5-3 the first valid one", deflate.Options{}, "permessage-deflate; server_max_window_bits=16, permessage-deflate; server_max_window_bits=10, permessage-deflate", "permessage-deflate; server_max_window_bits=10"},
		{"7692:5-7 nothing beside it", deflate.Options{}, "x-webkit-deflate-frame, permessage-deflate, bbf-usp-protocol", "permessage-deflate"},
		{"7692:5-9 another extension", deflate.Options{}, "permessage-deflated", ""},
		{"names are as they are", deflate.Options{}, "Permessage-Deflate", ""},
		{"7692:7-1 unknown parameter", deflate.Options{}, "permessage-deflate; foo", ""},
		{"7692:7-1 parameter in capitals", deflate.Options{}, "permessage-deflate; Server_no_context_takeover", ""},
		{"7692:7-2 value of a flag", deflate.Options{}, "permessage-deflate; server_no_context_takeover=1", ""},
		{"7692:7-2 value of the other flag", deflate.Options{}, "permessage-deflate; client_no_context_takeover=true", ""},
		{"7692:7-2 bits without value", deflate.Options{}, "permessage-deflate; server_max_window_bits", ""},
		{"7692:7-3 server_no_context_takeover twice", deflate.Options{}, "permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
		{"7692:7-3 client_no_context_takeover twice", deflate.Options{}, "permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
		{"7692:7-3 server_max_window_bits twice", deflate.Options{}, "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", ""},
		{"7692:7-3 client_max_window_bits twice", deflate.Options{}, "permessage-deflate; client_max_window_bits; client_max_window_bits=10", ""},
		{"7692:7-4 an impossible offer before a possible one", deflate.Options{}, "permessage-deflate; client_max_window_bits=7, permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8"},
		{"7692:7.1.1.1-1 7692:7.1.1.1-2 server_no_context_takeover", deflate.Options{}, "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"},
		{"7692:7.1.1.1-3 unasked", deflate.Options{ServerNoContextTakeover: true}, "permessage-deflate", "permessage-deflate; server_no_context_takeover"},
		{"7692:7.1.1.2-2 hint taken up", deflate.Options{}, "permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"},
		{"7692:7.1.1.2-2 unasked", deflate.Options{ClientNoContextTakeover: true}, "permessage-deflate", "permessage-deflate; client_no_context_takeover"},
		{"7692:7.1.2.1-3 a smaller value", deflate.Options{ServerMaxWindowBits: 9}, "permessage-deflate; server_max_window_bits=12", "permessage-deflate; server_max_window_bits=9"},
		{"7692:7.1.2.1-3 never a larger one", deflate.Options{ServerMaxWindowBits: 12}, "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8"},
		{"7692:7.1.2.1-3 15 is repeated", deflate.Options{}, "permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"},
		{"7692:7.1.2.1-4 unasked", deflate.Options{ServerMaxWindowBits: 8}, "permessage-deflate", "permessage-deflate; server_max_window_bits=8"},
		{"7692:7.1.2.2-3 bare", deflate.Options{}, "permessage-deflate; client_max_window_bits", "permessage-deflate"},
		{"7692:7.1.2.2-3 bare, and bounded here", deflate.Options{ClientMaxWindowBits: 10}, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=10"},
		{"7692:7.1.2.2-3 the hint is used", deflate.Options{}, "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10"},
		{"7692:7.1.2.2-3 not above the hint", deflate.Options{ClientMaxWindowBits: 12}, "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10"},
		{"8 is asked as 9", deflate.Options{ClientMaxWindowBits: 8}, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=9"},
		{"8 is agreed to", deflate.Options{ClientMaxWindowBits: 8}, "permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8"},
		{"7692:7.1.2.2-4 not offered", deflate.Options{ClientMaxWindowBits: 10}, "permessage-deflate", "permessage-deflate; client_no_context_takeover"},
		{"a quoted value", deflate.Options{}, `permessage-deflate; server_max_window_bits="10"`, "permessage-deflate; server_max_window_bits=10"},
		{"everything", all, "permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=11"},
		{"no offers", all, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			agreed, err := tt.options.Negotiate(parse(t, tt.offers))
			require.NoError(t, err)
			require.Equal(t, tt.want, handshake.FormatExtensions(agreed))
		})
	}
}

// Proves 7692:7.1.2.1-1, 7692:7.1.2.2-2, 7692:7-2 and 7692:7-6.
func TestWindowBits(t *testing.T) {
	var o deflate.Options
	for _, v := range []string{"8", "9", "10", "11", "12", "13", "14", "15"} {
		for _, side := range []string{"server", "client"} {
			ext := parse(t, "permessage-deflate; "+side+"_max_window_bits="+v)
			agreed, err := o.Negotiate(ext)
			require.NoError(t, err)
			require.Len(t, agreed, 1, v)
			p, ok, err := o.Check(ext)
			require.NoError(t, err)
			require.True(t, ok)
			bits := p.ServerMaxWindowBits
			if side == "client" {
				bits = p.ClientMaxWindowBits
			}
			require.Equal(t, v, fmt.Sprint(bits))
		}
	}
	for _, v := range []string{"0", "7", "16", "08", "010", "+9", "-9", "9.0", "0x9", "abc", "99", "1", "١٠"} {
		for _, side := range []string{"server", "client"} {
			ext := []handshake.Extension{{Name: deflate.Name, Params: []handshake.Param{{Name: side + "_max_window_bits", Value: v, HasValue: true}}}}
			agreed, err := o.Negotiate(ext)
			require.NoError(t, err)
			require.Empty(t, agreed, v)
			_, _, err = o.Check(ext)
			require.Error(t, err, v)
		}
	}
}

// What a client makes of a server's answer.
func TestCheck(t *testing.T) {
	bound := deflate.Options{ServerMaxWindowBits: 10}
	for _, tt := range []struct {
		name    string
		options deflate.Options
		answer  string
		want    deflate.Params
		err     string
	}{
		{"plain", deflate.Options{}, "permessage-deflate", deflate.Params{false, false, 15, 15}, ""},
		{"7692:7.1.1.1-3 server_no_context_takeover unasked", deflate.Options{}, "permessage-deflate; server_no_context_takeover", deflate.Params{true, false, 15, 15}, ""},
		{"7692:7.1.1.2-3 client_no_context_takeover", deflate.Options{}, "permessage-deflate; client_no_context_takeover", deflate.Params{false, true, 15, 15}, ""},
		{"our hint binds us", deflate.Options{ClientNoContextTakeover: true, ClientMaxWindowBits: 9}, "permessage-deflate", deflate.Params{false, true, 15, 9}, ""},
		{"7692:7.1.2.1-4 server_max_window_bits unasked", deflate.Options{}, "permessage-deflate; server_max_window_bits=8", deflate.Params{false, false, 8, 15}, ""},
		{"a smaller window than asked for", bound, "permessage-deflate; server_max_window_bits=9", deflate.Params{false, false, 9, 15}, ""},
		{"client_max_window_bits", deflate.Options{}, "permessage-deflate; client_max_window_bits=8", deflate.Params{false, false, 15, 8}, ""},
		{"client_max_window_bits above the hint", deflate.Options{ClientMaxWindowBits: 9}, "permessage-deflate; client_max_window_bits=12", deflate.Params{false, false, 15, 9}, ""},
		{"7692:7-5 unknown parameter", deflate.Options{}, "permessage-deflate; foo", deflate.Params{}, "unknown parameter"},
		{"7692:7-6 value of a flag", deflate.Options{}, "permessage-deflate; server_no_context_takeover=1", deflate.Params{}, "a value where none may be"},
		{"7692:7-6 client_max_window_bits bare", deflate.Options{}, "permessage-deflate; client_max_window_bits", deflate.Params{}, "no value"},
		{"7692:7-6 server_max_window_bits=99", deflate.Options{}, "permessage-deflate; server_max_window_bits=99", deflate.Params{}, "not 8 to 15"},
		{"7692:7-7 server_no_context_takeover", deflate.Options{}, "permessage-deflate; server_no_context_takeover; server_no_context_takeover", deflate.Params{}, "repeated"},
		{"7692:7-7 client_no_context_takeover", deflate.Options{}, "permessage-deflate; client_no_context_takeover; client_no_context_takeover", deflate.Params{}, "repeated"},
		{"7692:7-7 server_max_window_bits", deflate.Options{}, "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", deflate.Params{}, "repeated"},
		{"7692:7-7 client_max_window_bits", deflate.Options{}, "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9", deflate.Params{}, "repeated"},
		{"7692:7-8 server_max_window_bits above the offer", bound, "permessage-deflate; server_max_window_bits=11", deflate.Params{}, "larger than was offered"},
		{"7692:7-8 server_max_window_bits missing", bound, "permessage-deflate", deflate.Params{}, "server_max_window_bits was required"},
		{"7692:7-8 server_no_context_takeover missing", deflate.Options{ServerNoContextTakeover: true}, "permessage-deflate", deflate.Params{}, "server_no_context_takeover was required"},
		{"7692:5-8 twice", deflate.Options{}, "permessage-deflate, permessage-deflate", deflate.Params{}, "twice"},
		{"7692:5-8 with another", deflate.Options{}, "permessage-deflate, x-webkit-deflate-frame", deflate.Params{}, "another extension"},
		{"7692:5-10 another", deflate.Options{}, "x-webkit-deflate-frame", deflate.Params{}, "another extension"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, ok, err := tt.options.Check(parse(t, tt.answer))
			require.Equal(t, tt.want, p)
			require.Equal(t, tt.err == "", ok)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				require.ErrorContains(t, err, "RFC 7692")
			} else {
				require.NoError(t, err)
			}
		})
	}
	_, ok, err := (&deflate.Options{}).Check(nil)
	require.NoError(t, err)
	require.False(t, ok)
}

// Whatever one side offers and the other has set, both make the same of the
// answer, but for what binds only the client itself.
// Proves 7692:5-6 and 7692:5-11.
func TestBothSides(t *testing.T) {
	var each []deflate.Options
	for flags := range 4 {
		for _, bits := range []int{0, 8, 9, 15} {
			each = append(each, deflate.Options{
				ServerNoContextTakeover: flags&1 != 0, ClientNoContextTakeover: flags&2 != 0,
				ServerMaxWindowBits: bits, ClientMaxWindowBits: (bits * 7) % 8 * 15 / 7,
			})
		}
	}
	for _, client := range each {
		for _, server := range each {
			if client.Validate() != nil || server.Validate() != nil {
				continue
			}
			agreed, err := server.Negotiate(client.Offers())
			require.NoError(t, err)
			require.Len(t, agreed, 1)
			c, ok, err := client.Check(parse(t, handshake.FormatExtensions(agreed)))
			require.NoError(t, err)
			require.True(t, ok)
			s, ok, err := deflate.Agreed(agreed)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, s.ServerNoContextTakeover, c.ServerNoContextTakeover)
			require.Equal(t, s.ServerMaxWindowBits, c.ServerMaxWindowBits)
			require.LessOrEqual(t, c.ClientMaxWindowBits, s.ClientMaxWindowBits)
			require.True(t, c.ClientNoContextTakeover || !s.ClientNoContextTakeover)
		}
	}
}

func TestValidate(t *testing.T) {
	for want, o := range map[string]deflate.Options{
		"Options.Level is 10":               {Level: 10},
		"Options.Level is -1":               {Level: -1},
		"Options.ServerMaxWindowBits is 7":  {ServerMaxWindowBits: 7},
		"Options.ClientMaxWindowBits is 16": {ClientMaxWindowBits: 16},
	} {
		require.ErrorContains(t, o.Validate(), want)
	}
	require.Equal(t, deflate.DefaultThreshold, (&deflate.Options{}).MinSize())
	require.Equal(t, 1, (&deflate.Options{Threshold: 1}).MinSize())
	require.Zero(t, (&deflate.Options{Threshold: -1}).MinSize())
	require.Panics(t, func() { deflate.NewDecompressor(16, true) })
}

func ExampleOptions() {
	server := &deflate.Options{ServerMaxWindowBits: 12, ClientMaxWindowBits: 12}
	client := &deflate.Options{}

	offers := client.Offers()
	agreed, _ := server.Negotiate(offers)
	params, _, err := client.Check(agreed)
	fmt.Println(handshake.FormatExtensions(offers))
	fmt.Println(strings.ReplaceAll(handshake.FormatExtensions(agreed), "; ", ";\n  "))
	fmt.Println(params.ClientMaxWindowBits, err)
	// Output:
	// permessage-deflate; client_max_window_bits
	// permessage-deflate;
	//   server_max_window_bits=12;
	//   client_max_window_bits=12
	// 12 <nil>
}
