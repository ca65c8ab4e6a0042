package main

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/seed24abed78/rfc6455/conn/deflate"
)

var lxzan = library{
	name: "lxzan/gws " + version("github.com/lxzan/gws"),
	accept: func(w http.ResponseWriter, r *http.Request, a *agent) {
		up := gws.NewUpgrader(gwsEvents{a}, &gws.ServerOption{
			SubProtocols:        []string{subprotocol},
			PermessageDeflate:   gwsDeflate(a),
			CheckUtf8Enabled:    true,
			ReadMaxPayloadSize:  32 << 20,
			WriteMaxPayloadSize: 32 << 20,
		})
		if c, err := up.Upgrade(w, r); err == nil {
			c.ReadLoop()
		}
	},
	dial: func(url string, a *agent) error {
		c, _, err := gws.NewClient(gwsEvents{a}, &gws.ClientOption{
			Addr:                url,
			RequestHeader:       http.Header{"Sec-Websocket-Protocol": {subprotocol}},
			PermessageDeflate:   gwsDeflate(a),
			CheckUtf8Enabled:    true,
			ReadMaxPayloadSize:  32 << 20,
			WriteMaxPayloadSize: 32 << 20,
		})
		if err == nil {
			c.ReadLoop()
		}
		return err
	},
	serverLacks: map[string]string{
		"nocode←": gwsNoCode,
		"swindow": "the server answers with its own window whatever was offered, against RFC 7692, section 7.1.2.1",
	},
	asks:        allParameters(deflate.MinWindowBits),
	clientLacks: map[string]string{"nocode←": gwsNoCode},
}

const gwsNoCode = "the library never sends a Close frame without a code"

func gwsDeflate(a *agent) gws.PermessageDeflate {
	asks := a.parameters()
	return gws.PermessageDeflate{
		Enabled:               true,
		ServerContextTakeover: !asks.ServerNoContextTakeover,
		ClientContextTakeover: !asks.ClientNoContextTakeover,
		ServerMaxWindowBits:   orMax(asks.ServerMaxWindowBits),
		ClientMaxWindowBits:   orMax(asks.ClientMaxWindowBits),
	}
}

// gwsEvents are an agent's ears.
type gwsEvents struct{ *agent }

func (e gwsEvents) OnOpen(*gws.Conn) {}

func (e gwsEvents) OnClose(c *gws.Conn, err error) {
	var ce *gws.CloseError
	if errors.As(err, &ce) {
		code := int(ce.Code)
		if code == 0 { // how the library says that there was none
			code = 1005
		}
		e.closed(gwsSocket{c}, code, string(ce.Reason))
		return
	}
	e.closed(gwsSocket{c}, 1006, "")
}

func (e gwsEvents) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (e gwsEvents) OnPong(c *gws.Conn, payload []byte) {
	e.ponged(gwsSocket{c}, string(payload))
}

func (e gwsEvents) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	e.hear(gwsSocket{c}, m.Opcode == gws.OpcodeText, m.Bytes())
}

type gwsSocket struct{ *gws.Conn }

func (s gwsSocket) write(text bool, data []byte) error {
	if text {
		return s.WriteMessage(gws.OpcodeText, data)
	}
	return s.WriteMessage(gws.OpcodeBinary, data)
}

// fragments leaves it to the library to split what it takes for a file.
func (s gwsSocket) fragments(parts ...[]byte) error {
	return s.WriteFile(gws.OpcodeText, bytes.NewReader(bytes.Join(parts, nil)))
}

func (s gwsSocket) ping() error { return s.WritePing([]byte(pingPayload)) }

func (s gwsSocket) close(code int, reason string) error {
	return s.WriteClose(uint16(code), []byte(reason))
}

func (s gwsSocket) drop() error { return s.NetConn().Close() }
