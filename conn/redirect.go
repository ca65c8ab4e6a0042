package conn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed24abed78/rfc6455/handshake"
)

// attempt is one opening handshake of a client: where it goes, and the fields
// of Config.Header that go along.
type attempt struct {
	url    *url.URL
	header http.Header
}

// dialFollowing dials, and dials again where redirects lead
// (RFC 6455, section 4.1).
func (cfg *Config) dialFollowing(ctx context.Context, a attempt) (*Conn, error) {
	for followed := 0; ; followed++ {
		ws, err := cfg.dialOnce(ctx, a)
		var refusal *handshake.Error
		if err == nil || !errors.As(err, &refusal) || !cfg.follows(refusal.Status) {
			return ws, err
		}
		if followed == cfg.MaxRedirects {
			return nil, fmt.Errorf("websocket: redirected more than Config.MaxRedirects, %d times: %w", followed, err)
		}
		if a, err = a.redirect(refusal); err != nil {
			return nil, err
		}
	}
}

// follows reports whether a response of this status is a redirect to follow.
func (cfg *Config) follows(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return cfg.MaxRedirects > 0
	}
	return false
}

// redirect returns the attempt that a redirect asks for.
func (a attempt) redirect(refusal *handshake.Error) (attempt, error) {
	location := refusal.Header["Location"]
	if len(location) != 1 {
		return a, fmt.Errorf("websocket: redirect from %s: want one Location field, got %d: %w", a.url.Host, len(location), refusal)
	}
	ref, err := url.Parse(location[0])
	if err != nil {
		return a, fmt.Errorf("websocket: redirect from %s: the Location field is no URL: %w", a.url.Host, refusal)
	}
	// A fragment means nothing here. User information would be credentials
	// that the server chose.
	ref.Fragment, ref.RawFragment, ref.User = "", "", nil
	next := a.url.ResolveReference(ref)
	next.User = nil
	if next, err = handshake.ParseURL(next.String()); err != nil {
		return a, fmt.Errorf("websocket: redirect from %s: %v: %w", a.url.Host, err, refusal)
	}
	if a.url.Scheme == "wss" && next.Scheme != "wss" {
		return a, fmt.Errorf("websocket: the redirect from %s to %s would leave TLS, and is not followed: %w", a.url.Host, next.Host, refusal)
	}
	if sameOrigin(a.url, next) {
		next.User = a.url.User
		return attempt{next, a.header}, nil
	}
	return attempt{next, withoutCredentials(a.header)}, nil
}

// sameOrigin compares scheme, host and port (RFC 6454, section 5).
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(handshake.Address(a), handshake.Address(b))
}

// withoutCredentials returns the fields that another origin may see. Host
// names the first server, so it goes too.
func withoutCredentials(header http.Header) http.Header {
	kept := make(http.Header, len(header))
	for name, values := range header {
		switch http.CanonicalHeaderKey(name) {
		case "Authorization", "Proxy-Authorization", "Cookie", "Host":
		default:
			kept[name] = values
		}
	}
	return kept
}

// httpURL returns u for who knows the schemes of HTTP only. The user
// information is for the server, and no business of theirs.
func httpURL(u *url.URL) *url.URL {
	h := *u
	h.User = nil
	h.Scheme = "http"
	if u.Scheme == "wss" {
		h.Scheme = "https"
	}
	return &h
}
