package conn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// A server that looks at requests before it accepts them, and what a client
// learns from a refusal.
func ExampleConfig_checkRequest() {
	server := httptest.NewServer(conn.Handler(func(ctx context.Context, ws *conn.Conn) error {
		return ws.WriteMessage(ctx, conn.Text, []byte("welcome"))
	}, &conn.Config{CheckRequest: func(r *handshake.Request) error {
		if r.Resource() != "/lobby" {
			return &handshake.Error{Status: http.StatusNotFound, Reason: "no such room"}
		}
		return nil
	}}))
	defer server.Close()

	jar, _ := cookiejar.New(nil)
	cfg := &conn.Config{Jar: jar, MaxRedirects: 3}
	_, err := conn.Dial(context.Background(), server.URL+"/attic", cfg)
	var refusal *handshake.Error
	if errors.As(err, &refusal) {
		fmt.Printf("%d: %s", refusal.Status, refusal.Body)
	}
	ws, err := conn.Dial(context.Background(), server.URL+"/lobby", cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ws.Close()
	_, data, _ := ws.ReadMessage(context.Background())
	fmt.Printf("%s\n", data)
	// Output:
	// 404: no such room
	// welcome
}
