package conntest

import (
	"fmt"
	"strings"
)

// wordBits is the width of the figure in RFC 6455, section 5.2.
const wordBits = 32

// Draw draws the frame as RFC 6455, section 5.2, does, in words of 32 bits of
// which each is there: the whole header, and the beginning of the payload as it
// was on the wire. It returns "" for an opening handshake and for what is not a
// frame.
func (f *Frame) Draw() string {
	if f.Handshake || f.Err != nil || len(f.Wire) < 2 {
		return ""
	}
	fields := f.fields()
	shown := 0
	for _, field := range fields {
		shown += field.bits
	}
	rows := split(fields)
	var b strings.Builder
	b.WriteString(" 0                   1                   2                   3\n")
	b.WriteString(" 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1\n")
	var above []field
	pos := 0
	for _, row := range rows {
		b.WriteString(border(above, row))
		var names, bits strings.Builder
		for _, field := range row {
			width := 2*field.bits - 1
			names.WriteString("|" + centre(field.name, width))
			bits.WriteByte('|')
			for i := range field.bits {
				if i > 0 {
					bits.WriteByte(' ')
				}
				bits.WriteByte('0' + f.Wire[pos/8]>>(7-pos%8)&1)
				pos++
			}
		}
		fmt.Fprintf(&b, "%s|\n%s|\n", &names, &bits)
		above = row
	}
	b.WriteString(border(above, nil))
	if rest := len(f.Wire) - shown/8; rest > 0 {
		fmt.Fprintf(&b, "and %s more\n", count(int64(rest)))
	}
	return b.String()
}

// field is a field of the figure, or the part of one that is in a row.
type field struct {
	name string // the RFC's
	bits int
}

// fields are those of the header, and as much payload as fills the last row of
// the header and one more.
func (f *Frame) fields() []field {
	all := []field{{"F", 1}, {"R", 1}, {"R", 1}, {"R", 1}, {"opcode", 4}, {"M", 1}, {"Payload len", 7}}
	header := 2
	switch f.Wire[1] & 0x7f {
	case 126:
		all = append(all, field{"Extended payload length", 16})
		header += 2
	case 127:
		all = append(all, field{"Extended payload length", 64})
		header += 8
	}
	if f.Header.Masked {
		all = append(all, field{"Masking-key", 32})
		header += 4
	}
	const word = wordBits / 8
	end := min(len(f.Wire), (header+word-1)/word*word+word)
	if end > header {
		all = append(all, field{"Payload Data", 8 * (end - header)})
	}
	return all
}

// split puts fields into rows of wordBits.
func split(fields []field) (rows [][]field) {
	var row []field
	left := wordBits
	for _, f := range fields {
		name := f.name
		for f.bits > 0 {
			n := min(f.bits, left)
			row = append(row, field{name, n})
			f.bits -= n
			name = f.name + " continued"
			if left -= n; left == 0 {
				rows, row, left = append(rows, row), nil, wordBits
			}
		}
	}
	if row != nil {
		rows = append(rows, row)
	}
	return rows
}

// border is the line between two rows, with a corner wherever a field of
// either begins or ends.
func border(above, below []field) string {
	line := []byte(strings.Repeat(" ", 2*wordBits+1))
	for _, row := range [][]field{above, below} {
		pos := 0
		for _, f := range row {
			for i := 2*pos + 1; i < 2*(pos+f.bits); i++ {
				if line[i] == ' ' {
					line[i] = '-'
				}
			}
			line[2*pos] = '+'
			pos += f.bits
			line[2*pos] = '+'
		}
	}
	return strings.TrimRight(string(line), " ") + "\n"
}

// centre puts name into the middle of so many columns, cut off if it must.
func centre(name string, width int) string {
	name = name[:min(len(name), width)]
	left := (width - len(name)) / 2
	return strings.Repeat(" ", left) + name + strings.Repeat(" ", width-len(name)-left)
}
