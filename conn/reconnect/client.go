package reconnect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/handshake"
)

// Client is a connection to one server that is opened again whenever it is
// lost. Its methods may be called from any goroutine at any time.
type Client struct {
	url string
	cfg *Config // resolved
	log *slog.Logger
	in  *inbox
	out *outbox

	ctx     context.Context // ends when Close has flushed, or with the caller's
	cancel  context.CancelCauseFunc
	wake    chan struct{}   // holds a token when Wake was called
	closing chan struct{}   // closed when Close has begun
	begin   sync.Once       // of closing
	over    context.Context // ends when Close has no more time
	cut     context.CancelCauseFunc
	done    chan struct{} // closed after err is set and nothing is left running
	err     error         // why the Client closed

	states  states
	tracker tracker
	counts  counters
	lost    error // why the last connection ended
}

// GiveUpError says that Config.MaxAttempts or MaxElapsed ended a Client.
type GiveUpError struct {
	Attempts int
	Elapsed  time.Duration // since the last stable connection, or the beginning
	Err      error         // of the last attempt
}

func (e *GiveUpError) Error() string {
	return fmt.Sprintf("reconnect: gave up after %d attempts in %v: %v", e.Attempts, e.Elapsed.Round(time.Millisecond), e.Err)
}

func (e *GiveUpError) Unwrap() error { return e.Err }

// New returns a Client that begins to connect to a ws or wss URL right away,
// and connects again until ctx ends, Close is called, or a failure is fatal. A
// nil cfg means the defaults. The error says what is wrong with the URL or
// with cfg; nothing of the network is an error of New.
//
// The Client has one goroutine, and a second one while a connection is open.
// Both end with it.
func New(ctx context.Context, rawURL string, cfg *Config) (*Client, error) {
	resolved, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	if cfg == nil || cfg.Dial == nil {
		if err := checkDial(rawURL, resolved.Conn); err != nil {
			return nil, err
		}
	}
	c := &Client{
		url:     rawURL,
		cfg:     resolved,
		log:     resolved.Logger.With("url", withoutSecrets(rawURL)),
		in:      newInbox(resolved),
		out:     newOutbox(resolved),
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		tracker: tracker{streams: make(map[string]*stream), max: resolved.MaxStreams},
	}
	c.out.dropped = c.dropped
	c.states.watchers = make(map[chan State]func() bool)
	for _, id := range resolved.Resume {
		if _, _, err := c.tracker.see(id); err != nil {
			return nil, fmt.Errorf("reconnect: Config.Resume: %w", err)
		}
	}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.over, c.cut = context.WithCancelCause(context.Background())
	c.connecting(1)
	go c.run()
	return c, nil
}

