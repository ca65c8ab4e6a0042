package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"

	"github.com/seed24abed78/rfc6455/conn"
)

// curl can do no more than the handshake, so that is all it is asked for.
func curl(ctx context.Context) (*peer, error) {
	path, err := need(ctx, "curl", "curl")
	if err != nil {
		return nil, err
	}
	h, err := newHost()
	if err != nil {
		return nil, err
	}
	p := &peer{
		own: map[string]func(context.Context) error{
			"handshake": func(ctx context.Context) error { return curlHandshake(ctx, path, h) },
		},
		lacks: map[string]string{},
		stop:  h.close,
	}
	for _, c := range checks {
		if p.own[c.name] == nil {
			p.lacks[c.name] = "curl shows what a server sends, and can't send a frame"
		}
	}
	return p, nil
}

// curlHandshake compares what curl shows with the example of RFC 6455, section
// 1.3, and with the frame of section 5.7 behind it.
func curlHandshake(ctx context.Context, path string, h *host) error {
	cmd := exec.CommandContext(ctx, path, "--silent", "--show-error", "--include", "--no-buffer", "--http1.1", "--noproxy", "*",
		"--header", "Connection: Upgrade", "--header", "Upgrade: websocket",
		"--header", "Sec-WebSocket-Version: 13", "--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"http://"+h.ln.Addr().String()+"/ws")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ws, err := h.link(ctx, nil)
	if err == nil {
		err = ws.WriteMessage(ctx, conn.Text, []byte("Hello"))
		ws.CloseNow()
	}
	ended := cmd.Wait()
	if err != nil {
		return err
	}
	for _, want := range []string{
		"HTTP/1.1 101 Switching Protocols\r\n",
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
		"\r\n\r\n\x81\x05Hello",
	} {
		if !bytes.Contains(said.Bytes(), []byte(want)) {
			return fmt.Errorf("curl (%v) shows %q, without %q", ended, said.Bytes(), want)
		}
	}
	return nil
}
