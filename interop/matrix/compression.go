package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/deflate"
)

// parameters are those of permessage-deflate (RFC 7692, section 7.1), as one
// side wants them. An agent gets them as JSON. Zero bits mean 15.
type parameters struct {
	ServerNoContextTakeover bool `json:"serverNoContextTakeover,omitzero"`
	ClientNoContextTakeover bool `json:"clientNoContextTakeover,omitzero"`
	ServerMaxWindowBits     int  `json:"serverMaxWindowBits,omitzero"`
	ClientMaxWindowBits     int  `json:"clientMaxWindowBits,omitzero"`
}

func (p parameters) options() *deflate.Options {
	return &deflate.Options{
		Threshold:               -1,
		ServerNoContextTakeover: p.ServerNoContextTakeover,
		ClientNoContextTakeover: p.ClientNoContextTakeover,
		ServerMaxWindowBits:     p.ServerMaxWindowBits,
		ClientMaxWindowBits:     p.ClientMaxWindowBits,
	}
}

// allParameters are those of a peer that can ask for everything, with windows
// from so many bits on.
func allParameters(smallest int) []parameters {
	all := slices.Clone(takeovers)
	for bits := smallest; bits <= deflate.MaxWindowBits; bits++ {
		all = append(all,
			parameters{ServerMaxWindowBits: bits},
			parameters{ClientMaxWindowBits: bits, ServerNoContextTakeover: true})
	}
	return all
}

// A habit is what a peer does in its own way when it compresses.
type habit int

const (
	asAgreed  habit = iota // it uses all that is agreed
	noContext              // it always agrees on no context takeover, for both sides
	never                  // it inflates, but doesn't compress
)

// song compresses well.
var song = []byte(strings.Repeat("Ein Männlein steht im Walde, ganz still und stumm. ", 1200))

// checkDeflateOut exchanges messages that compress well, one that doesn't, and
// a ping, and sees that what we sent was compressed.
func checkDeflateOut(ctx context.Context, p *peer) error {
	messages := [][]byte{song[:51], song, song, bytes.Repeat(song, 50)}
	if _, lacks := p.lacks["empty"]; !lacks {
		messages = append(messages, nil, song)
	}
	cfg := &conn.Config{Compression: parameters{}.options(), MaxMessageSize: 4 << 20}
	return with(cfg, func(ctx context.Context, ws *conn.Conn) error {
		for _, message := range messages {
			if err := echo(ctx, ws, conn.Text, message); err != nil {
				return fmt.Errorf("%d bytes: %w", len(message), err)
			}
		}
		if err := echo(ctx, ws, conn.Binary, noise(0, 100_000)); err != nil {
			return err
		}
		if err := checkPingOut(ctx, ws); err != nil {
			return err
		}
		if s := ws.Stats(); s.DeflatedFrom < 3<<20 || s.BytesSent > 1<<20 {
			return fmt.Errorf("we did not compress: %+v", s)
		}
		return nil
	})(ctx, p)
}

// checkDeflateIn sees that the peer compresses as well.
func checkDeflateIn(ctx context.Context, p *peer) error {
	return with(&conn.Config{Compression: &deflate.Options{}}, func(ctx context.Context, ws *conn.Conn) error {
		for range 3 {
			if err := echo(ctx, ws, conn.Text, song); err != nil {
				return err
			}
		}
		if s := ws.Stats(); s.InflatedTo != int64(3*len(song)) || s.BytesReceived > 10_000 {
			return fmt.Errorf("the peer did not compress: %+v", s)
		}
		return nil
	})(ctx, p)
}

// checkTakeover asks for context takeover, and for none, in either direction.
func checkTakeover(ctx context.Context, p *peer) error {
	for _, asked := range takeovers {
		if err := checkParameters(ctx, p, asked, asked); err != nil {
			return err
		}
	}
	return nil
}

var takeovers = []parameters{
	{},
	{ServerNoContextTakeover: true},
	{ClientNoContextTakeover: true},
	{ServerNoContextTakeover: true, ClientNoContextTakeover: true},
}

// checkServerWindow asks for every size of the server's window. 8 is asked of a
// peer as 9, as deflate.Options says, and kept as 8 by us.
func checkServerWindow(ctx context.Context, p *peer) error {
	return checkWindows(ctx, p, func(bits int) parameters { return parameters{ServerMaxWindowBits: bits} })
}

func checkClientWindow(ctx context.Context, p *peer) error {
	return checkWindows(ctx, p, func(bits int) parameters { return parameters{ClientMaxWindowBits: bits} })
}

func checkWindows(ctx context.Context, p *peer, asked func(bits int) parameters) error {
	for bits := deflate.MinWindowBits; bits <= deflate.MaxWindowBits; bits++ {
		if err := checkParameters(ctx, p, asked(bits), asked(max(bits, 9))); err != nil {
			return err
		}
	}
	return nil
}

