// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// endpoint is where a network listens.
type endpoint struct {
	host string
	port int
	tls  bool
}

// The ports where none is named.
const (
	plainPort = 6667
	tlsPort   = 6697
)

// parseEndpoint reads "host", "host:port", "host:+port" (TLS), with an IPv6
// address in brackets if a port follows. 6697 is TLS without a sign too.
func parseEndpoint(text string) (endpoint, error) {
	host, port := splitPort(strings.TrimSpace(text))
	e := endpoint{host: strings.ToLower(host), port: plainPort}
	if !validHost(e.host) {
		return e, fmt.Errorf("parse server %q: not a host name", text)
	}
	if port == "" {
		return e, nil
	}
	digits, secure := strings.CutPrefix(port, "+")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 65535 {
		return e, fmt.Errorf("parse server %q: not a port", text)
	}
	e.port, e.tls = n, secure || n == tlsPort
	return e, nil
}

func splitPort(text string) (host, port string) {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		host, port, _ = strings.Cut(rest, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	if strings.Count(text, ":") > 1 { // an IPv6 address alone
		return text, ""
	}
	host, port, _ = strings.Cut(text, ":")
	return host, port
}

// validHost keeps out what could not be a name or an address.
func validHost(host string) bool {
	if host == "" || len(host) > 253 || host[0] == '-' {
		return false
	}
	for _, r := range host {
		ok := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:", r) || r > 0x7f
		if !ok {
			return false
		}
	}
	return true
}

// address is what a dialer wants.
func (e endpoint) address() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

func (e endpoint) String() string {
	if e.tls {
		return e.address() + " (TLS)"
	}
	return e.address()
}
