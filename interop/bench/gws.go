package main

import (
	"net"
	"net/http"
	"time"

	"github.com/lxzan/gws"
)

// gws's documentation shows an event handler with ReadLoop on a goroutine of its
// own. Text is checked when asked for.
var gwsUsual = gwsIdiom("usual", gws.ServerOption{CheckUtf8Enabled: true})

// A larger read buffer takes a burst in one read.
var gwsBest = gwsIdiom("best", gws.ServerOption{CheckUtf8Enabled: true, ReadBufferSize: 16 << 10})

// gwsEcho is the handler of its README.
type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnMessage(ws *gws.Conn, m *gws.Message) {
	defer m.Close()
	ws.WriteMessage(m.Opcode, m.Bytes())
}

// gwsCount lets through as many messages as it is asked for.
type gwsCount struct {
	gws.BuiltinEventHandler
	gate *gate
}

func (c gwsCount) OnMessage(_ *gws.Conn, m *gws.Message) {
	m.Close()
	c.gate.pass()
}

func (c gwsCount) OnClose(_ *gws.Conn, err error) { c.gate.fail(err) }

// gwsListener is a client that is sent what is broadcast.
type gwsListener struct {
	gws.BuiltinEventHandler
	all *audience[*gws.Conn]
}

func (l gwsListener) OnOpen(ws *gws.Conn)           { l.all.join(ws) }
func (l gwsListener) OnClose(ws *gws.Conn, _ error) { l.all.leave(ws) }

// gate makes a library that calls back read n messages and wait.
type gate struct {
	left int
	more chan int
	done chan error
}

func newGate() *gate { return &gate{more: make(chan int), done: make(chan error)} }

// pass is called for each message, on the goroutine that reads.
func (g *gate) pass() {
	if g.left == 0 {
		g.left = <-g.more // the first message of all
	}
	if g.left--; g.left == 0 {
		g.done <- nil
	}
}

func (g *gate) fail(err error) {
	go func() { // the reader has ended, perhaps in the middle of nothing
		select {
		case g.done <- err:
		case <-time.After(time.Second):
		}
	}()
}

// read lets n messages pass.
func (g *gate) read(n int) error {
	g.more <- n
	return <-g.done
}

func gwsIdiom(name string, option gws.ServerOption) *idiom {
	option.ReadMaxPayloadSize = maxMessage
	option.WriteMaxPayloadSize = maxMessage
	upgrader := func(h gws.Event, mode compression) *gws.Upgrader {
		o := option
		if mode != plain {
			o.PermessageDeflate = gws.PermessageDeflate{
				Enabled: true, Threshold: 1, ServerContextTakeover: mode == takeover, ClientContextTakeover: mode == takeover,
			}
		}
		return gws.NewUpgrader(h, &o)
	}
	return &idiom{
		lib: "gws", name: name, module: "github.com/lxzan/gws",
		echo: func(mode compression) http.Handler {
			u := upgrader(gwsEcho{}, mode)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ws, err := u.Upgrade(w, r)
				if err != nil {
					return
				}
				go ws.ReadLoop()
			})
		},
		reader: func(nc net.Conn) (func(int) error, error) {
			g := newGate()
			ws, err := upgrader(gwsCount{gate: g}, plain).Upgrade(hijackable(nc), upgradeRequest())
			if err != nil {
				return nil, err
			}
			go ws.ReadLoop()
			return g.read, nil
		},
		writer: func(nc net.Conn, client bool) (func([]byte) error, error) {
			var ws *gws.Conn
			var err error
			if client {
				ws, _, err = gws.NewClientFromConn(gws.BuiltinEventHandler{}, &gws.ClientOption{Addr: "ws://bench/", WriteMaxPayloadSize: maxMessage}, nc)
			} else {
				ws, err = upgrader(gws.BuiltinEventHandler{}, plain).Upgrade(hijackable(nc), upgradeRequest())
			}
			return func(p []byte) error { return ws.WriteMessage(gws.OpcodeBinary, p) }, err
		},
		fanout: func(mode compression) fanout {
			var all audience[*gws.Conn]
			u := upgrader(gwsListener{all: &all}, mode)
			h := func(w http.ResponseWriter, r *http.Request) {
				ws, err := u.Upgrade(w, r)
				if err != nil {
					return
				}
				go ws.ReadLoop()
			}
			return fanout{http.HandlerFunc(h), func(p []byte) error {
				b := gws.NewBroadcaster(gws.OpcodeBinary, p)
				defer b.Close()
				return all.each(b.Broadcast)
			}, all.size}
		},
	}
}