// withoutSecrets returns what of a URL may be logged.
func withoutSecrets(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "" // which part is which cannot be told
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// checkDial finds what would make every attempt fail before anything reaches
// the network.
func checkDial(rawURL string, cfg *conn.Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	u, err := handshake.ParseURL(rawURL)
	if err != nil {
		return err
	}
	hs := handshake.Client{URL: u}
	if cfg != nil {
		hs.Header, hs.Subprotocols = cfg.Header, cfg.Subprotocols
	}
	_, err = hs.AppendRequest(nil)
	return err
}

// Done is closed when the Client has closed for good and nothing of it is left
// running.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns nil until Done is closed, and then why: net.ErrClosed after
// Close, the cause of the context given to New, a [*GiveUpError], or the
// failure that was fatal.
func (c *Client) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Ready waits until a connection is open, and returns nil then. The error is
// the cause of ctx, or that of a Client that has closed.
func (c *Client) Ready(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for s := range c.Watch(ctx) {
		switch s.Phase {
		case Open:
			return nil
		case Closed:
			return s.Err
		}
	}
	return context.Cause(ctx)
}

// Wake ends the wait for the next attempt: call it when this machine hears
// that the network is back, or has woken from sleep. It does not shorten a
// Retry-After that the server asked for, and does not reset the backoff. An
// attempt that is under way goes on, and the wait after it is left out if it
// fails. On an open connection Wake does nothing.
//
// Don't call it on a signal that all clients get at once from the server's
// side: the random delay is what keeps them apart.
func (c *Client) Wake() { signal(c.wake) }

// round counts what the backoff and the limits go by.
type round struct {
	attempts int       // since the last stable connection
	retries  int       // the same, but counting delays
	since    time.Time // when the last stable connection ended
}

// run is the Client's goroutine.
func (c *Client) run() {
	r := round{attempts: 1, since: time.Now()}
	for {
		ws, err := c.connect()
		if err == nil {
			err = c.session(ws, &r)
		}
		if c.ctx.Err() != nil {
			c.finish(context.Cause(c.ctx))
			return
		}
		c.lost = err
		if isPermanent(err) || c.cfg.Fatal(err) {
			c.finish(fmt.Errorf("reconnect: not worth another attempt: %w", err))
			return
		}
		if err := c.pause(&r, err); err != nil {
			c.finish(err)
			return
		}
		r.attempts++
		c.connecting(r.attempts)
	}
}

func (c *Client) connecting(attempts int) {
	c.change(func(s *State) { s.Phase, s.Attempts = Connecting, attempts })
}

// session serves an open connection and returns why it ended.
func (c *Client) session(ws *conn.Conn, r *round) error {
	opened := time.Now()
	c.change(func(s *State) { s.Phase, s.Err = Open, nil; s.Connections++ })
	err := c.serve(ws)
	if time.Since(opened) >= c.cfg.StableAfter {
		*r = round{since: time.Now()}
	}
	select {
	case <-c.wake: // meant for this connection or the attempt that led to it
	default:
	}
	return err
}

// connect makes one attempt.
func (c *Client) connect() (*conn.Conn, error) {
	ws, err := c.cfg.Dial(c.ctx, c.url, c.cfg.Conn)
	if err != nil {
		return nil, err
	}
	if ws == nil {
		return nil, Permanent(errNoConn)
	}
	if err := c.greet(ws); err != nil {
		c.leave(ws)
		return nil, fmt.Errorf("reconnect: OnConnect: %w", err)
	}
	return ws, nil
}

var (
	errNoConn         = errors.New("reconnect: Config.Dial returned no connection and no error")
	errConnectTimeout = errors.New("it took longer than Config.ConnectTimeout")
)

// greet runs OnConnect.
func (c *Client) greet(ws *conn.Conn) error {
	ctx, cancel := context.WithTimeoutCause(c.ctx, c.cfg.ConnectTimeout, errConnectTimeout)
	defer cancel()
	resume := &Resume{
		Connection:     c.State().Connections + 1,
		Err:            c.lost,
		Unacknowledged: c.out.unacknowledged(),
		tracker:        &c.tracker,
	}
	// The end of ctx ends the connection too, for an OnConnect that reads or
	// writes without it.
	gone := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(gone)
		c.leave(ws)
	})
	err := c.cfg.OnConnect(ctx, ws, resume)
	if !stop() {
		<-gone
		err = withCause(err, context.Cause(ctx))
	}
	for _, gap := range resume.gaps { // also of an attempt that failed, because the tracker has moved
		c.tell(gap)
	}
	if err == nil {
		err = resume.err
	}
	return err
}

// withCause adds cause to err, unless it is there.
func withCause(err, cause error) error {
	switch {
	case err == nil:
		return cause
	case errors.Is(err, cause):
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// pause waits for the next attempt. Its error says that there will be none.
func (c *Client) pause(r *round, cause error) error {
	now := time.Now()
	floor := min(retryAfter(cause, now), c.cfg.MaxRetryAfter)
	delay := floor + c.cfg.Backoff.Delay(r.retries)
	r.retries++
	tooMany := c.cfg.MaxAttempts > 0 && r.attempts >= c.cfg.MaxAttempts
	tooLong := c.cfg.MaxElapsed > 0 && now.Add(delay).Sub(r.since) > c.cfg.MaxElapsed
	if tooMany || tooLong {
		return &GiveUpError{Attempts: r.attempts, Elapsed: now.Sub(r.since), Err: cause}
	}
	c.change(func(s *State) {
		s.Phase, s.Attempts, s.Err, s.Next = Waiting, r.attempts, cause, now.Add(delay)
	})
	if err := c.sleep(floor, nil); err != nil {
		return err
	}
	return c.sleep(delay-floor, c.wake)
}

// sleep waits for d, or less when there is a token in wake.
func (c *Client) sleep(d time.Duration, wake <-chan struct{}) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
	return nil
}

// finish closes the Client for good.
func (c *Client) finish(err error) {
	c.cancel(err)
	c.out.close(err)
	c.err = err
	c.in.finish(err)
	c.change(func(s *State) { s.Phase, s.Err = Closed, err })
	close(c.done)
}

// change sets the state, and logs and traces it.
func (c *Client) change(f func(*State)) {
	s := c.states.set(f)
	switch {
	case s.Phase == Open:
		c.log.Info("websocket open", "connections", s.Connections, "attempts", s.Attempts)
	case s.Phase == Waiting:
		c.log.Warn("websocket lost or refused", "attempts", s.Attempts, "retry_in", s.Next.Sub(s.Since), "err", s.Err)
	case s.Phase == Closed && errors.Is(s.Err, net.ErrClosed):
		c.log.Info("websocket closed")
	case s.Phase == Closed:
		c.log.Error("websocket given up", "err", s.Err)
	}
	if c.cfg.Trace.State != nil {
		c.cfg.Trace.State(s)
	}
}
