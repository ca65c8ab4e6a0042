package fuzz

import (
	"encoding/binary"
	"unicode/utf8"
)

// limits of the Conns under test, small so that inputs reach them.
const (
	maxMessage   = 1 << 12
	maxFragments = 8
)

// outcome is what a stream of bytes does to a Conn.
type outcome struct {
	messages []string // each "text:" or "binary:" and the payload
	sent     []string // "pong:" and the payload, "close:" and the payload's first two bytes
	end      int      // the code of the Close frame received, or sent because of a broken rule; 1006 when the stream just ends
}

// model reads a whole stream the slow and obvious way, straight from the text
// of RFC 6455, sections 5 to 7. It shares no code with the module.
type model struct {
	server bool
	rsv    byte // reserved bits that an agreed extension uses on the first frame of a message
	out    outcome
	open   bool
	text   bool
	buf    []byte
	frames int

	// permessage-deflate, when rsv has its bit
	takeover   bool
	compressed bool   // the message that is open, or was the last
	window     []byte // what the messages before were
	// doomed says that the stream ended, or broke a rule, within a compressed
	// message: then the model doesn't know what in it showed first.
	doomed bool
}

// rsv1 is the reserved bit of permessage-deflate.
const rsv1 = 4

// failed records that a rule is broken.
func (m *model) failed(code int) outcome {
	m.doomed = m.doomed || m.open && m.compressed
	m.out.sent = append(m.out.sent, "close:"+string([]byte{byte(code >> 8), byte(code)}))
	m.out.end = code
	return m.out
}

func (m *model) run(b []byte) outcome {
	defer func() { m.doomed = m.doomed || m.open && m.compressed }()
	for {
		size, head, code := m.header(b)
		if code != 0 {
			return m.failed(code)
		}
		if head == 0 {
			m.out.end = 1006
			return m.out
		}
		fin, op := b[0] >= 128, int(b[0]&15)
		payload := b[head:]
		whole := uint64(len(payload)) >= size
		if whole {
			payload = payload[:size]
		}
		payload = m.unmask(b[:head], payload)
		if op >= 8 {
			if !whole {
				m.out.end = 1006
				return m.out
			}
			if done := m.control(op, payload); done {
				return m.out
			}
		} else {
			if op != 0 {
				m.open, m.text, m.buf, m.frames = true, op == 1, nil, 0
				m.compressed = b[0]>>4&rsv1 != 0
			}
			if code := m.data(fin, whole, size, payload); code != 0 {
				return m.failed(code)
			}
		}
		if !whole {
			m.out.end = 1006
			return m.out
		}
		b = b[head+int(size):]
	}
}

// header judges the header that b begins with. head is 0 when b ends within it.
func (m *model) header(b []byte) (size uint64, head, code int) {
	if len(b) < 2 {
		return 0, 0, 0
	}
	masked := b[1] >= 128
	head = 2
	switch size = uint64(b[1] & 127); size {
	case 126:
		if head = 4; len(b) < head {
			return 0, 0, 0
		}
		if size = uint64(binary.BigEndian.Uint16(b[2:])); size < 126 {
			return 0, 0, 1002
		}
	case 127:
		if len(b) > 2 && b[2] >= 128 {
			return 0, 0, 1002
		}
		if len(b) >= 8 && string(b[2:8]) == "\x00\x00\x00\x00\x00\x00" {
			return 0, 0, 1002
		}
		if head = 10; len(b) < head {
			return 0, 0, 0
		}
		size = binary.BigEndian.Uint64(b[2:])
	}
	if masked {
		if head += 4; len(b) < head {
			return 0, 0, 0
		}
	}
	fin, rsv, op := b[0] >= 128, b[0]>>4&7, b[0]&15
	switch {
	case masked != m.server, op > 2 && op < 8, op > 10:
		return 0, 0, 1002
	case op != 1 && op != 2 && rsv != 0, rsv&^m.rsv != 0:
		return 0, 0, 1002
	case op >= 8 && (!fin || size > 125):
		return 0, 0, 1002
	case op == 0 && !m.open, (op == 1 || op == 2) && m.open:
		return 0, 0, 1002
	}
	return size, head, 0
}

func (m *model) unmask(head, payload []byte) []byte {
	clear := append([]byte(nil), payload...)
	if m.server {
		key := head[len(head)-4:]
		for i := range clear {
			clear[i] ^= key[i%4]
		}
	}
	return clear
}

func (m *model) control(op int, payload []byte) (done bool) {
	switch op {
	case 9:
		m.out.sent = append(m.out.sent, "pong:"+string(payload))
		return false
	case 10:
		return false
	}
	if len(payload) == 0 {
		m.out.end = 1005
		m.out.sent = append(m.out.sent, "close:")
		return true
	}
	code := 0
	if len(payload) > 1 {
		code = int(binary.BigEndian.Uint16(payload))
	}
	switch {
	case !sendable(code):
		m.failed(1002)
	case !utf8.Valid(payload[2:]):
		m.failed(1007)
	default:
		m.out.end = code
		m.out.sent = append(m.out.sent, "close:"+string(payload[:2]))
	}
	return true
}

// sendable says which codes a Close frame may carry.
func sendable(code int) bool {
	switch code {
	case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
		return true
	}
	return code >= 3000 && code < 5000
}

// data adds a data frame, or the beginning of one, to its message.
func (m *model) data(fin, whole bool, size uint64, payload []byte) (code int) {
	if m.frames++; m.frames > maxFragments {
		return 1008
	}
	if !m.compressed && size > uint64(maxMessage-len(m.buf)) {
		return 1009
	}
	m.buf = append(m.buf, payload...)
	ended := fin && whole
	if m.compressed {
		if !ended {
			return 0
		}
		if code := m.inflate(); code != 0 {
			return code
		}
	}
	if m.text && (hopeless(m.buf) || ended && !utf8.Valid(m.buf)) {
		return 1007
	}
	if ended {
		kind := "binary:"
		if m.text {
			kind = "text:"
		}
		m.out.messages = append(m.out.messages, kind+string(m.buf))
		m.open = false
	}
	return 0
}

// inflate puts what a compressed message means in its place.
func (m *model) inflate() (code int) {
	clear, ok := inflateStd(m.buf, m.window, maxMessage)
	switch {
	case len(clear) > maxMessage:
		return 1009
	case !ok:
		return 1007
	}
	if m.buf = clear; m.takeover {
		m.window = append(m.window, clear...)
	}
	return 0
}

// hopeless reports whether no bytes behind b make it valid UTF-8.
func hopeless(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return utf8.FullRune(b)
		}
		b = b[n:]
	}
	return false
}
