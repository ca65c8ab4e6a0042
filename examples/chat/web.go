package main

import (
	"context"
	"embed"
	"io/fs"
	"net/http"
	"strings"
	"unicode"

	"github.com/seed24abed78/rfc6455/conn"
)

//go:embed page
var page embed.FS

// maxFrame bounds a message of a page in bytes: maxText characters, each
// escaped, and what stands around them.
const maxFrame = 32 << 10

// routes serves the page on /, and the room on /room?name=NAME.
func routes(chat *room, slow throttle) http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the directory is in the program
	}
	cfg := &conn.Config{MaxMessageSize: maxFrame} // keepalive is on by default
	mux := http.NewServeMux()
	mux.Handle("GET /", strict(http.FileServerFS(files)))
	mux.HandleFunc("GET /room", func(w http.ResponseWriter, r *http.Request) {
		if chat.pages.Stats().Conns >= maxPeople {
			http.Error(w, "the room is full", http.StatusServiceUnavailable)
			return
		}
		name := cleanName(r.URL.Query().Get("name"))
		chat.pages.Handler(func(ctx context.Context, ws *conn.Conn) error {
			return chat.serve(ctx, ws, name)
		}, cfg).ServeHTTP(slow.wrap(w, name), r)
	})
	return mux
}

// strict lets the page load nothing from elsewhere, and be framed by nobody.
func strict(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
			"img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-cache")
		h.ServeHTTP(w, r)
	})
}

const maxName = 40 // characters

// cleanName returns what is shown of a name: one line, not empty, not too long.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxName {
		s = strings.TrimSpace(string(runes[:maxName]))
	}
	if s == "" {
		return "Guest"
	}
	return s
}
