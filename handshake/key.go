package handshake

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
)

// GUID is what a server appends to the key before it hashes both
// (RFC 6455, section 1.3).
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

const (
	nonceSize = 16
	keySize   = 24 // base64 of a nonce
)

// NewKey returns a fresh Sec-WebSocket-Key: the base64 of 16 random bytes. A
// client draws one for each connection (RFC 6455, section 4.1).
func NewKey() string {
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails: the runtime stops the program instead
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// Accept returns the Sec-WebSocket-Accept that answers key. It hashes the text
// of the key as it was sent, not the decoded nonce (RFC 6455, section 4.2.2).
func Accept(key string) string { return string(appendAccept(nil, key)) }

func appendAccept(dst []byte, key string) []byte {
	var buf [keySize + len(GUID)]byte
	sum := sha1.Sum(append(append(buf[:0], key...), GUID...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// validKey reports whether key is the base64 of exactly 16 bytes
// (RFC 6455, section 4.2.1): 21 characters of 6 bits, one that has 2 bits and
// otherwise zeros, for no encoder makes other pad bits, and the padding.
func validKey(key string) bool {
	if len(key) != keySize || key[keySize-2:] != "==" {
		return false
	}
	for i := range keySize - 3 {
		if !base64Chars[key[i]] {
			return false
		}
	}
	switch key[keySize-3] {
	case 'A', 'Q', 'g', 'w':
		return true
	}
	return false
}

// base64Chars marks the alphabet of base64 (RFC 4648, section 4).
var base64Chars = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = true
	}
	return t
}()
