package handshake

import (
	"errors"
	"fmt"
	"strings"
)

// Param is one parameter of an extension. HasValue tells "name=value" from a
// bare "name"; a value is never empty.
type Param struct {
	Name, Value string
	HasValue    bool
}

// Extension is one element of Sec-WebSocket-Extensions: an offer in a request,
// an accepted extension in a response (RFC 6455, section 9.1).
type Extension struct {
	Name   string
	Params []Param
}

// String returns the extension as it stands in the header.
func (e Extension) String() string {
	return string(e.append(nil))
}

func (e Extension) append(dst []byte) []byte {
	dst = append(dst, e.Name...)
	for _, p := range e.Params {
		dst = append(append(dst, "; "...), p.Name...)
		if p.HasValue || p.Value != "" {
			dst = append(append(dst, '='), p.Value...)
		}
	}
	return dst
}

// valid checks what a caller wants to send.
func (e Extension) valid() error {
	if !isToken(e.Name) {
		return fmt.Errorf("name %q is not a token", e.Name)
	}
	for _, p := range e.Params {
		if !isToken(p.Name) {
			return fmt.Errorf("parameter name %q of %s is not a token", p.Name, e.Name)
		}
		if (p.HasValue || p.Value != "") && !isToken(p.Value) {
			return fmt.Errorf("value %q of parameter %s is not a token", p.Value, p.Name)
		}
	}
	return nil
}

// FormatExtensions returns the field value that lists exts in order. It checks
// nothing; [Client.AppendRequest] and [Server.Check] do.
func FormatExtensions(exts []Extension) string {
	return string(appendExtensions(nil, exts))
}

func appendExtensions(dst []byte, exts []Extension) []byte {
	for i, e := range exts {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = e.append(dst)
	}
	return dst
}

// ParseExtensions parses every Sec-WebSocket-Extensions line of a message as
// one list, in order. A quoted value comes back unquoted, and must then be a
// token (RFC 6455, section 9.1). No lines give no extensions; lines without any
// extension break the grammar.
func ParseExtensions(lines []string) ([]Extension, error) {
	p := extensionParser{keep: true}
	err := p.parse(lines)
	return p.exts, err
}

var (
	errNoExtension   = errors.New("the extension list is empty")
	errExtensionName = errors.New("an extension name is not a token")
	errParamName     = errors.New("an extension parameter name is not a token")
	errParamValue    = errors.New("an extension parameter value is not a token")
	errQuote         = errors.New("a quoted extension parameter value does not end")
	errSeparator     = errors.New("an extension is followed by neither a comma nor a semicolon")
)

// extensionParser reads line after line from left to right.
type extensionParser struct {
	rest string
	exts []Extension // empty after an error
	keep bool        // unless nobody wants to see them
}

func (p *extensionParser) parse(lines []string) error {
	found := len(lines) == 0
	for _, line := range lines {
		p.rest = line
		for p.space(); p.rest != ""; p.space() {
			if p.take(',') { // an empty element
				continue
			}
			e, err := p.extension()
			if err != nil {
				p.exts = nil
				return err
			}
			found = true
			if p.keep {
				p.exts = append(p.exts, e)
			}
		}
	}
	if !found {
		return errNoExtension
	}
	return nil
}

func (p *extensionParser) space() {
	for p.rest != "" && (p.rest[0] == ' ' || p.rest[0] == '\t') {
		p.rest = p.rest[1:]
	}
}

func (p *extensionParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// token returns the longest token at the front, or "".
func (p *extensionParser) token() string {
	n := 0
	for n < len(p.rest) && tokenChars[p.rest[n]] {
		n++
	}
	t := p.rest[:n]
	p.rest = p.rest[n:]
	return t
}

// extension reads one extension and the comma that ends it, if any.
func (p *extensionParser) extension() (Extension, error) {
	e := Extension{Name: p.token()}
	if e.Name == "" {
		return e, errExtensionName
	}
	for {
		p.space()
		switch {
		case p.rest == "" || p.take(','):
			return e, nil
		case !p.take(';'):
			return e, errSeparator
		}
		param, err := p.param()
		if err != nil {
			return e, err
		}
		if p.keep {
			e.Params = append(e.Params, param)
		}
	}
}

func (p *extensionParser) param() (Param, error) {
	p.space()
	param := Param{Name: p.token()}
	if param.Name == "" {
		return param, errParamName
	}
	p.space()
	if !p.take('=') {
		return param, nil
	}
	p.space()
	param.HasValue = true
	if !p.take('"') {
		param.Value = p.token()
	} else if v, ok := p.quoted(); ok {
		param.Value = v
	} else {
		return param, errQuote
	}
	if !isToken(param.Value) {
		return param, errParamValue
	}
	return param, nil
}

// quoted reads up to the closing quote and undoes the escapes.
func (p *extensionParser) quoted() (string, bool) {
	var v strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return v.String(), true
		case '\\':
			if i++; i == len(p.rest) {
				return "", false
			}
			v.WriteByte(p.rest[i])
		default:
			v.WriteByte(c)
		}
	}
	return "", false
}
