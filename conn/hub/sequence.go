package hub

import (
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/seed24abed78/rfc6455/conn"
)

// ErrSequence is the error of ParseSequence for a message without a number.
var ErrSequence = errors.New("hub: the message doesn't begin with a sequence number, as Numbered writes it")

// Numbered is a Config.Encode that puts the sequence number before the data, as
// AppendSequence writes it.
func Numbered(dst []byte, seq uint64, typ conn.MessageType, data []byte) []byte {
	return append(AppendSequence(dst, typ, seq), data...)
}

// AppendSequence appends the form of seq that stands before the data: in a Text
// message its decimal digits and one space ("42 hello"), in a Binary message 8
// bytes, big-endian.
func AppendSequence(dst []byte, typ conn.MessageType, seq uint64) []byte {
	if typ == conn.Text {
		return append(strconv.AppendUint(dst, seq, 10), ' ')
	}
	return binary.BigEndian.AppendUint64(dst, seq)
}

const maxDigits = 20 // of an uint64

// ParseSequence takes a message of AppendSequence's form apart. data is the
// rest of p, not a copy.
func ParseSequence(typ conn.MessageType, p []byte) (seq uint64, data []byte, err error) {
	if typ != conn.Text {
		if len(p) < 8 {
			return 0, nil, ErrSequence
		}
		return binary.BigEndian.Uint64(p), p[8:], nil
	}
	for i, b := range p[:min(len(p), maxDigits+1)] {
		switch {
		case b == ' ' && i > 0:
			seq, err := strconv.ParseUint(string(p[:i]), 10, 64)
			if err != nil { // more than 64 bits
				return 0, nil, ErrSequence
			}
			return seq, p[i+1:], nil
		case b < '0' || b > '9', i == 1 && p[0] == '0': // one form a number
			return 0, nil, ErrSequence
		}
	}
	return 0, nil, ErrSequence
}
