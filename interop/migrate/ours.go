package migrate

import (
	"context"
	"net/http"
	"sync"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/sendqueue"
	"github.com/seed24abed78/rfc6455/frame"
)

// Room is GorillaRoom, moved over. The keepalive has taken the place of the
// ticker and the deadlines, a sendqueue.Queue that of the channel and the write
// pump.
type Room struct {
	mu      sync.Mutex
	clients map[*sendqueue.Queue]struct{}
}

func NewRoom() *Room {
	return &Room{clients: make(map[*sendqueue.Queue]struct{})}
}

// Handler serves the room.
func (r *Room) Handler() http.Handler {
	return conn.Handler(r.serve, &conn.Config{
		Subprotocols:      []string{"room.v1"},
		MaxMessageSize:    maxMessage,
		KeepaliveInterval: pingPeriod,
		KeepaliveTimeout:  pongWait - pingPeriod,
	})
}

func (r *Room) serve(ctx context.Context, ws *conn.Conn) error {
	q, err := sendqueue.New(ws, &sendqueue.Config{MaxMessages: slots, Policy: sendqueue.ClosePeer})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.clients[q] = struct{}{}
	r.mu.Unlock()
	defer r.leave(q)
	for msg, err := range ws.Messages(ctx) {
		if err != nil {
			return err
		}
		if string(msg.Data) == "bye" {
			return ws.CloseWith(frame.StatusNormalClosure, "see you")
		}
		r.broadcast(ctx, msg.Data)
	}
	return nil
}

func (r *Room) broadcast(ctx context.Context, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q := range r.clients {
		q.Send(ctx, conn.Text, p) // copies p; the policy cuts who is too slow
	}
}

func (r *Room) leave(q *sendqueue.Queue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, q)
}
