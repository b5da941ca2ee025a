// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import "time"

// server is what one connection has taught about the server and about the
// user there. A new connection begins with a new one.
type server struct {
	isupport
	at endpoint
	// tls names the TLS version and cipher, "" without TLS.
	tls string
	// nick is the user's own; source is his user@host as others see it, ""
	// until the server has shown it.
	nick, source string
	// tried counts the nicks that were refused.
	tried int
	// account is whom the network takes the user for, "" while it has not said.
	account string
	// proved: the user's own password made the network say so. A service's
	// notice is no proof, for anybody can have its nick on a network without
	// services; nor is a client certificate, which all users share.
	proved bool
	// shared: SASL was done with the certificate that all users share.
	shared bool
	// stranger: the network knows no account of the nick's name.
	stranger bool
	caps     caps
	sasl     *saslExchange
	// identifying: NickServ was sent the password and has not answered.
	identifying bool
	// named: what NickServ was sent can only be a password for the user's own
	// nick. Otherwise it may name an account itself ("OTHER PASSWORD" where a
	// password belongs), or be for the nick that the user has for want of his
	// own: then only an account of his name proves anything.
	named bool
	// labels maps open batches to the label of the request they answer.
	labels map[string]string
	// channels is how many channels the network has (numeric 254).
	channels int
	// fence is the PING that is out, its upTo the last message line before it.
	fence struct {
		token string
		upTo  uint64
		at    time.Time
	}
	// pinged is when a keep-alive PING went out, zero once anything came back.
	pinged   time.Time
	heard    time.Time
	since    time.Time
	lag      time.Duration
	farewell string
	watched  map[string]bool
	online   map[string]bool
}

func newServer(at endpoint, now time.Time) *server {
	return &server{
		isupport: newISupport(), at: at, caps: newCaps(), heard: now, since: now, channels: -1,
		labels: map[string]string{}, watched: map[string]bool{}, online: map[string]bool{},
	}
}

// is reports whether two names are the same here.
func (s *server) is(a, b string) bool { return s.casemap.fold(a) == s.casemap.fold(b) }

// sourceLen is the length of ":nick!user@host " before what the user says, as
// others receive it; at its longest while the server has not shown it.
func (s *server) sourceLen() int {
	n := len(s.source)
	if n == 0 {
		n = 10 + 1 + 63
	}
	return 1 + len(s.nick) + 1 + n + 1
}
