package conn_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
	"github.com/seed24abed78/rfc6455/handshake"
)

// f is a frame that the tester sends: its first byte and its payload.
type f struct {
	b0      byte
	payload string
}

const (
	fin  = 0x80
	text = byte(frame.Text)
	bin  = byte(frame.Binary)
	cont = byte(frame.Continuation)
	ping = byte(frame.Ping)
	pong = byte(frame.Pong)
	clos = byte(frame.Close)
)

// situation is what a tester does to an echo peer, and what it must answer.
// They are those of the Autobahn test suite, under its numbers, for a machine
// that doesn't have it.
type situation struct {
	name string
	send []f
	want []string
}

// bye is how a tester ends a case in which nothing is wrong.
var bye = f{fin | clos, "\x03\xe8"}

// good is a situation in which want comes back, and then the answer to bye.
func good(name string, send []f, want ...string) situation {
	return situation{name, append(send, bye), append(want, "close 1000")}
}

// bad is a situation that ends with a Close frame of the peer's own.
func bad(name string, code int, send []f, want ...string) situation {
	return situation{name, append(send, f{fin | text, "late"}, bye), append(want, fmt.Sprint("close ", code))}
}

func situations() (list []situation) {
	add := func(s ...situation) { list = append(list, s...) }
	for i, size := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
		p := strings.Repeat("*", size)
		add(good(fmt.Sprint("1.1.", i+1), []f{{fin | text, p}}, strings.TrimSpace("text "+p)),
			good(fmt.Sprint("1.2.", i+1), []f{{fin | bin, p}}, strings.TrimSpace("binary "+p)))
	}
	add(pings()...)
	add(reserved()...)
	add(fragments()...)
	add(utf8Cases()...)
	add(closing()...)
	add(large()...)
	add(many()...)
	add(good("10.1.1", cut(text, strings.Repeat("*", 65536), 1300), "text "+strings.Repeat("*", 65536)))
	return list
}

// large is families 9.1 to 9.6, the last two of which TestSituations makes of
// the first two by cutting what is sent.
func large() (list []situation) {
	for i, size := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
		if (raceEnabled || testing.Short()) && size > 1<<20 {
			break
		}
		p := strings.Repeat("a", size)
		list = append(list, good(fmt.Sprint("9.1.", i+1), []f{{fin | text, p}}, "text "+p),
			good(fmt.Sprint("9.2.", i+1), []f{{fin | bin, p}}, "binary "+p))
	}
	p := strings.Repeat("a", 1<<20)
	for i, piece := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20} {
		p := p
		if raceEnabled || testing.Short() {
			p = p[:64<<10]
		}
		list = append(list, good(fmt.Sprint("9.3.", i+1), cut(text, p, piece), "text "+p),
			good(fmt.Sprint("9.4.", i+1), cut(bin, p, piece), "binary "+p))
	}
	return list
}

// many is families 9.7 and 9.8: messages one after the other.
func many() (list []situation) {
	for i, size := range []int{0, 16, 64, 256, 1024, 4096} {
		for _, op := range []byte{text, bin} {
			p := strings.Repeat("*", size)
			send, want := make([]f, 1000), make([]string, 1000)
			for i := range send {
				send[i] = f{fin | op, p}
				want[i] = strings.TrimSpace(frame.Opcode(op).String() + " " + p)
			}
			list = append(list, good(fmt.Sprintf("9.%d.%d", 6+op, i+1), send, want...))
		}
	}
	return list
}

// cut makes fragments of a message.
func cut(op byte, p string, size int) (list []f) {
	for len(p) > size {
		list = append(list, f{op, p[:size]})
		p, op = p[size:], cont
	}
	return append(list, f{fin | op, p})
}

func pings() (list []situation) {
	for i, p := range []string{"", "Hello", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", strings.Repeat("\xfe", 125)} {
		list = append(list, good(fmt.Sprint("2.", i+1), []f{{fin | ping, p}}, strings.TrimSpace("pong "+p)))
	}
	var ten []f
	var answers []string
	for i := range 10 {
		ten = append(ten, f{fin | ping, fmt.Sprint("payload-", i)})
		answers = append(answers, fmt.Sprint("pong payload-", i))
	}
	return append(list,
		bad("2.5", 1002, []f{{fin | ping, strings.Repeat("\xfe", 126)}}),
		good("2.7", []f{{fin | pong, ""}}),
		good("2.8", []f{{fin | pong, "unsolicited"}}),
		good("2.9", []f{{fin | pong, "unsolicited"}, {fin | ping, "p"}}, "pong p"),
		good("2.10", ten, answers...),
	)
}

