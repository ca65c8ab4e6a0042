package conn

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// withCookies returns the header with what the jar has for u.
func (cfg *Config) withCookies(header http.Header, u *url.URL) (http.Header, error) {
	if cfg.Jar == nil {
		return header, nil
	}
	cookies := cfg.Jar.Cookies(httpURL(u))
	if len(cookies) == 0 {
		return header, nil
	}
	r := http.Request{Header: header.Clone()}
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	if own := r.Header["Cookie"]; len(own) > 1 {
		r.Header.Set("Cookie", strings.Join(own, "; "))
	}
	for _, c := range cookies {
		if strings.ContainsAny(c.Name+c.Value, "\r\n\x00") { // AddCookie would send another one
			return nil, fmt.Errorf("websocket: Config.Jar: cookie %q has a control character such as CR, LF or NUL", c.Name)
		}
		r.AddCookie(c)
	}
	return r.Header, nil
}

// keepCookies puts the cookies of a response into the jar.
func (cfg *Config) keepCookies(u *url.URL, header http.Header) {
	if cfg.Jar == nil {
		return
	}
	if cookies := (&http.Response{Header: header}).Cookies(); len(cookies) > 0 {
		cfg.Jar.SetCookies(httpURL(u), cookies)
	}
}
