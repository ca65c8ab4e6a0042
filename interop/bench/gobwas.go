package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// gobwas's documentation shows wsutil.ReadClientData and WriteServerMessage on
// the bare connection, which check text.
var gobwasUsual = &idiom{
	lib: "gobwas", name: "usual", module: "github.com/gobwas/ws",
	echo: func(compression) http.Handler {
		return gobwasHandler(func(nc net.Conn) {
			for {
				p, op, err := wsutil.ReadClientData(nc)
				if err != nil {
					return
				}
				if err := wsutil.WriteServerMessage(nc, op, p); err != nil {
					return
				}
			}
		})
	},
	listen: func(ln net.Listener) error {
		return gobwasListen(ln, func(nc net.Conn) {
			for {
				p, op, err := wsutil.ReadClientData(nc)
				if err != nil {
					return
				}
				if err := wsutil.WriteServerMessage(nc, op, p); err != nil {
					return
				}
			}
		})
	},
	upgrade: func(nc net.Conn) error {
		_, err := ws.Upgrade(nc)
		return err
	},
	reader: func(nc net.Conn) (func(int) error, error) {
		return func(n int) error {
			for range n {
				if _, _, err := wsutil.ReadClientData(nc); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
	writer: func(nc net.Conn, client bool) (func([]byte) error, error) {
		if client {
			if err := gobwasHandshake(nc); err != nil {
				return nil, err
			}
			return func(p []byte) error { return wsutil.WriteClientMessage(nc, ws.OpBinary, p) }, nil
		}
		return func(p []byte) error { return wsutil.WriteServerMessage(nc, ws.OpBinary, p) }, nil
	},
}

// Its fastest way is to keep a wsutil.Reader on a bufio.Reader, to read into
// memory that is used again, and to write through a bufio.Writer that is flushed
// when nothing more was received.
var gobwasBest = &idiom{
	lib: "gobwas", name: "best", module: gobwasUsual.module,
	echo: func(compression) http.Handler { return gobwasHandler(gobwasEcho) },
	reader: func(nc net.Conn) (func(int) error, error) {
		r := newGobwasReader(nc)
		return func(n int) error {
			for range n {
				if _, _, err := r.next(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
	writer: func(nc net.Conn, client bool) (func([]byte) error, error) {
		if client {
			if err := gobwasHandshake(nc); err != nil {
				return nil, err
			}
		}
		bw := bufio.NewWriterSize(nc, 4096)
		return func(p []byte) error {
			f := ws.NewBinaryFrame(p)
			if client {
				f = ws.MaskFrame(f)
			}
			if err := ws.WriteFrame(bw, f); err != nil {
				return err
			}
			return bw.Flush()
		}, nil
	},
	fanout: func(compression) fanout {
		var all audience[net.Conn]
		h := gobwasHandler(func(nc net.Conn) {
			all.join(nc)
			defer all.leave(nc)
			wsutil.ReadClientData(nc)
		})
		return fanout{h, func(p []byte) error {
			frame, err := ws.CompileFrame(ws.NewBinaryFrame(p))
			if err != nil {
				return err
			}
			return all.each(func(nc net.Conn) error {
				_, err := nc.Write(frame)
				return err
			})
		}, all.size}
	},
}

// gobwasHandler serves on a goroutine of its own, so that net/http's memory goes.
func gobwasHandler(serve func(net.Conn)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		go func() {
			defer nc.Close()
			serve(nc)
		}()
	})
}

func gobwasHandshake(nc net.Conn) error {
	var d ws.Dialer
	_, _, err := d.Upgrade(nc, &url.URL{Scheme: "ws", Host: "bench", Path: "/"})
	return err
}

func gobwasListen(ln net.Listener, serve func(net.Conn)) error {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer nc.Close()
			if _, err := ws.Upgrade(nc); err != nil {
				return
			}
			serve(nc)
		}()
	}
}

type gobwasReader struct {
	br   *bufio.Reader
	r    wsutil.Reader
	into buffer
}

func newGobwasReader(nc net.Conn) *gobwasReader {
	g := &gobwasReader{br: bufio.NewReaderSize(nc, 4096)}
	g.r = wsutil.Reader{Source: g.br, State: ws.StateServerSide, CheckUTF8: true, MaxMessageSize: maxMessage}
	return g
}

func (g *gobwasReader) next() (ws.OpCode, []byte, error) {
	for {
		h, err := g.r.NextFrame()
		if err != nil {
			return 0, nil, err
		}
		if h.OpCode == ws.OpClose {
			return 0, nil, io.EOF
		}
		if h.OpCode.IsControl() {
			if err := g.r.Discard(); err != nil {
				return 0, nil, err
			}
			continue
		}
		p, err := g.into.readAll(&g.r)
		return h.OpCode, p, err
	}
}

func gobwasEcho(nc net.Conn) {
	r := newGobwasReader(nc)
	bw := bufio.NewWriterSize(nc, 4096)
	for {
		op, p, err := r.next()
		if err != nil {
			return
		}
		if err := ws.WriteFrame(bw, ws.NewFrame(op, true, p)); err != nil {
			return
		}
		if r.br.Buffered() == 0 {
			if err := bw.Flush(); err != nil {
				return
			}
		}
	}
}
