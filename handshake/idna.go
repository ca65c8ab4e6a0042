package handshake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Limits of names in the DNS, in bytes (RFC 1035, section 2.3.4).
const (
	maxLabel = 63
	maxName  = 253 // without the root's dot
)

var (
	errLabelLength = errors.New("a label is empty or longer than 63 bytes")
	errNameLength  = errors.New("the name is longer than 253 bytes")
	errLabelHyphen = errors.New("a label has a hyphen at its ends or as its third and fourth character")
)

// scripts are those whose letters stand alone: nobody spells them with
// combining marks where a single character exists, once composed is left.
var scripts = []*unicode.RangeTable{
	unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian,
	unicode.Hebrew, unicode.Arabic, unicode.Ethiopic,
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
}

// unstable are letters of these scripts that IDNA maps to something else than
// their lower case, or that normalisation may change. The ranges are wider
// than need be, for the sake of a short table. Sorted.
var unstable = [][2]rune{
	{0x00aa, 0x00aa}, {0x00ba, 0x00ba}, {0x0130, 0x0130}, {0x0132, 0x0133}, {0x013f, 0x0140},
	{0x0149, 0x0149}, {0x017f, 0x017f}, {0x01c4, 0x01cc}, {0x01f1, 0x01f3}, {0x02b0, 0x02ff},
	{0x037a, 0x037a}, {0x03d0, 0x03d6}, {0x03f0, 0x03f9}, {0x04c0, 0x04c0}, {0x0587, 0x0587},
	{0x0675, 0x0678}, {0x10a0, 0x10c5}, {0x10fc, 0x10fc},
	{0x1100, 0x11ff}, // Hangul jamo, which compose
	{0x1c80, 0x1c8f}, {0x1d00, 0x1dbf}, {0x1e9a, 0x1e9e}, {0x1f00, 0x1fff}, {0x2000, 0x2e7f},
	{0x309f, 0x309f}, {0x30ff, 0x30ff}, {0x3130, 0x318f}, {0xa000, 0xabff}, {0xd7b0, 0x1ffff},
	{0x2f800, 0x2fa1f},
}

// toASCII converts a host name label by label to the form that the DNS and the
// Host field take (RFC 5891, section 4.4). It is a part of IDNA2008: letters
// are put into lower case, and what would need Unicode's normalisation is
// refused, because a name sent as it was typed could be another one.
func toASCII(host string) (string, error) {
	labels := strings.Split(host, ".")
	for i, label := range labels {
		if label == "" && i == len(labels)-1 && i > 0 { // the root
			continue
		}
		var err error
		if labels[i], err = labelToASCII(label); err != nil {
			return "", err
		}
	}
	host = strings.Join(labels, ".")
	if len(strings.TrimSuffix(host, ".")) > maxName {
		return "", errNameLength
	}
	return host, nil
}

func labelToASCII(label string) (string, error) {
	runes := []rune(label)
	ascii := true
	for i, r := range runes {
		if r < 0x80 {
			runes[i] = rune(lower(byte(r)))
			continue
		}
		ascii = false
		if runes[i] = unicode.ToLower(r); !stable(r) {
			return "", fmt.Errorf("character %U may have several spellings", r)
		}
	}
	if !ascii {
		if err := checkLabel(runes); err != nil {
			return "", err
		}
		label = string(appendPunycode([]byte("xn--"), runes))
	}
	if label == "" || len(label) > maxLabel {
		return "", errLabelLength
	}
	return label, nil
}

// stable reports whether r is a letter that IDNA keeps, but for its case.
func stable(r rune) bool {
	const prolonged = 'ー' // belongs to no script, and to most words in katakana
	if r != prolonged && !(unicode.IsLetter(r) && unicode.In(r, scripts...)) {
		return false
	}
	i, _ := slices.BinarySearchFunc(unstable, r, func(e [2]rune, r rune) int { return int(e[1] - r) })
	return i == len(unstable) || r < unstable[i][0]
}

// checkLabel judges the ASCII among a label (RFC 5891, section 4.2.3.1).
func checkLabel(label []rune) error {
	for _, r := range label {
		if r < 0x80 && r != '-' && !isDigit(byte(r)) && (r < 'a' || r > 'z') {
			return fmt.Errorf("character %q stands beside letters that are not ASCII", r)
		}
	}
	n := len(label)
	if label[0] == '-' || label[n-1] == '-' || n > 3 && label[2] == '-' && label[3] == '-' {
		return errLabelHyphen
	}
	return nil
}

// Parameters of Punycode (RFC 3492, section 5).
const (
	punyBase        = 36
	punyTMin        = 1
	punyTMax        = 26
	punySkew        = 38
	punyDamp        = 700
	punyInitialBias = 72
	punyInitialN    = 0x80
)

// appendPunycode appends the encoding of s (RFC 3492, section 6.3), which the
// caller bounds: a label that fits encodes to 59 bytes, and nothing overflows
// for less than 4 Ki runes.
func appendPunycode(dst []byte, s []rune) []byte {
	basic := 0
	for _, r := range s {
		if r < punyInitialN {
			dst = append(dst, byte(r))
			basic++
		}
	}
	if basic > 0 {
		dst = append(dst, '-')
	}
	n, delta, bias := rune(punyInitialN), 0, punyInitialBias
	for done := basic; done < len(s); {
		next := rune(unicode.MaxRune)
		for _, r := range s {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range s {
			if r < n {
				delta++
			}
			if r == n {
				dst = appendPunyNumber(dst, delta, bias)
				bias = punyAdapt(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
		delta++
		n++
	}
	return dst
}

// appendPunyNumber appends q as a number of variable length (RFC 3492,
// section 3.3).
func appendPunyNumber(dst []byte, q, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := punyBase; ; k += punyBase {
		t := min(max(k-bias, punyTMin), punyTMax)
		if q < t {
			return append(dst, digits[q])
		}
		dst = append(dst, digits[t+(q-t)%(punyBase-t)])
		q = (q - t) / (punyBase - t)
	}
}

// punyAdapt returns the bias after a delta (RFC 3492, section 6.1).
func punyAdapt(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for delta > (punyBase-punyTMin)*punyTMax/2 {
		delta /= punyBase - punyTMin
		k += punyBase
	}
	return k + (punyBase-punyTMin+1)*delta/(delta+punySkew)
}
