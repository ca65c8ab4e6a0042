package handshake

import "net/http"

// Field names in the canonical form of net/http, which matches every case.
const (
	fieldAccept        = "Sec-Websocket-Accept"
	fieldAuthorization = "Authorization"
	fieldConnection    = "Connection"
	fieldExtensions    = "Sec-Websocket-Extensions"
	fieldHost          = "Host"
	fieldOrigin        = "Origin"
	fieldProtocol      = "Sec-Websocket-Protocol"
	fieldUpgrade       = "Upgrade"
	fieldVersion       = "Sec-Websocket-Version"
)

// known is a field that decides about a request.
type known uint8

const (
	knownUpgrade known = iota
	knownConnection
	knownKey
	knownVersion
	knownOrigin
	knownProtocol
	knownExtensions
	knownHost
	knownLength
	knownEncoding
	unknown
)

// knownNames are their names.
var knownNames = [unknown]string{
	knownUpgrade:    "Upgrade",
	knownConnection: "Connection",
	knownKey:        "Sec-WebSocket-Key",
	knownVersion:    "Sec-WebSocket-Version",
	knownOrigin:     "Origin",
	knownProtocol:   "Sec-WebSocket-Protocol",
	knownExtensions: "Sec-WebSocket-Extensions",
	knownHost:       "Host",
	knownLength:     "Content-Length",
	knownEncoding:   "Transfer-Encoding",
}

// canonicalNames are their names as net/http writes them.
var canonicalNames = func() (names [unknown]string) {
	for k, name := range knownNames {
		names[k] = http.CanonicalHeaderKey(name)
	}
	return names
}()

// fieldNamed returns the known field with a name, in whatever case it is.
func fieldNamed(name []byte) known {
	switch string(name) { // as most clients write them
	case "Host":
		return knownHost
	case "Upgrade":
		return knownUpgrade
	case "Connection":
		return knownConnection
	case "Origin":
		return knownOrigin
	case "Sec-WebSocket-Key":
		return knownKey
	case "Sec-WebSocket-Version":
		return knownVersion
	case "Sec-WebSocket-Extensions":
		return knownExtensions
	}
	for k := range unknown {
		if equalFold(name, knownNames[k]) {
			return k
		}
	}
	return unknown
}
