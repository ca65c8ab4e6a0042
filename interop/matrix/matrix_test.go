package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/seed24abed78/rfc6455/conn"
)

// Our own implementation passes every check of the matrix in both roles.
func TestOurselves(t *testing.T) {
	for _, start := range []func() (*peer, error){ours.server, ours.client} {
		p, err := start()
		if err != nil {
			t.Fatal(err)
		}
		defer p.stop()
		for _, c := range checks {
			t.Run(p.name+" "+c.name, func(t *testing.T) {
				if err := c.run(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// On connections that are dead every check fails.
func TestChecksCanFail(t *testing.T) {
	base, stop, err := ours.listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	p := &peer{link: func(ctx context.Context, _ *conn.Config) (*conn.Conn, error) {
		ws, err := conn.Dial(ctx, "ws://"+base, nil)
		if err == nil {
			ws.CloseNow()
		}
		return ws, err
	}}
	for _, c := range checks {
		if err := c.run(t.Context(), p); err == nil {
			t.Errorf("%s passed on connections that are dead", c.name)
		}
	}
}

func TestPrint(t *testing.T) {
	var b bytes.Buffer
	print(&b, []row{
		{name: "one", cells: map[string]cell{"text": {"ok", ""}, "empty": {"n/a", "not its thing"}, "drop←": {"FAIL", "it went wrong"}}},
		{name: "two", skipped: "it is not here"},
	})
	for _, want := range []string{"one ", "two skipped: it is not here", "not its thing: empty (one)", "FAIL one, drop←: it went wrong"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}
