package fuzz

import (
	"slices"

	"github.com/seed24abed78/rfc6455/conn/deflate"
	"github.com/seed24abed78/rfc6455/handshake"
)

var windowValues = []string{"8", "9", "10", "11", "12", "13", "14", "15"}

// modelParams are the parameters of one permessage-deflate by name, or nil when
// one is unknown, comes twice, or has no right value (RFC 7692, section 7.1).
func modelParams(e handshake.Extension, offer bool) map[string]string {
	params := make(map[string]string)
	for _, p := range e.Params {
		valid := false
		switch p.Name {
		case "server_no_context_takeover", "client_no_context_takeover":
			valid = !p.HasValue
		case "server_max_window_bits":
			valid = p.HasValue && slices.Contains(windowValues, p.Value)
		case "client_max_window_bits":
			valid = p.HasValue && slices.Contains(windowValues, p.Value) || offer && !p.HasValue
		}
		if _, twice := params[p.Name]; twice || !valid {
			return nil
		}
		params[p.Name] = p.Value
	}
	return params
}

// bits returns the value of a parameter, 15 when it has none.
func bits(params map[string]string, name string) int {
	if i := slices.Index(windowValues, params[name]); i >= 0 {
		return 8 + i
	}
	return 15
}

// modelAnswer is what a server agrees to: for the first offer that is valid,
// the stricter of both sides. A client that doesn't let its window be bounded
// is told to drop it after each message instead, and none is told to keep a
// window of 8 bits unless it said that it can.
func modelAnswer(offers []handshake.Extension, o deflate.Options) (p deflate.Params, ok bool) {
	for _, e := range offers {
		params := modelParams(e, true)
		if e.Name != "permessage-deflate" || params == nil {
			continue
		}
		_, serverDrops := params["server_no_context_takeover"]
		_, clientDrops := params["client_no_context_takeover"]
		_, boundable := params["client_max_window_bits"]
		p = deflate.Params{
			ServerNoContextTakeover: serverDrops || o.ServerNoContextTakeover,
			ClientNoContextTakeover: clientDrops || o.ClientNoContextTakeover || !boundable && o.ClientMaxWindowBits < 15,
			ServerMaxWindowBits:     min(bits(params, "server_max_window_bits"), o.ServerMaxWindowBits),
			ClientMaxWindowBits:     15,
		}
		if boundable {
			p.ClientMaxWindowBits = min(bits(params, "client_max_window_bits"), max(9, o.ClientMaxWindowBits))
		}
		return p, true
	}
	return p, false
}

// modelAgreed is what a client takes an answer for: nothing but one
// permessage-deflate, that has what the client has asked for.
func modelAgreed(answer []handshake.Extension, o deflate.Options) (p deflate.Params, ok bool) {
	if len(answer) != 1 || answer[0].Name != "permessage-deflate" {
		return p, false
	}
	params := modelParams(answer[0], false)
	if params == nil {
		return p, false
	}
	_, serverDrops := params["server_no_context_takeover"]
	_, clientDrops := params["client_no_context_takeover"]
	if o.ServerNoContextTakeover && !serverDrops {
		return p, false
	}
	server := bits(params, "server_max_window_bits")
	if asked := max(9, o.ServerMaxWindowBits); asked < 15 && server > asked {
		return p, false
	}
	return deflate.Params{
		ServerNoContextTakeover: serverDrops,
		ClientNoContextTakeover: clientDrops || o.ClientNoContextTakeover,
		ServerMaxWindowBits:     server,
		ClientMaxWindowBits:     min(bits(params, "client_max_window_bits"), o.ClientMaxWindowBits),
	}, true
}