// checkTheirs lets the peer ask for whatever it can ask for.
func checkTheirs(ctx context.Context, p *peer) error {
	for _, asked := range p.asks {
		if err := adopt(ctx, p, asked); err != nil {
			return err
		}
		if err := checkParameters(ctx, p, parameters{}, asked); err != nil {
			return fmt.Errorf("asked by the peer: %w", err)
		}
	}
	return adopt(ctx, p, parameters{})
}

// adopt tells the peer's agent what to ask for from the next connection on.
func adopt(ctx context.Context, p *peer, asked parameters) error {
	command, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	return with(nil, func(ctx context.Context, ws *conn.Conn) error {
		if err := ws.WriteMessage(ctx, conn.Text, append([]byte("!compress "), command...)); err != nil {
			return err
		}
		return expect(ctx, ws, conn.Text, []byte("from the next connection on"))
	})(ctx, p)
}

// checkParameters asks for parameters, and sees by the size of what goes either
// way that those agreed are in effect.
func checkParameters(ctx context.Context, p *peer, ours, agreed parameters) error {
	err := with(&conn.Config{Compression: ours.options()}, func(ctx context.Context, ws *conn.Conn) error {
		server := reach{!agreed.ServerNoContextTakeover, orMax(agreed.ServerMaxWindowBits)}
		client := reach{!agreed.ClientNoContextTakeover, orMax(agreed.ClientMaxWindowBits)}
		if p.habit == noContext {
			server.takeover, client.takeover = false, false
		}
		if ws.Role() == conn.Client {
			return measure(ctx, ws, p, client, server)
		}
		return measure(ctx, ws, p, server, client)
	})(ctx, p)
	if err != nil {
		return fmt.Errorf("%+v: %w", agreed, err)
	}
	return nil
}

func orMax(bits int) int {
	if bits == 0 {
		return deflate.MaxWindowBits
	}
	return bits
}

// A reach is how far the messages of one direction refer back: beyond their
// own beginning or not, and how many bytes.
type reach struct {
	takeover bool
	bits     int
}

// measure sees that what we send and receive reaches as far as agreed and no
// further. Both ends inflate with a window of the size agreed and fail when a
// reference leaves it; that they don't is the other half of this check.
func measure(ctx context.Context, ws *conn.Conn, p *peer, sent, received reach) error {
	// A message that is the same as the one before it, as long as the smallest
	// window of zlib bears.
	again := noise(1, 220)
	if err := echo(ctx, ws, conn.Binary, again); err != nil {
		return err
	}
	out, in, err := weigh(ctx, ws, again)
	if err != nil {
		return err
	}
	if small := out < len(again)/2; small != sent.takeover {
		return fmt.Errorf("we repeated %d bytes in %d; context takeover is %v", len(again), out, sent.takeover)
	}
	if small := in < len(again)/2; small != received.takeover && p.habit != never {
		return fmt.Errorf("the peer repeated %d bytes in %d; context takeover is %v", len(again), in, received.takeover)
	}
	for _, distance := range []int{384, 512, 768, 1 << 10, 3 << 9, 2 << 10, 3 << 10, 4 << 10, 6 << 10, 8 << 10, 12 << 10, 16 << 10, 24 << 10} {
		out, in, err := weigh(ctx, ws, repetition(uint64(distance), distance))
		if err != nil {
			return fmt.Errorf("a repetition after %d bytes: %w", distance, err)
		}
		if reached, ok := sent.reaches(distance, out); !ok {
			return fmt.Errorf("a repetition after %d bytes is seen by us: %v, with a window of %d bits", distance, reached, sent.bits)
		}
		if reached, ok := received.reaches(distance, in); !ok && p.habit != never {
			return fmt.Errorf("a repetition after %d bytes is seen by the peer: %v, with a window of %d bits", distance, reached, received.bits)
		}
	}
	return nil
}

// repetition returns noise that comes again after so many bytes, and silence
// in between.
func repetition(seed uint64, distance int) []byte {
	once := noise(seed, min(distance/2, 2048))
	p := make([]byte, distance, distance+len(once))
	copy(p, once)
	return append(p, once...)
}

// reaches tells from the size of a repetition whether the second half of its
// noise refers to the first, and whether that is right. A compressor may use
// less than the window, as zlib does, and leave alone what is small: half of
// the window is expected from distances of 512 bytes on.
func (r reach) reaches(distance, size int) (reached, ok bool) {
	reached = size < min(distance/2, 2048)*3/2
	switch window := 1 << r.bits; {
	case distance > window:
		return reached, !reached
	case distance <= window/2 && distance >= 512:
		return reached, reached
	}
	return reached, true
}

// weigh sends a message and gets it back, and returns the bytes that each way
// took.
func weigh(ctx context.Context, ws *conn.Conn, message []byte) (out, in int, err error) {
	before := ws.Stats()
	if err := echo(ctx, ws, conn.Binary, message); err != nil {
		return 0, 0, err
	}
	after := ws.Stats()
	return int(after.BytesSent - before.BytesSent), int(after.BytesReceived - before.BytesReceived), nil
}

// noise returns n bytes that don't compress, the same for the same seed.
func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(p)
	return p
}
