package fuzz

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed24abed78/rfc6455/handshake"
)

// The grammars, as expressions: of Sec-WebSocket-Extensions (RFC 6455, section
// 9.1), where a quoted value is a token in which any byte may have a backslash
// before it, and of the head of a request or a response (RFC 7230, section 3).
const (
	ows        = `[ \t]*`
	char       = "[-!#$%&'*+.^_`|~0-9A-Za-z]"
	token      = char + `+`
	value      = `(?:` + token + `|"(?:\\?` + char + `)+")`
	param      = token + `(?:` + ows + `=` + ows + value + `)?`
	extension  = token + `(?:` + ows + `;` + ows + param + `)*`
	fieldLine  = token + `:[^\x00-\x08\x0a-\x1f\x7f]*\r\n`
	endOfHead  = `\r\n(?:` + fieldLine + `)*\r\n`
	statusText = `[^\x00-\x08\x0a-\x1f\x7f]*`
)

var (
	extensionGrammar = regexp.MustCompile(`^` + ows + `(?:,` + ows + `)*` + extension + `(?:` + ows + `,` + ows + `(?:` + extension + `)?)*` + ows + `$`)
	extensionPiece   = regexp.MustCompile(`[,;=]|"[^"]*"|` + token)

	requestLine = regexp.MustCompile(`^(` + token + `) ([!"$-~]+) HTTP/([0-9]\.[0-9])` + endOfHead)
	statusLine  = regexp.MustCompile(`^HTTP/([0-9]\.[0-9]) ([1-9][0-9][0-9])(?: ` + statusText + `)?` + endOfHead)

	hostGrammar  = regexp.MustCompile(`^(?:[-._~0-9A-Za-z]+|\[([^\]]*)\])(?::([0-9]*))?$`)
	absoluteForm = regexp.MustCompile(`^(?i:https?|wss?)://([^/?]*)`)
)

