package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
)

func TestEcho(t *testing.T) {
	s := httptest.NewServer(routes())
	defer s.Close()
	ws, err := conn.Dial(t.Context(), s.URL+"/echo", nil)
	require.NoError(t, err)
	defer ws.CloseNow()
	require.NoError(t, ws.WriteMessage(t.Context(), conn.Text, []byte("Hello")))
	typ, data, err := ws.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, conn.Text, typ)
	require.Equal(t, "Hello", string(data))

	page, err := s.Client().Get(s.URL)
	require.NoError(t, err)
	page.Body.Close()
	require.True(t, strings.HasPrefix(page.Header.Get("Content-Type"), "text/html"))
}
