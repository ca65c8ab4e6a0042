package handshake

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every byte at every place in and around a word of 8, beside bytes that a
// borrow would come from or go to.
func TestControlAt(t *testing.T) {
	for _, fill := range []byte{' ', 'a', '~', 0x80, 0xff, '\t'} {
		for size := range 20 {
			b := bytes.Repeat([]byte{fill}, size)
			for at := range size {
				for c := range 256 {
					b[at] = byte(c)
					for from := range size + 1 {
						want := from
						for want < size && (b[want] >= ' ' && b[want] != 0x7f || b[want] == '\t') {
							want++
						}
						if got := controlAt(b, from); got != want {
							t.Fatalf("%q from %d: %d, want %d", b, from, got, want)
						}
					}
				}
				b[at] = fill
			}
		}
	}
	two := []byte("01234567")
	for i := range 8 {
		for j := range i {
			b := slices.Clone(two)
			b[j], b[i] = '\r', 0x7f
			require.Equal(t, j, controlAt(b, 0))
			b[j], b[i] = 0x7f, '\r'
			require.Equal(t, j, controlAt(b, 0))
		}
	}
}

// Every byte at every place of a key, judged by the decoder too.
func TestValidKeyAsDecoded(t *testing.T) {
	for i := range sampleKey {
		for c := range 256 {
			key := []byte(sampleKey)
			key[i] = byte(c)
			n, err := base64.StdEncoding.Strict().Decode(make([]byte, keySize), key)
			want := err == nil && n == nonceSize && c != '\r' && c != '\n' // which the decoder skips
			require.Equal(t, want, validKey(string(key)), "%q", key)
		}
	}
}

// Proves 4.1-37: names match in every case, and nothing else does.
func TestFieldNamed(t *testing.T) {
	for k := range unknown {
		name := knownNames[k]
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name), http.CanonicalHeaderKey(name)} {
			require.Equal(t, k, fieldNamed([]byte(s)), s)
		}
		for i := range name {
			b := []byte(name)
			b[i] ^= 1
			require.Equal(t, unknown, fieldNamed(b), "%q", b)
		}
		require.Equal(t, unknown, fieldNamed([]byte(name+"s")))
	}
}

// Both parsers find the same lines broken, as soon as they end.
func TestBrokenLine(t *testing.T) {
	for line, want := range map[string]error{
		"A:b\r\n":             ErrIncomplete,
		"A:b\r":               ErrIncomplete,
		"A:b":                 ErrIncomplete,
		"A: \t b \t \r\n":     ErrIncomplete,
		"A:\r\n":              ErrIncomplete,
		"A":                   ErrIncomplete,
		"\r":                  ErrIncomplete,
		"":                    ErrIncomplete,
		" A:b\r\n":            errFold,
		"\tA\r\n":             errFold,
		"A :b\r\n":            errFieldName,
		"A\tb:c\r\n":          errFieldName,
		"A\r\nB:c\r\n":        errFieldName,
		":b\r\n":              errFieldName,
		"\xe9:b\r\n":          errFieldName,
		"Upgrade: a\rb\r\n":   errFieldValue,
		"Upgrade: a\x00b\r\n": errFieldValue,
		"Upgrade: a\x7fb\r\n": errFieldValue,
		"A\rB:c\r\n":          errFieldValue,
		"\rA:c\r\n":           errFieldValue,
		"Upgrade: a\n":        errBareLineEnd,
		"Upgrade\n":           errBareLineEnd,
		"Upgrade\nA:b\r\n":    errBareLineEnd,
		"\n":                  errBareLineEnd,
		"\nA:b\r\n":           errBareLineEnd,
	} {
		_, _, err := ParseRequest([]byte("GET / HTTP/1.1\r\nHost: h\r\n" + line))
		require.ErrorIs(t, err, want, "%q", line)
		_, _, err = ParseResponse([]byte("HTTP/1.1 101 x\r\nHost: h\r\n" + line))
		require.ErrorIs(t, err, want, "%q", line)
	}
}

func TestRequestAllocs(t *testing.T) {
	b := []byte(browserRequest)
	var s Server
	got := testing.AllocsPerRun(100, func() {
		r, _, err := ParseRequest(b)
		if err == nil {
			_, err = s.Check(r)
		}
		if err != nil {
			panic(err)
		}
	})
	require.LessOrEqual(t, got, 1.0) // a copy of the head
	// A head that is not all there costs nothing.
	request := b[:len(b)-1]
	response := []byte("HTTP/1.1 101 x\r\n" + strings.Repeat("a:\r\n", 4096))
	require.Zero(t, testing.AllocsPerRun(100, func() { ParseRequest(request) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { ParseResponse(response) }))
}
