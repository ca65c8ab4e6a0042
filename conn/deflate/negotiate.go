package deflate

import (
	"errors"
	"fmt"

	"github.com/seed24abed78/rfc6455/handshake"
)

// Offers returns what a client puts into Sec-WebSocket-Extensions, best first
// (RFC 7692, section 5).
func (o *Options) Offers() []handshake.Extension { return []handshake.Extension{o.offer().extension()} }

func (o *Options) offer() elements {
	e := elements{
		serverNoTakeover: o.ServerNoContextTakeover,
		clientNoTakeover: o.ClientNoContextTakeover,
		clientBitsBare:   true, // the server may always bound our window
	}
	if bits := orMax(o.ServerMaxWindowBits); bits < MaxWindowBits {
		e.serverBits = max(bits, minAsked)
	}
	if bits := orMax(o.ClientMaxWindowBits); bits < MaxWindowBits {
		e.clientBits, e.clientBitsBare = bits, false
	}
	return e
}

// minAsked is the smallest window that a peer is asked to keep to.
const minAsked = 9

// Negotiate is a server's answer to the extensions that a client offered; it
// is made for handshake.Server.Negotiate. The first offer that is valid is
// accepted, in the client's order. An offer with an unknown, repeated or badly
// valued parameter is declined, as if it were not there (RFC 7692, section 7).
// Other extensions are not accepted, so that none conflicts over RSV1. The
// error is always nil.
func (o *Options) Negotiate(offers []handshake.Extension) (agreed []handshake.Extension, err error) {
	for _, ext := range offers {
		if ext.Name != Name {
			continue
		}
		if offer, err := parse(ext, true); err == nil {
			return []handshake.Extension{o.answer(offer).extension()}, nil
		}
	}
	return nil, nil
}

// answer accepts an offer: each parameter is the stricter of the offer's and
// the options'.
func (o *Options) answer(offer elements) elements {
	a := elements{
		// What the client asks for is repeated in the answer (RFC 7692,
		// section 7.1.1.1); what it only hints at is taken up, since it costs
		// nothing and frees a window here (section 7.1.1.2).
		serverNoTakeover: offer.serverNoTakeover || o.ServerNoContextTakeover,
		clientNoTakeover: offer.clientNoTakeover || o.ClientNoContextTakeover,
	}
	// The same value as offered, or a smaller one (RFC 7692, section 7.1.2.1).
	serverBits := min(orMax(offer.serverBits), orMax(o.ServerMaxWindowBits))
	if offer.serverBits != 0 || serverBits < MaxWindowBits {
		a.serverBits = serverBits
	}
	switch bits := orMax(o.ClientMaxWindowBits); {
	case offer.clientBits != 0 || offer.clientBitsBare:
		bits = min(max(bits, minAsked), orMax(offer.clientBits))
		if bits < MaxWindowBits {
			a.clientBits = bits
		}
	// The client's window can't be bounded when the client didn't offer it
	// (RFC 7692, section 7.1.2.2).
	case bits < MaxWindowBits:
		a.clientNoTakeover = true
	}
	return a
}

// What an answer can have wrong besides its parameters.
var (
	errOther         = errors.New("another extension that was not offered or can't be combined")
	errTwice         = errors.New("permessage-deflate accepted twice")
	errNoTakeover    = errors.New("server_no_context_takeover was required and is missing")
	errNoServerBits  = errors.New("server_max_window_bits was required and is missing")
	errServerBitsBig = errors.New("server_max_window_bits is larger than was offered")
)

// Agreed returns what a list of accepted extensions means, in either role. ok
// is false when the list is empty, and messages go uncompressed. Any other
// extension is an error, because it was not offered, and so are two claims to
// RSV1 (RFC 7692, section 5).
func Agreed(exts []handshake.Extension) (p Params, ok bool, err error) {
	a, ok, err := agreed(exts)
	if err != nil || !ok {
		return Params{}, false, err
	}
	return a.params(), true, nil
}

func agreed(exts []handshake.Extension) (a elements, ok bool, err error) {
	switch {
	case len(exts) == 0:
		return elements{}, false, nil
	case exts[0].Name != Name:
		err = errOther
	case len(exts) > 1 && exts[1].Name == Name:
		err = errTwice
	case len(exts) > 1:
		err = errOther
	default:
		a, err = parse(exts[0], false)
	}
	if err != nil {
		return elements{}, false, fmt.Errorf("deflate: %w (RFC 7692, sections 5 and 7)", err)
	}
	return a, true, nil
}

// Check judges the extensions that a server has accepted, after
// [Options.Offers]. On an error the client fails the connection. ok is false
// when the server declined, and messages go uncompressed.
func (o *Options) Check(exts []handshake.Extension) (p Params, ok bool, err error) {
	a, ok, err := agreed(exts)
	if err != nil || !ok {
		return Params{}, false, err
	}
	offer := o.offer()
	switch {
	case offer.serverNoTakeover && !a.serverNoTakeover:
		err = errNoTakeover
	case offer.serverBits != 0 && a.serverBits == 0:
		err = errNoServerBits
	case offer.serverBits != 0 && a.serverBits > offer.serverBits:
		err = errServerBitsBig
	}
	if err != nil {
		return Params{}, false, fmt.Errorf("deflate: %w (RFC 7692, section 7.1)", err)
	}
	p = a.params()
	// Our own hints bind us although the server need not repeat them.
	p.ClientNoContextTakeover = p.ClientNoContextTakeover || o.ClientNoContextTakeover
	p.ClientMaxWindowBits = min(p.ClientMaxWindowBits, orMax(o.ClientMaxWindowBits))
	return p, true, nil
}