// reserved is families 3 and 4, and what the suite leaves out: reserved bits on
// every kind of frame.
func reserved() (list []situation) {
	for rsv := byte(1); rsv < 8; rsv++ {
		for _, op := range []byte{text, bin, ping, pong, clos} {
			list = append(list, bad(fmt.Sprintf("3.%d on opcode %d", rsv, op), 1002,
				[]f{{fin | text, "ok"}, {fin | rsv<<4 | op, ""}}, "text ok"))
		}
		list = append(list, bad(fmt.Sprintf("3.%d on a continuation", rsv), 1002, []f{{text, "a"}, {fin | rsv<<4 | cont, "b"}}))
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, p := range []string{"", "payload"} {
			list = append(list, bad(fmt.Sprintf("4 opcode %d %s", op, p), 1002, []f{{fin | op, p}}))
		}
	}
	return list
}

func fragments() []situation {
	return []situation{
		bad("5.1", 1002, []f{{ping, "frag"}, {fin | cont, "ment"}}),
		bad("5.2", 1002, []f{{pong, "frag"}, {fin | cont, "ment"}}),
		good("5.3", []f{{text, "frag"}, {fin | cont, "ment"}}, "text fragment"),
		good("5.6", []f{{text, "frag"}, {fin | ping, "p"}, {fin | cont, "ment"}}, "pong p", "text fragment"),
		bad("5.9", 1002, []f{{fin | cont, "non"}, {fin | text, "Hello"}}),
		bad("5.12", 1002, []f{{cont, "non"}, {fin | text, "Hello"}}),
		good("5.15, all of it", []f{{text, "f1"}, {fin | cont, "f2"}, {text, "g1"}, {fin | cont, "g2"}}, "text f1f2", "text g1g2"),
		bad("5.15", 1002, []f{{text, "f1"}, {fin | cont, "f2"}, {cont, "f3"}, {fin | text, "f4"}}, "text f1f2"),
		bad("5.16", 1002, []f{{cont, "f1"}, {text, "f2"}, {fin | cont, "f3"}}),
		bad("5.17", 1002, []f{{fin | cont, "f1"}, {text, "f2"}, {fin | cont, "f3"}}),
		bad("5.18", 1002, []f{{text, "f1"}, {fin | text, "f2"}}),
		good("5.19", []f{{text, "f1"}, {cont, "f2"}, {fin | ping, "p1"}, {cont, "f3"}, {cont, "f4"}, {fin | ping, "p2"}, {fin | cont, "f5"}},
			"pong p1", "pong p2", "text f1f2f3f4f5"),
	}
}

