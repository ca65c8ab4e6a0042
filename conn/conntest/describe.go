package conntest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/frame"
)

// maxShown is how many bytes of a payload are printed.
const maxShown = 32

// String prints the frame on one line: when, who sent it, what it is, and what
// it carries.
//
//	30s  client → server  ping, masked, 8 bytes: 00 00 00 00 00 00 00 01
func (f *Frame) String() string {
	return fmt.Sprintf("%7s  %s  %s", f.At.Round(time.Microsecond), f.way(), f.What())
}

func (f *Frame) way() string {
	if f.From == conn.Client {
		return "client → server"
	}
	return "server → client"
}

// What says what the frame is, without when and from whom.
func (f *Frame) What() string {
	switch {
	case f.Handshake:
		line, _, _ := strings.Cut(string(f.Wire), "\r\n")
		return "opening handshake: " + line
	case f.Err != nil:
		return fmt.Sprintf("not a frame (%v): % x", f.Err, f.Wire[:min(len(f.Wire), maxShown)])
	}
	var b strings.Builder
	b.WriteString(f.Header.Opcode.String())
	if !f.Header.FIN {
		b.WriteString(", more to come")
	}
	if f.Header.RSV != 0 {
		fmt.Fprintf(&b, ", RSV %03b", f.Header.RSV)
	}
	if f.Header.Masked {
		b.WriteString(", masked")
	}
	fmt.Fprintf(&b, ", %s", count(f.Header.Length))
	if f.Header.Length > 0 {
		b.WriteString(": ")
		b.WriteString(f.meaning())
	}
	return b.String()
}

// meaning prints the payload as what it is: a close code and reason, text, or
// bytes.
func (f *Frame) meaning() string {
	if f.Header.Opcode == frame.Close {
		code, reason, err := frame.ParseClose(f.Payload)
		if err != nil {
			return err.Error()
		}
		if reason == "" {
			return code.String()
		}
		return fmt.Sprintf("%v %q", code, reason)
	}
	p := f.Payload[:min(len(f.Payload), maxShown)]
	rest := ""
	if len(f.Payload) > maxShown {
		rest = " …"
	}
	// A frame may begin or end inside a code point; then bytes are honest.
	if f.Header.RSV == 0 && f.Header.Opcode != frame.Binary && printable(p) {
		return strconv.Quote(string(p)) + rest
	}
	return fmt.Sprintf("% x", p) + rest
}

func printable(p []byte) bool {
	for _, r := range string(p) {
		if r == utf8.RuneError || !strconv.IsPrint(r) && r != '\n' && r != '\t' {
			return false
		}
	}
	return len(p) > 0
}

func count(n int64) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// Explain prints the bytes of the frame field by field, each with its meaning
// and the section of RFC 6455 that defines it, in lines of at most 80 columns.
func (f *Frame) Explain() string {
	var b strings.Builder
	line := func(wire []byte, what, section string) {
		hex := fmt.Sprintf("% x", wire[:min(len(wire), 8)])
		if len(wire) > 8 {
			hex = fmt.Sprintf("% x ..", wire[:7])
		}
		fmt.Fprintf(&b, "%-23s  %-44s  %s\n", hex, what, section)
	}
	switch {
	case f.Handshake:
		return "opening handshake, section 4:\n" + strings.ReplaceAll(string(f.Wire), "\r\n", "\n")
	case f.Err != nil:
		line(f.Wire, "not a frame", "5.2")
		return b.String()
	}
	h, w := f.Header, f.Wire
	fin := "0 (not last)"
	if h.FIN {
		fin = "1"
	}
	line(w[:1], fmt.Sprintf("FIN %s, RSV %03b, opcode %X: %s", fin, h.RSV, byte(h.Opcode), h.Opcode), opcodeSection(h.Opcode))
	line(w[1:2], fmt.Sprintf("MASK %d, length code %d", w[1]>>7, w[1]&0x7f), "5.2")
	pos := 2
	switch w[1] & 0x7f {
	case 126:
		pos = 4
	case 127:
		pos = 10
	}
	if pos > 2 {
		line(w[2:pos], fmt.Sprintf("extended length %d", h.Length), "5.2")
	}
	if h.Masked {
		line(w[pos:pos+4], "masking key", "5.3")
		pos += 4
	}
	if pos == len(w) {
		return b.String()
	}
	what := "payload"
	if h.Masked {
		line(w[pos:], "payload, masked", "5.3")
		what = "unmasked"
	}
	f.explainPayload(line, what)
	return b.String()
}

func (f *Frame) explainPayload(line func([]byte, string, string), what string) {
	p := f.Payload
	if f.Header.Opcode != frame.Close || len(p) < 2 {
		what += ": " + f.short()
		line(p, what, payloadSection(f.Header.Opcode))
		return
	}
	code, reason, err := frame.ParseClose(p)
	if err != nil {
		line(p, what+": "+err.Error(), "7.4")
		return
	}
	line(p[:2], fmt.Sprintf("%s: close code %v", what, code), "7.4.1")
	if reason != "" {
		line(p[2:], "reason "+strconv.Quote(clip(reason, 30)), "7.1.6")
	}
}

// short is the payload in what a line of Explain has room for.
func (f *Frame) short() string {
	p := f.Payload[:min(len(f.Payload), 24)]
	if f.Header.RSV == 0 && f.Header.Opcode != frame.Binary && printable(p) {
		return strconv.Quote(clip(string(p), 24))
	}
	return count(f.Header.Length)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func opcodeSection(o frame.Opcode) string {
	switch o {
	case frame.Continuation:
		return "5.4"
	case frame.Text, frame.Binary:
		return "5.6"
	case frame.Close:
		return "5.5.1"
	case frame.Ping:
		return "5.5.2"
	case frame.Pong:
		return "5.5.3"
	}
	return "5.2"
}

func payloadSection(o frame.Opcode) string {
	if o.IsControl() {
		return "5.5"
	}
	return "5.6"
}
