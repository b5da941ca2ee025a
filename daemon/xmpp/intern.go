// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

// known are the namespaces that most elements are in. Those of the extensions
// are spelled out because their packages import this one.
var known = func() map[string]string {
	m := map[string]string{}
	for _, s := range []string{
		NSClient, NSStream, NSStreams, NSStanzas,
		"http://jabber.org/protocol/caps", "http://jabber.org/protocol/chatstates",
		"http://jabber.org/protocol/commands", "http://jabber.org/protocol/disco#info",
		"http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/muc",
		"http://jabber.org/protocol/muc#user", "http://jabber.org/protocol/nick",
		"http://jabber.org/protocol/xhtml-im", "http://www.w3.org/1999/xhtml",
		"jabber:iq:register", "jabber:iq:roster", "jabber:iq:version", "jabber:x:data", "jabber:x:oob",
		"urn:xmpp:attention:0", "urn:xmpp:chat-markers:0", "urn:xmpp:delay", "urn:xmpp:hints",
		"urn:xmpp:message-correct:0", "urn:xmpp:ping", "urn:xmpp:receipts", "urn:xmpp:sid:0",
		"urn:xmpp:idle:1", "urn:xmpp:avatar:metadata", "vcard-temp", "vcard-temp:x:update",
	} {
		m[s] = s
	}
	return m
}()

// intern returns the one copy of a well-known namespace, which compares
// quickly and holds no stanza in memory.
func intern(space string) string {
	if s, ok := known[space]; ok {
		return s
	}
	return space
}