// validTexts and invalidTexts are the texts of families 6.2 to 6.23: the ends of
// every length of sequence, non-characters, lone and missing continuation
// bytes, impossible bytes, overlong forms and surrogates.
func validTexts() []string {
	list := []string{"Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\U00010000", "\U0010ffff", ""}
	for plane := range rune(17) {
		list = append(list, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return list
}

func invalidTexts() []string {
	list := []string{
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
		"\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfb\xbf\xbf\xbf\xbf", "\xfc\x84\x80\x80\x80\x80", "\xfd\xbf\xbf\xbf\xbf\xbf",
		"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80\xbf\x80\xbf", "\xfe", "\xff", "\xfe\xfe\xff\xff",
		"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80",
		"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf",
		"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80",
		"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
		"\xed\xa0\x80\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf",
	}
	for lead := 0xc0; lead < 0x100; lead++ { // followed by a space
		list = append(list, string([]byte{byte(lead), ' '}))
	}
	return list
}

func utf8Cases() (list []situation) {
	list = append(list, good("6.1.2", []f{{text, ""}, {cont, ""}, {fin | cont, ""}}, "text"),
		good("6.1.3", []f{{text, ""}, {cont, "middle"}, {fin | cont, ""}}, "text middle"))
	for i, s := range validTexts() {
		want := strings.TrimSuffix("text "+s, " ")
		list = append(list, good(fmt.Sprint("6.2 whole ", i), []f{{fin | text, s}}, want),
			good(fmt.Sprint("6.2 bytes ", i), cut(text, s, 1), want))
	}
	for i, s := range invalidTexts() {
		list = append(list, bad(fmt.Sprint("6.3 whole ", i), 1007, []f{{fin | text, s}}),
			bad(fmt.Sprint("6.3 bytes ", i), 1007, cut(text, s, 1)))
	}
	// It fails at the byte that can't be right, before the message ends.
	return append(list, situation{"6.4.1", []f{{text, "κόσμε"}, {cont, "\xf4\x90\x80\x80"}}, []string{"close 1007"}},
		situation{"6.4.2", []f{{text, "κόσμε\xf4"}, {cont, "\x90"}}, []string{"close 1007"}})
}

func closing() (list []situation) {
	long := strings.Repeat("*", 123)
	list = []situation{
		good("7.1.1", []f{{fin | text, "Hello"}}, "text Hello"),
		{"7.1.2 two Close frames", []f{bye, bye}, []string{"close 1000"}},
		{"7.1.3 ping after Close", []f{bye, {fin | ping, "p"}}, []string{"close 1000"}},
		{"7.1.4 text after Close", []f{bye, {fin | text, "late"}}, []string{"close 1000"}},
		{"7.1.5 Close in a message", []f{{text, "frag"}, bye, {fin | cont, "ment"}}, []string{"close 1000"}},
		{"7.3.1", []f{{fin | clos, ""}}, []string{"close"}},
		{"7.3.2", []f{{fin | clos, "a"}}, []string{"close 1002"}},
		{"7.3.4", []f{{fin | clos, "\x03\xe8Hello"}}, []string{"close 1000"}},
		{"7.3.5", []f{{fin | clos, "\x03\xe8" + long}}, []string{"close 1000"}},
		{"7.3.6", []f{{fin | clos, "\x03\xe8" + long + "*"}}, []string{"close 1002"}},
		{"7.5.1", []f{{fin | clos, "\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80"}}, []string{"close 1007"}},
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		list = append(list, situation{fmt.Sprint("7.7 ", code), []f{{fin | clos, closePayload(code)}}, []string{fmt.Sprint("close ", code)}})
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		list = append(list, situation{fmt.Sprint("7.9 ", code), []f{{fin | clos, closePayload(code)}}, []string{"close 1002"}})
	}
	return list
}

func closePayload(code int) string { return string([]byte{byte(code >> 8), byte(code)}) }

// script is a transport whose peer sends wire, in pieces of at most size bytes
// each, and takes everything.
type script struct {
	source
	wire []byte
	size int
	out  []byte
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.wire) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(p, s.wire[:min(len(s.wire), s.size)])
	s.wire = s.wire[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.out = append(s.out, p...)
	return len(p), nil
}

// Every situation, in both roles, all at once, in octets, and in pieces that
// end anywhere: an echo peer answers the same.
func TestSituations(t *testing.T) {
	for _, role := range roles {
		for _, s := range situations() {
			t.Run(fmt.Sprint(role, " ", s.name), func(t *testing.T) {
				var wire []byte
				for _, f := range s.send {
					h := frame.Header{FIN: f.b0&fin != 0, RSV: frame.RSV(f.b0 >> 4 & 7), Opcode: frame.Opcode(f.b0 & 15)}
					wire = append(wire, to(role, h, f.payload)...)
				}
				sizes := []int{1 << 30, 997, 1}
				if len(wire) > 1000 {
					sizes = sizes[:2]
				}
				if len(wire) > 128<<10 {
					sizes = []int{1 << 30, 10_007}
				}
				for _, size := range sizes {
					tr := &script{wire: wire, size: size}
					ws := conn.New(tr, role, handshake.Result{}, &conn.Config{MaxMessageSize: -1, FrameSize: -1})
					for msg, err := range ws.Messages(context.Background()) {
						if err == nil {
							err = ws.WriteMessage(context.Background(), msg.Type, msg.Data)
						}
						if err != nil {
							break
						}
					}
					<-ws.Done()
					require.Equal(t, s.want, withoutReasons(frames(t, role, tr.out)), "pieces of %d", size)
				}
			})
		}
	}
}

// withoutReasons cuts the reason off Close frames, whose words are free.
func withoutReasons(list []string) []string {
	for i, s := range list {
		if words := strings.SplitN(s, " ", 3); words[0] == "close" && len(words) == 3 {
			list[i] = words[0] + " " + words[1]
		}
	}
	return list
}

// All close codes there can be, received in both roles: the same answer, or
// 1002.
func TestEveryCloseCode(t *testing.T) {
	for code := range 1 << 16 {
		if raceEnabled && code%16 != 0 {
			continue // slow, and nothing runs beside it
		}
		want := "close 1002"
		if 1000 <= code && code <= 1003 || 1007 <= code && code <= 1014 || 3000 <= code && code <= 4999 {
			want = fmt.Sprint("close ", code)
		}
		for _, role := range roles {
			tr := &script{wire: closeTo(role, closePayload(code)), size: 1 << 30}
			ws := conn.New(tr, role, handshake.Result{}, nil)
			_, _, err := ws.ReadMessage(context.Background())
			if err == nil {
				t.Fatalf("%v, code %d: no error", role, code)
			}
			if got := withoutReasons(frames(t, role, tr.out)); len(got) != 1 || got[0] != want {
				t.Fatalf("%v, code %d: answered %q", role, code, got)
			}
		}
	}
}
