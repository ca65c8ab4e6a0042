package deflate

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/seed24abed78/rfc6455/handshake"
)

// The parameters of the extension (RFC 7692, section 7.1).
const (
	paramServerNoTakeover = "server_no_context_takeover"
	paramClientNoTakeover = "client_no_context_takeover"
	paramServerBits       = "server_max_window_bits"
	paramClientBits       = "client_max_window_bits"
)

// Params are what both ends have agreed on. The zero Params are not valid:
// window bits are always from 8 to 15.
type Params struct {
	ServerNoContextTakeover bool
	ClientNoContextTakeover bool
	ServerMaxWindowBits     int
	ClientMaxWindowBits     int
}

// What a parameter can have wrong.
var (
	errUnknownParam  = errors.New("unknown parameter")
	errRepeatedParam = errors.New("repeated parameter")
	errUnwantedValue = errors.New("a value where none may be")
	errMissingValue  = errors.New("no value where one must be")
	errBits          = errors.New("a value that is not 8 to 15")
)

// elements is one offer or answer as it was sent.
type elements struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             int // 0 when absent
	clientBitsBare                     bool
}

// parse reads the parameters of an offer, or of an answer. Each has a name
// that is known, comes once, and has a value just when it may (RFC 7692,
// section 7.1).
func parse(ext handshake.Extension, offer bool) (e elements, err error) {
	var seen [4]bool
	for _, p := range ext.Params {
		i := -1
		switch p.Name {
		case paramServerNoTakeover:
			i, e.serverNoTakeover, err = 0, true, noValue(p)
		case paramClientNoTakeover:
			i, e.clientNoTakeover, err = 1, true, noValue(p)
		case paramServerBits:
			i = 2
			e.serverBits, err = windowBits(p)
		case paramClientBits:
			i = 3
			// A client may say only that it knows the parameter; a server
			// always gives a value (RFC 7692, section 7.1.2.2).
			if e.clientBitsBare = offer && !p.HasValue; !e.clientBitsBare {
				e.clientBits, err = windowBits(p)
			}
		default:
			err = errUnknownParam
		}
		if i >= 0 && seen[i] {
			err = errRepeatedParam
		}
		if err != nil {
			return elements{}, fmt.Errorf("%w: %.64q", err, p.Name)
		}
		seen[i] = true
	}
	return e, nil
}

func noValue(p handshake.Param) error {
	if p.HasValue {
		return errUnwantedValue
	}
	return nil
}

// windowBits reads a decimal number from 8 to 15 without leading zeros
// (RFC 7692, section 7.1.2).
func windowBits(p handshake.Param) (int, error) {
	if !p.HasValue {
		return 0, errMissingValue
	}
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		if p.Value == strconv.Itoa(bits) {
			return bits, nil
		}
	}
	return 0, errBits
}

// extension writes e as it stands in the header.
func (e elements) extension() handshake.Extension {
	ext := handshake.Extension{Name: Name}
	add := func(name string, bits int) {
		p := handshake.Param{Name: name}
		if bits != 0 {
			p.Value, p.HasValue = strconv.Itoa(bits), true
		}
		ext.Params = append(ext.Params, p)
	}
	if e.serverNoTakeover {
		add(paramServerNoTakeover, 0)
	}
	if e.clientNoTakeover {
		add(paramClientNoTakeover, 0)
	}
	if e.serverBits != 0 {
		add(paramServerBits, e.serverBits)
	}
	if e.clientBits != 0 || e.clientBitsBare {
		add(paramClientBits, e.clientBits)
	}
	return ext
}

// params returns what an answer means.
func (e elements) params() Params {
	return Params{e.serverNoTakeover, e.clientNoTakeover, orMax(e.serverBits), orMax(e.clientBits)}
}
