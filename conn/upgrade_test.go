package conn_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// canned is a net.Conn that has sent one request.
type canned struct {
	net.Conn
	request string
	read    bool
}

func (c *canned) Read(p []byte) (int, error) {
	if c.read {
		return 0, net.ErrClosed
	}
	c.read = true
	return copy(p, c.request), nil
}

func (c *canned) Write(p []byte) (int, error)      { return len(p), nil }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
func (c *canned) Close() error                     { return nil }

func BenchmarkUpgrade(b *testing.B) {
	b.ReportAllocs()
	nc := &canned{request: goodRequest}
	cfg := &conn.Config{}
	for b.Loop() {
		nc.read = false
		ws, err := conn.Upgrade(context.Background(), nc, cfg)
		if err != nil {
			b.Fatal(err)
		}
		ws.CloseNow()
	}
}

// A handshake costs a copy of the request's head and the Conn.
func TestUpgradeAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, cfg := range []*conn.Config{nil, {KeepaliveInterval: -1}} {
		nc := &canned{request: goodRequest}
		got := testing.AllocsPerRun(100, func() {
			nc.read = false
			if _, err := conn.Upgrade(context.Background(), nc, cfg); err != nil {
				panic(err)
			}
		})
		require.LessOrEqual(t, got, 2.0)
	}
}

// A request that CheckRequest has seen may be kept.
func TestCheckRequestKeeps(t *testing.T) {
	nc := &canned{request: goodRequest}
	var kept *handshake.Request
	cfg := &conn.Config{CheckRequest: func(r *handshake.Request) error {
		kept = r
		return nil
	}}
	ws, err := conn.Upgrade(t.Context(), nc, cfg)
	require.NoError(t, err)
	defer ws.CloseNow()
	for range 10 { // whatever takes its place in the buffers
		nc := &canned{request: strings.Repeat("x", len(goodRequest)) + "\r\n\r\n"}
		_, err := conn.Upgrade(t.Context(), nc, nil)
		require.Error(t, err)
	}
	parsed, _, err := handshake.ParseRequest([]byte(goodRequest))
	require.NoError(t, err)
	require.Equal(t, parsed, kept)
}

// broken fails to write.
type broken struct{ canned }

func (*broken) Write([]byte) (int, error) { return 0, errBroken }

func TestUpgradeFails(t *testing.T) {
	ok := canned{request: goodRequest}
	_, err := conn.Upgrade(t.Context(), &ok, &conn.Config{ControlTimeout: -1})
	require.ErrorContains(t, err, "Config.ControlTimeout")
	_, err = conn.Upgrade(t.Context(), &broken{ok}, nil)
	require.ErrorIs(t, err, errBroken)
	_, err = conn.Upgrade(t.Context(), &broken{canned{request: "GET / HTTP/1.1\r\n\r\n"}}, nil)
	var refusal *handshake.Error
	require.ErrorAs(t, err, &refusal) // that it couldn't be sent is less of a cause

	// The caller gives up while the peer is silent, with and without a bound.
	for _, timeout := range []time.Duration{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			a, b := net.Pipe()
			time.AfterFunc(time.Second, func() { cancel(errBroken) })
			_, err := conn.Upgrade(ctx, a, &conn.Config{HandshakeTimeout: timeout})
			require.ErrorIs(t, err, errBroken)
			_, err = b.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

// hijacked is a ResponseWriter whose connection is nc.
type hijacked struct {
	*httptest.ResponseRecorder
	nc net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.nc, bufio.NewReadWriter(bufio.NewReader(h.nc), bufio.NewWriter(h.nc)), nil
}

func TestAcceptFails(t *testing.T) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(goodRequest)))
	require.NoError(t, err)
	rec := httptest.NewRecorder()
	_, err = conn.Accept(rec, r, &conn.Config{CloseTimeout: -1})
	require.ErrorContains(t, err, "Config.CloseTimeout")
	require.Equal(t, http.StatusInternalServerError, rec.Code)
	_, err = conn.Accept(hijacked{rec, &broken{}}, r, nil)
	require.ErrorIs(t, err, errBroken)

	// Handler says the same, to each request.
	rec = httptest.NewRecorder()
	conn.Handler(nil, &conn.Config{CloseTimeout: -1}).ServeHTTP(rec, r)
	require.Equal(t, http.StatusInternalServerError, rec.Code)
}
