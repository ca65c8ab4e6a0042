package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/seed24abed78/rfc6455/frame"
)

// netConnMessage is the longest message that a NetConn sends, in bytes: with
// its header it fits the write buffer, which can keep the rest of a cut one.
const netConnMessage = wholePayload

// NetConn returns c as a stream of bytes. Read spans messages; Write sends one
// message of type typ, or several when p is longer than about 18 KiB. NetConn
// panics unless typ is Text or Binary; with Text, every Write must be valid
// UTF-8 on its own. While the net.Conn is in use, nothing else may read from c.
//
// A received message of the other type closes the connection with code 1003,
// and is [frame.ErrUnexpectedData].
// After the peer has closed with 1000 or 1001, Read returns io.EOF; after
// Close, net.ErrClosed. Config.MaxMessageSize bounds each received message.
//
// A deadline that passes ends the calls under way with os.ErrDeadlineExceeded
// and leaves the connection usable. The bytes that Write then counts were
// sent, or, for the last message, leave ahead of the next write. Over TLS, which
// outlives no write that is cut, it ends the connection when it ends a Write.
//
// Read and Write fail with the cause of ctx once that has ended. Close
// performs the closing handshake with code 1000, as CloseWith does, ends the
// calls under way, and drops what still arrives.
func (c *Conn) NetConn(ctx context.Context, typ MessageType) net.Conn {
	if typ != Text && typ != Binary {
		panic(errNotMessage)
	}
	n := &netConn{c: c, typ: typ}
	n.read.init(ctx)
	n.write.init(ctx)
	return n
}

type netConn struct {
	c           *Conn
	typ         MessageType
	read, write limit

	lock lock // guards msg
	msg  *messageReader

	closing  sync.Once
	closeErr error
}

var errOtherType = fmt.Errorf("websocket: a message of another type than that of the NetConn: %w", frame.ErrUnexpectedData)

func (n *netConn) LocalAddr() net.Addr  { return n.c.LocalAddr() }
func (n *netConn) RemoteAddr() net.Addr { return n.c.RemoteAddr() }

func (n *netConn) SetDeadline(t time.Time) error {
	return errors.Join(n.SetReadDeadline(t), n.SetWriteDeadline(t))
}
func (n *netConn) SetReadDeadline(t time.Time) error  { return n.read.set(t) }
func (n *netConn) SetWriteDeadline(t time.Time) error { return n.write.set(t) }

func (n *netConn) Read(p []byte) (int, error) {
	ctx := n.read.context()
	if err := context.Cause(ctx); err != nil {
		return 0, netError(err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := n.lock.lock(ctx); err != nil {
		return 0, netError(err)
	}
	defer n.lock.unlock()
	for {
		if n.msg == nil {
			typ, r, err := n.c.NextReader(ctx)
			if err != nil {
				return 0, netError(err)
			}
			if typ != n.typ {
				n.c.CloseWith(frame.StatusUnsupportedData, "")
				return 0, errOtherType
			}
			n.msg = r.(*messageReader)
		}
		n.msg.ctx = ctx // each Read has the deadline of its own time
		k, err := n.msg.Read(p)
		if err == io.EOF {
			n.msg, err = nil, nil
		}
		if k > 0 || err != nil {
			return k, netError(err)
		}
	}
}

func (n *netConn) Write(p []byte) (int, error) {
	if err := checkMessage(n.typ, p); err != nil {
		return 0, err
	}
	ctx := n.write.context()
	if err := context.Cause(ctx); err != nil {
		return 0, netError(err)
	}
	for sent := 0; ; {
		size := n.messageSize(p[sent:])
		taken, err := n.c.writeKept(ctx, n.typ, p[sent:sent+size])
		if taken {
			sent += size
		}
		if err != nil {
			return sent, netError(err)
		}
		if sent == len(p) {
			return sent, nil
		}
	}
}

// messageSize is how much of p goes into one message of one frame. Text is
// not cut inside a code point.
func (n *netConn) messageSize(p []byte) int {
	size := min(netConnMessage, max(n.c.cfg.frameSize(), utf8.UTFMax))
	if len(p) <= size {
		return len(p)
	}
	for n.typ == Text && !utf8.RuneStart(p[size]) {
		size--
	}
	return size
}

func (n *netConn) Close() error {
	n.closing.Do(func() {
		n.read.close()
		n.write.close()
		drained := make(chan struct{})
		go func() { // the peer may have to be read from before it reads
			defer close(drained)
			for {
				if _, _, err := n.c.NextReader(context.Background()); err != nil {
					return
				}
			}
		}()
		n.closeErr = n.c.Close()
		<-drained
	})
	return n.closeErr
}

// netError turns an error of Conn into what users of a net.Conn look for.
func netError(err error) error {
	var ce *CloseError
	switch {
	case errors.As(err, &ce):
		if !ce.Local && ce.Err == nil && (ce.Code == frame.StatusNormalClosure || ce.Code == frame.StatusGoingAway) {
			return io.EOF
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded // itself a net.Error
	}
	return err
}

// writeKept writes a message of one frame, which fits the buffer. When ctx cuts
// it, the rest stays in the buffer and leaves ahead of the next write; taken
// says that the message was sent, or will be.
func (c *Conn) writeKept(ctx context.Context, typ MessageType, p []byte) (taken bool, err error) {
	if err := c.lockForMessage(ctx); err != nil {
		return false, err
	}
	defer c.unlockWriter()
	w := &c.wr
	if err := c.flush(ctx); err != nil {
		w.queued.Store(false)
		return false, err
	}
	if err := c.appendFrame(ctx, wholeMessage(typ), p); err != nil {
		return false, err
	}
	whole := len(w.buf)
	if err = c.flush(ctx); err != nil {
		if c.ended() != nil {
			return false, err
		}
		if len(w.buf) == whole {
			c.dropBuffer()
			return false, err
		}
		// No read may wait for the rest to leave: when both ends did that,
		// neither would read.
		w.queued.Store(false)
	}
	c.countSent(typ, int64(len(p)))
	return true, err
}

// limit is a context that ends at a time that can be moved. Moving it
// counts for the calls under way too, unless it has passed already.
type limit struct {
	parent context.Context

	mu     sync.Mutex // guards what follows; never held while waiting
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	turn   uint64 // a timer of an earlier turn does nothing
	closed bool
}

func (d *limit) init(parent context.Context) {
	d.parent = parent
	d.ctx, d.cancel = context.WithCancelCause(parent)
}

func (d *limit) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ctx
}

func (d *limit) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.ctx.Err() != nil {
		d.ctx, d.cancel = context.WithCancelCause(d.parent)
	}
	if t.IsZero() {
		return nil
	}
	left := time.Until(t)
	if left <= 0 {
		d.cancel(os.ErrDeadlineExceeded)
		return nil
	}
	turn := d.turn
	d.timer = time.AfterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.turn == turn {
			d.cancel(os.ErrDeadlineExceeded)
		}
	})
	return nil
}

// close ends the calls under way and all later ones with net.ErrClosed.
func (d *limit) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.ctx.Err() != nil {
		d.ctx, d.cancel = context.WithCancelCause(d.parent)
	}
	d.cancel(net.ErrClosed)
}