// modelExtensions takes a line apart that has the right grammar.
func modelExtensions(line string) (exts []handshake.Extension) {
	before := ","
	for _, piece := range extensionPiece.FindAllString(line, -1) {
		text := strings.NewReplacer(`"`, "", `\`, "").Replace(piece)
		switch {
		case piece == "," || piece == ";" || piece == "=":
			before = piece
		case before == ",":
			exts = append(exts, handshake.Extension{Name: text})
		case before == ";":
			last := &exts[len(exts)-1]
			last.Params = append(last.Params, handshake.Param{Name: text})
		default:
			params := exts[len(exts)-1].Params
			params[len(params)-1].Value, params[len(params)-1].HasValue = text, true
		}
	}
	return exts
}

// head is the head of an HTTP message: the groups of its first line, and its
// fields by name in lower case.
type head struct {
	line   []string
	fields map[string][]string
}

// modelHead takes the head apart that b begins with. size is 0 when it doesn't
// begin with one.
func modelHead(first *regexp.Regexp, b []byte) (h head, size int) {
	size = bytes.Index(b, []byte("\r\n\r\n")) + 4
	line := first.FindStringSubmatch(string(b[:max(size, 4)-4]) + "\r\n\r\n")
	if size < 4 || line == nil || len(line[0]) != size {
		return h, 0
	}
	h = head{line[1:], make(map[string][]string)}
	for _, l := range strings.Split(string(b[:size-4]), "\r\n")[1:] {
		name, value, _ := strings.Cut(l, ":")
		name = strings.ToLower(name)
		h.fields[name] = append(h.fields[name], strings.Trim(value, " \t"))
	}
	return h, size
}

// list returns the elements of a field that is a list.
func (h head) list(name string) (list []string) {
	for _, e := range strings.Split(strings.Join(h.fields[name], ","), ",") {
		if e = strings.Trim(e, " \t"); e != "" {
			list = append(list, e)
		}
	}
	return list
}

// has reports whether a list has a token, given in lower case.
func (h head) has(name, token string) bool {
	return slices.ContainsFunc(h.list(name), func(e string) bool {
		return len(e) == len(token) && strings.ToLower(e) == token
	})
}

// requestFault returns the first thing that keeps the request from being an
// opening handshake (RFC 6455, section 4.2.1), for a server that speaks no
// subprotocol.
func (h head) requestFault() string {
	method, target, version := h.line[0], h.line[1], h.line[2]
	host := strings.Join(h.fields["host"], " ")
	absolute := absoluteForm.FindStringSubmatch(target)
	if absolute != nil {
		host = absolute[1]
	}
	length, key := h.fields["content-length"], h.fields["sec-websocket-key"]
	nonce, err := base64.StdEncoding.Strict().DecodeString(strings.Join(key, " "))
	protocols := h.list("sec-websocket-protocol")
	for _, p := range protocols {
		if !regexp.MustCompile(`^` + token + `$`).MatchString(p) {
			return "a subprotocol that is no token"
		}
	}
	slices.Sort(protocols)
	switch {
	case method != "GET":
		return "method"
	case version[0] != '1' || version == "1.0":
		return "version of HTTP"
	case target[0] != '/' && absolute == nil:
		return "target"
	case len(h.fields["host"]) != 1 || !isHost(host):
		return "host"
	case len(h.fields["transfer-encoding"]) > 0 || len(length) > 1 || len(length) == 1 && length[0] != "0":
		return "body"
	case !h.has("upgrade", "websocket"), !h.has("connection", "upgrade"):
		return "no upgrade"
	case strings.Join(h.fields["sec-websocket-version"], " ") != "13":
		return "version of WebSocket"
	case len(key) != 1 || err != nil || len(nonce) != 16:
		return "key"
	case len(h.fields["origin"]) > 0 && !sameOrigin(h.fields["origin"], host):
		return "origin"
	case len(h.fields["sec-websocket-protocol"]) > 0 && len(protocols) == 0 || len(slices.Compact(slices.Clone(protocols))) != len(protocols):
		return "subprotocols"
	}
	return h.extensionFault()
}

func (h head) extensionFault() string {
	if lines, ok := h.fields["sec-websocket-extensions"]; ok && !extensionGrammar.MatchString(strings.Join(lines, ",")) {
		return "extensions"
	}
	return ""
}

// isHost reports whether s names a host, perhaps with a port.
func isHost(s string) bool {
	m := hostGrammar.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	if addr, err := netip.ParseAddr(m[1]); s[0] == '[' && (err != nil || !addr.Is6()) {
		return false
	}
	port, err := strconv.Atoi(m[2])
	return m[2] == "" || err == nil && 0 < port && port < 1<<16
}

// sameOrigin reports whether a page at origin may connect to host, which is
// reached without TLS.
func sameOrigin(origin []string, host string) bool {
	u, err := url.Parse(strings.Join(origin, " "))
	return err == nil && u.Scheme == "http" && u.Host != "" && canonical(u.Host) == canonical(host)
}

// canonical is a host with its port, the same for the same origin.
func canonical(host string) string {
	m := hostGrammar.FindStringSubmatch(host)
	if m == nil {
		return "no host: " + host
	}
	name, port := strings.ToLower(strings.TrimSuffix(host, ":"+m[2])), m[2]
	if host[0] == '[' {
		if addr, err := netip.ParseAddr(m[1]); err == nil {
			name = addr.WithZone("").String()
		}
	}
	if n, err := strconv.Atoi(port); err == nil {
		port = strconv.Itoa(n)
	}
	if port == "" {
		port = "80"
	}
	return name + " " + port
}

// responseFault returns the first thing that keeps the response from
// completing the handshake (RFC 6455, section 4.1) of a client that sent
// sampleKey and offered the subprotocol chat and the extension x.
func (h head) responseFault() string {
	version, status := h.line[0], h.line[1]
	upgrade, protocol, accept := h.fields["upgrade"], h.fields["sec-websocket-protocol"], h.fields["sec-websocket-accept"]
	switch {
	case status != "101":
		return "status"
	case version[0] != '1' || version == "1.0":
		return "version of HTTP"
	case len(upgrade) != 1 || !h.has("upgrade", "websocket") || strings.Contains(upgrade[0], ","), !h.has("connection", "upgrade"):
		return "no upgrade"
	case len(accept) != 1 || accept[0] != sampleAccept:
		return "accept"
	case len(protocol) > 0 && (len(protocol) != 1 || protocol[0] != "chat"):
		return "subprotocol"
	}
	if fault := h.extensionFault(); fault != "" {
		return fault
	}
	switch exts := modelExtensions(strings.Join(h.fields["sec-websocket-extensions"], ",")); {
	case len(exts) > 1, len(exts) == 1 && exts[0].Name != "x":
		return "an extension that was not offered"
	}
	return ""
}
