package reconnect_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/reconnect"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Proves 7.2.3-3.
func TestBackoffBound(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    reconnect.Backoff
		want []time.Duration // from retry 0 on
	}{
		{"default", reconnect.Backoff{}, []time.Duration{5e9, 10e9, 20e9, 40e9, 60e9, 60e9}},
		{"factor 3", reconnect.Backoff{Base: 1e9, Cap: 10e9, Factor: 3}, []time.Duration{1e9, 3e9, 9e9, 10e9}},
		{"factor 1 is constant", reconnect.Backoff{Base: 2e9, Factor: 1}, []time.Duration{2e9, 2e9, 2e9}},
		{"the base over the default cap", reconnect.Backoff{Base: 100e9}, []time.Duration{100e9, 100e9}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n, want := range tt.want {
				require.Equal(t, want, tt.b.Bound(n), "retry %d", n)
				low, high := want, time.Duration(0)
				for range 1000 {
					d := tt.b.Delay(n)
					low, high = min(low, d), max(high, d)
				}
				// Full jitter: of 1,000 draws the chance that none falls in
				// the first (or last) twentieth is 0.95^1000, about 1e-22.
				require.Less(t, low, want/20, "retry %d", n)
				require.GreaterOrEqual(t, high, want-want/20, "retry %d", n)
				require.Less(t, high, want, "retry %d", n)
			}
			require.Equal(t, tt.want[len(tt.want)-1], tt.b.Bound(1<<30), "no overflow")
			require.Equal(t, tt.want[0], tt.b.Bound(-1))
		})
	}
}

// A Backoff that New would refuse waits for nothing, and does not panic.
func TestBackoffImpossible(t *testing.T) {
	require.Zero(t, reconnect.Backoff{Base: -1}.Delay(0))
	require.Zero(t, reconnect.Backoff{Base: 1, Factor: math.NaN()}.Delay(1))
	require.Zero(t, reconnect.Backoff{Base: 1, Cap: -1}.Delay(1))
}

func TestConfigRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		url  string
		cfg  *reconnect.Config
		want string
	}{
		{"base", "", &reconnect.Config{Backoff: reconnect.Backoff{Base: -1}}, "Backoff.Base"},
		{"cap", "", &reconnect.Config{Backoff: reconnect.Backoff{Base: 2, Cap: 1}}, "Backoff.Cap"},
		{"factor", "", &reconnect.Config{Backoff: reconnect.Backoff{Factor: 0.5}}, "Backoff.Factor"},
		{"factor NaN", "", &reconnect.Config{Backoff: reconnect.Backoff{Factor: math.NaN()}}, "Backoff.Factor"},
		{"attempts", "", &reconnect.Config{MaxAttempts: -1}, "MaxAttempts"},
		{"elapsed", "", &reconnect.Config{MaxElapsed: -1}, "MaxElapsed"},
		{"outbox", "", &reconnect.Config{OutboxBytes: -1}, "OutboxBytes"},
		{"policy", "", &reconnect.Config{Policy: sendqueue.ClosePeer}, "Policy"},
		{"resume", "", &reconnect.Config{Resume: []reconnect.ID{{Seq: 1}}}, "Identify"},
		{"streams", "", &reconnect.Config{
			Identify:   func(conn.Message) reconnect.ID { return reconnect.ID{} },
			Resume:     []reconnect.ID{{Stream: "a", Seq: 1}, {Stream: "b", Seq: 1}},
			MaxStreams: 1,
		}, "MaxStreams"},
		{"a long name in resume", "", &reconnect.Config{
			Identify: func(conn.Message) reconnect.ID { return reconnect.ID{} },
			Resume:   []reconnect.ID{{Stream: strings.Repeat("x", 1025), Seq: 1}},
		}, "longer than 1024 bytes"},
		{"scheme", "ftp://server.test/", nil, "ftp"},
		{"header", "", &reconnect.Config{Conn: &conn.Config{Header: http.Header{"Upgrade": {"h2c"}}}}, "Upgrade"},
		{"conn", "", &reconnect.Config{Conn: &conn.Config{CloseTimeout: -1}}, "CloseTimeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.url == "" {
				tt.url = "ws://server.test/"
			}
			_, err := reconnect.New(t.Context(), tt.url, tt.cfg)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestDefaultFatal(t *testing.T) {
	closed := func(code frame.CloseCode) error { return &conn.CloseError{Code: code} }
	lost := func(err error) error {
		return &conn.CloseError{Code: frame.StatusAbnormalClosure, Err: err}
	}
	type test struct {
		name string
		err  error
		want bool
	}
	tests := []test{
		{"subprotocol refused: a 101 that breaks a rule", &handshake.Error{Status: 101}, true},
		{"no HTTP", &handshake.Error{}, false},
		{"proxy wants credentials", &conn.ProxyError{Status: 407}, true},
		{"proxy can't reach the server", &conn.ProxyError{Status: 502}, false},
		{"certificate", fmt.Errorf("dial: %w", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), true},
		{"refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, false},
		{"no such name", &net.DNSError{IsNotFound: true}, false},
		{"timeout", context.DeadlineExceeded, false},
		{"anything else", errors.New("what?"), false},
		{"reset", lost(syscall.ECONNRESET), false},
		{"end without a Close frame", lost(io.ErrUnexpectedEOF), false},
		{"the server masks", lost(frame.ErrMasked), true},
		{"the server's message is too big", lost(frame.ErrMessageTooBig), true},
		{"the application says so", fmt.Errorf("OnConnect: %w", reconnect.Permanent(io.EOF)), true},
	}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 405, 410, 426, 501, 505} {
		tests = append(tests, test{fmt.Sprint("status ", status), &handshake.Error{Status: status}, true})
	}
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504} {
		tests = append(tests, test{fmt.Sprint("status ", status), fmt.Errorf("dial: %w", &handshake.Error{Status: status}), false})
	}
	for _, code := range []frame.CloseCode{1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003} {
		tests = append(tests, test{fmt.Sprint("code ", code), closed(code), true})
	}
	for _, code := range []frame.CloseCode{1001, 1005, 1006, 1011, 1012, 1013, 1014, 3008, 4000, 4999} {
		tests = append(tests, test{fmt.Sprint("code ", code), closed(code), false})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, reconnect.DefaultFatal(tt.err))
		})
	}
	require.NoError(t, reconnect.Permanent(nil))
	require.ErrorIs(t, reconnect.Permanent(io.EOF), io.EOF)
}
