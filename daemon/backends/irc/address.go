// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import "strings"

// addressing is how legacy names name channels and nicks. With one network
// (service.irc_server) they stand alone: "#chan", "nick". With many they
// carry the network: "#chan@irc.example.org", "nick@irc.example.org:6697".
type addressing struct{ single bool }

// split takes a legacy name apart. network is "" with one network. A name
// without "@" among many networks is the network's own ("irc.example.org"):
// target is "" then.
func (a addressing) split(name string) (target, network string) {
	if a.single {
		return name, ""
	}
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		return "", strings.ToLower(name)
	}
	return name[:at], strings.ToLower(name[at+1:])
}

// join makes the legacy name of a channel or a nick on a network. Names from
// a server are lowered, as addresses are on the XMPP side: what differs in
// case only is one contact there.
func (a addressing) join(target, network string) string {
	target = strings.ToLower(target)
	if a.single {
		return target
	}
	return target + "@" + network
}
