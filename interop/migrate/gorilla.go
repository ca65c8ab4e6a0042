// Package migrate is one program twice: as it is written with gorilla/websocket
// (gorilla.go), and moved over with docs/migrate-gorilla.md (ours.go). A test
// holds the same conversation with both.
package migrate

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxMessage = 512 // bytes
	slots      = 16  // messages that wait for one client
	writeWait  = 10 * time.Second
	pongWait   = 60 * time.Second
	pingPeriod = pongWait * 9 / 10
)

var upgrader = websocket.Upgrader{Subprotocols: []string{"room.v1"}}

// GorillaRoom repeats what each client says to all of them. A client that
// reads too slowly is cut.
type GorillaRoom struct {
	mu      sync.Mutex
	clients map[*gorillaClient]struct{}
}

type gorillaClient struct {
	c    *websocket.Conn
	send chan []byte
}

func NewGorillaRoom() *GorillaRoom {
	return &GorillaRoom{clients: make(map[*gorillaClient]struct{})}
}

func (r *GorillaRoom) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c, err := upgrader.Upgrade(w, req, nil)
	if err != nil {
		return
	}
	client := &gorillaClient{c, make(chan []byte, slots)}
	r.mu.Lock()
	r.clients[client] = struct{}{}
	r.mu.Unlock()
	go client.writePump()
	r.readPump(client)
}

func (r *GorillaRoom) readPump(client *gorillaClient) {
	defer r.leave(client)
	client.c.SetReadLimit(maxMessage)
	client.c.SetReadDeadline(time.Now().Add(pongWait))
	client.c.SetPongHandler(func(string) error {
		return client.c.SetReadDeadline(time.Now().Add(pongWait))
	})
	for {
		_, p, err := client.c.ReadMessage()
		if err != nil {
			return
		}
		if string(p) == "bye" {
			bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "see you")
			client.c.WriteControl(websocket.CloseMessage, bye, time.Now().Add(writeWait))
			continue // until the client has answered
		}
		r.broadcast(p)
	}
}

func (r *GorillaRoom) broadcast(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for client := range r.clients {
		select {
		case client.send <- p:
		default:
			client.c.Close()
		}
	}
}

func (r *GorillaRoom) leave(client *gorillaClient) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, client)
	close(client.send)
}

func (client *gorillaClient) writePump() {
	ticker := time.NewTicker(pingPeriod)
	defer ticker.Stop()
	defer client.c.Close()
	for {
		select {
		case p, ok := <-client.send:
			client.c.SetWriteDeadline(time.Now().Add(writeWait))
			if !ok || client.c.WriteMessage(websocket.TextMessage, p) != nil {
				return
			}
		case <-ticker.C:
			client.c.SetWriteDeadline(time.Now().Add(writeWait))
			if client.c.WriteMessage(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}
