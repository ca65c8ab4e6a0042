package conn_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/conntest"
	"github.com/seed24abed78/rfc6455/frame"
)

// Every answer is read, however late, by a reader who takes his time.
func TestCloseWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := conntest.Pair(nil)
		go func() {
			for msg, err := range server.Messages(context.Background()) {
				if err != nil || server.WriteMessage(context.Background(), msg.Type, msg.Data) != nil {
					return
				}
			}
		}()
		for _, s := range []string{"a", "b", "c"} {
			require.NoError(t, client.WriteMessage(t.Context(), conn.Text, []byte(s)))
		}
		require.NoError(t, client.CloseWrite(frame.StatusNormalClosure, "done"))
		require.NoError(t, client.CloseWrite(4000, "twice")) // one Close frame only
		require.ErrorContains(t, client.WriteMessage(t.Context(), conn.Text, nil), "closed")
		var got string
		for msg, err := range client.Messages(t.Context()) {
			if err != nil {
				var closed *conn.CloseError
				require.ErrorAs(t, err, &closed)
				require.True(t, closed.Local)
				require.NoError(t, closed.Err)
				require.Equal(t, frame.StatusNormalClosure, closed.Code)
				break
			}
			time.Sleep(time.Second)
			got += string(msg.Data)
		}
		require.Equal(t, "abc", got)
		<-server.Done()
		require.Error(t, client.CloseWrite(999, ""))
	})
}
