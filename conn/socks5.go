package conn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// Numbers of RFC 1928, sections 3 to 6.
const (
	socksVersion      = 5
	socksNoAuth       = 0
	socksPassword     = 2
	socksNoAcceptable = 0xff
	socksConnect      = 1
	socksIPv4         = 1
	socksDomain       = 3
	socksIPv6         = 4
)

// socksReplies are the replies of RFC 1928, section 6.
var socksReplies = [...]string{
	"succeeded", "general SOCKS server failure", "connection not allowed by ruleset",
	"network unreachable", "host unreachable", "connection refused", "TTL expired",
	"command not supported", "address type not supported",
}

// connectSOCKS5 asks a SOCKS5 proxy for a connection (RFC 1928). It reads no
// byte beyond the reply.
func connectSOCKS5(nc net.Conn, proxy *url.URL, address string, _ int) error {
	if err := socks5(nc, proxy.User, address); err != nil {
		return fmt.Errorf("websocket: SOCKS5 proxy %s: %w", proxy.Host, err)
	}
	return nil
}

func socks5(nc net.Conn, user *url.Userinfo, address string) error {
	request, err := appendSOCKSAddress([]byte{socksVersion, socksConnect, 0}, address)
	if err != nil {
		return err
	}
	methods := []byte{socksVersion, 1, socksNoAuth}
	if user != nil {
		methods = []byte{socksVersion, 2, socksNoAuth, socksPassword}
	}
	var b [4]byte
	if err := exchange(nc, methods, b[:2]); err != nil {
		return err
	}
	switch {
	case b[0] != socksVersion:
		return fmt.Errorf("version %d in the answer", b[0])
	case b[1] == socksPassword && user != nil:
		if err := socksLogin(nc, user); err != nil {
			return err
		}
	case b[1] == socksNoAcceptable:
		return errors.New("no acceptable authentication method")
	case b[1] != socksNoAuth:
		return fmt.Errorf("authentication method %d was not offered", b[1])
	}
	if err := exchange(nc, request, b[:4]); err != nil {
		return err
	}
	if b[0] != socksVersion {
		return fmt.Errorf("version %d in the reply", b[0])
	}
	if code := int(b[1]); code != 0 {
		text := "unassigned"
		if code < len(socksReplies) {
			text = socksReplies[code]
		}
		return fmt.Errorf("refused with reply %d: %s", code, text)
	}
	return skipSOCKSAddress(nc, b[3])
}

// socksLogin sends user name and password (RFC 1929, section 2).
func socksLogin(nc net.Conn, user *url.Userinfo) error {
	name := user.Username()
	password, _ := user.Password()
	if name == "" || len(name) > 255 || len(password) > 255 {
		return errors.New("the user name is not of 1 to 255 bytes, or the password is longer")
	}
	login := append([]byte{1, byte(len(name))}, name...)
	login = append(append(login, byte(len(password))), password...)
	var b [2]byte
	if err := exchange(nc, login, b[:]); err != nil {
		return err
	}
	if b[1] != 0 {
		return errors.New("user name and password refused")
	}
	return nil
}

// appendSOCKSAddress appends type, address and port. A name is left to the
// proxy to resolve, with socks5 as with socks5h: what this side's resolver
// says need not hold behind the proxy.
func appendSOCKSAddress(dst []byte, address string) ([]byte, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Is4():
		dst = append(append(dst, socksIPv4), ip.AsSlice()...)
	case err == nil:
		dst = append(append(dst, socksIPv6), ip.AsSlice()...)
	case len(host) > 255:
		return nil, errors.New("the host's name is longer than 255 bytes")
	default:
		dst = append(append(dst, socksDomain, byte(len(host))), host...)
	}
	return append(dst, byte(number>>8), byte(number)), nil
}

// skipSOCKSAddress reads the address that the proxy connects from. It is of no
// use here.
func skipSOCKSAddress(nc net.Conn, typ byte) error {
	var b [255 + 2]byte
	n := 0
	switch typ {
	case socksIPv4:
		n = 4
	case socksIPv6:
		n = 16
	case socksDomain:
		if _, err := io.ReadFull(nc, b[:1]); err != nil {
			return err
		}
		n = int(b[0])
	default:
		return fmt.Errorf("address type %d in the reply", typ)
	}
	_, err := io.ReadFull(nc, b[:n+2])
	return err
}

// exchange writes a message and fills answer.
func exchange(nc net.Conn, message, answer []byte) error {
	if _, err := nc.Write(message); err != nil {
		return err
	}
	_, err := io.ReadFull(nc, answer)
	return err
}
