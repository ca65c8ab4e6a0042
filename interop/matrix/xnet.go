package main

import (
	"encoding/binary"
	"net/http"
	"strings"

	"golang.org/x/net/websocket"

	"github.com/seed24abed78/rfc6455/conn"
)

// xnet is the WebSocket of the Go project itself.
var xnet = library{
	name: "golang.org/x/net/websocket " + version("golang.org/x/net"),
	accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
		websocket.Server{
			Handshake: func(config *websocket.Config, _ *http.Request) error {
				config.Protocol = []string{subprotocol}
				return nil
			},
			Handler: func(c *websocket.Conn) { xnetSocket{c}.serve(a) },
		}.ServeHTTP(w, r)
	},
	dial: func(url string, a *agent) error {
		origin := "http" + strings.TrimSuffix(strings.TrimPrefix(url, "ws"), "/ws")
		c, err := websocket.Dial(url, subprotocol, origin)
		if err == nil {
			xnetSocket{c}.serve(a)
		}
		return err
	},
	adjust:      func(cfg *conn.Config) { cfg.FrameSize = -1 },
	serverLacks: xnetLacks,
	clientLacks: xnetLacks,
}

const (
	xnetFragments = "the library takes every frame for a message"
	xnetDeflate   = "the library has no extensions"
	xnetClosed    = "the library tells io.EOF of every end"
)

var xnetLacks = map[string]string{
	"frag→":    xnetFragments,
	"frag←":    xnetFragments,
	"deflate→": xnetDeflate,
	"deflate←": xnetDeflate,
	"takeover": xnetDeflate,
	"swindow":  xnetDeflate,
	"cwindow":  xnetDeflate,
	"theirs":   xnetDeflate,
	"ping←":    "the library doesn't tell of pongs",
	"close→":   xnetClosed,
	"nocode→":  xnetClosed,
	"drop→":    xnetClosed,
	"drop←":    "the library sends a Close frame before it closes TCP",
}

type xnetSocket struct{ *websocket.Conn }

// A xnetFrame is what the library's codecs make of a frame.
type xnetFrame struct {
	payloadType byte
	payload     []byte
}

var xnetCodec = websocket.Codec{
	Marshal: func(v any) ([]byte, byte, error) {
		f := v.(xnetFrame)
		return f.payload, f.payloadType, nil
	},
	Unmarshal: func(payload []byte, payloadType byte, v any) error {
		*v.(*xnetFrame) = xnetFrame{payloadType, payload}
		return nil
	},
}

func (s xnetSocket) serve(a *agent) {
	defer s.Close()
	for {
		var f xnetFrame
		err := xnetCodec.Receive(s.Conn, &f)
		if err == nil {
			err = a.hear(s, f.payloadType == websocket.TextFrame, f.payload)
		}
		if err != nil {
			return
		}
	}
}

func (s xnetSocket) send(payloadType byte, payload []byte) error {
	return xnetCodec.Send(s.Conn, xnetFrame{payloadType, payload})
}

func (s xnetSocket) write(text bool, data []byte) error {
	if text {
		return s.send(websocket.TextFrame, data)
	}
	return s.send(websocket.BinaryFrame, data)
}

func (s xnetSocket) close(code int, reason string) error {
	if code == 1005 {
		return s.send(websocket.CloseFrame, nil)
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	return s.send(websocket.CloseFrame, append(payload, reason...))
}

// The library can't do these, and is not asked to.
func (s xnetSocket) fragments(...[]byte) error { return http.ErrNotSupported }
func (s xnetSocket) ping() error               { return http.ErrNotSupported }
func (s xnetSocket) drop() error               { return http.ErrNotSupported }
