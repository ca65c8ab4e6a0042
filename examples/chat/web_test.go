package main

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Everything that the page names is served, and nothing comes from elsewhere.
func TestPage(t *testing.T) {
	_, server, _ := start(t, "", throttle{})
	get := func(path string) (string, http.Header) {
		res, err := http.Get(server + path)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return string(body), res.Header
	}
	html, header := get("/")
	require.Contains(t, header.Get("Content-Type"), "text/html")
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	names := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(html, -1)
	require.NotEmpty(t, names)
	for _, m := range names {
		get("/" + m[1])
	}
	script, header := get("/chat.js")
	require.Contains(t, header.Get("Content-Type"), "javascript")
	get("/" + regexp.MustCompile(`from "\./(.+)"`).FindStringSubmatch(script)[1])

	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`id="(.+?)"`).FindAllStringSubmatch(html, -1) {
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`\$\("(.+?)"\)`).FindAllStringSubmatch(script, -1) {
		require.True(t, ids[m[1]], "the script asks for #%s", m[1])
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"Ada": "Ada", "": "Guest", " \t\x00 ": "Guest", "A\u202eda\xff": "A da",
		strings.Repeat("é", maxName+1): strings.Repeat("é", maxName),
	} {
		require.Equal(t, want, cleanName(in), "%q", in)
	}
}

func TestSlowConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		slow := &slowConn{Conn: a, rate: 500, closed: make(chan struct{})}
		go io.Copy(io.Discard, b)
		begun := time.Now()
		_, err := slow.Write(make([]byte, 1000))
		require.NoError(t, err)
		require.Zero(t, time.Since(begun), "the handshake")
		n, err := slow.Write(make([]byte, 1000))
		require.NoError(t, err)
		require.Equal(t, 1000, n)
		require.Equal(t, 2*time.Second, time.Since(begun)) // of the fake clock

		go func() {
			time.Sleep(1050 * time.Millisecond) // between two pieces
			slow.Close()
		}()
		_, err = slow.Write(make([]byte, 1000))
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, 3050*time.Millisecond, time.Since(begun))
		b.Close()
	})
}
