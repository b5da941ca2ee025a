// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
)

// Record archives a message that one of the user's clients sent or that is for
// him, if it belongs into an archive, and returns it with its <stanza-id/>
// (XEP-0359), or as it was. It never waits and does not change st. A message
// of a room may be given once for each of the user's clients there.
func (s *Services) Record(st *xmpp.Element, sent bool) *xmpp.Element {
	m, by := s.place(st, sent)
	if m == nil {
		return s.withoutForged(st)
	}
	clean := s.withoutForged(without(st, by))
	m.Stanza = xmpp.Append(nil, kept(clean, m.Room), "")
	if len(m.Stanza) > maxArchived {
		s.log.Warn("message not archived: too large", "bytes", len(m.Stanza), "limit", maxArchived)
		return clean
	}
	if !s.archive.add(m) {
		return clean
	}
	out := *clean
	out.Nodes = append(clean.Nodes[:len(clean.Nodes):len(clean.Nodes)], xmpp.Node{Element: mam.StanzaID(by, m.ID)})
	return &out
}

// kept is st as its archive has it: what a room said is said to nobody in
// particular.
func kept(st *xmpp.Element, room bool) *xmpp.Element {
	if !room {
		return st
	}
	all := *st
	all.Attrs = slices.DeleteFunc(slices.Clone(st.Attrs), func(a xmpp.Attr) bool { return a.Name == "to" && a.Space == "" })
	return &all
}

// place says where a message belongs, and who names it there; nil for one
// that is not archived.
func (s *Services) place(st *xmpp.Element, sent bool) (m *store.Archived, by string) {
	if !archivable(st) {
		return nil, ""
	}
	messages, rooms := s.archive.keeps()
	room := st.Get("type") == "groupchat"
	if room && (sent || !rooms) || !messages {
		return nil, "" // what the user says in a room comes back from there
	}
	other := st.Get("from")
	if sent {
		other = st.Get("to")
	}
	peer, err := xmpp.ParseJID(other)
	if err != nil || peer.Localpart() == "" || !room && peer.Bare().Equal(s.user) {
		return nil, ""
	}
	bare := peer.Bare().String()
	m = &store.Archived{Room: room, Peer: key(bare), Resource: key(peer.Resourcepart())}
	if room {
		m.ID = roomID(st, bare)
		return m, bare
	}
	if !s.prefs.want(peer.Bare()) {
		return nil, ""
	}
	return m, s.bare
}

// archivable reports whether st is of a kind that archives keep: what a
// person wrote, or what its sender wants kept (XEP-0313 §5.1.1, XEP-0334).
func archivable(st *xmpp.Element) bool {
	if !st.Is(xmpp.NSClient, "message") {
		return false
	}
	switch st.Get("type") {
	case "", "normal", "chat", "groupchat":
	default:
		return false
	}
	if st.Child(mam.NSHints, "no-store") != nil || st.Child(mam.NSHints, "no-permanent-store") != nil {
		return false
	}
	return xmpp.Body(st) != "" || st.Child(mam.NSHints, "store") != nil
}

// roomID names a room's message. The network's own name is the best; without
// one it is made of what every copy of the message has, so that each client's
// copy, and the room's history, are one message. A client that numbers its
// messages from one again may say the same the next day.
func roomID(st *xmpp.Element, room string) string {
	if id := mam.IDBy(st, room); id != "" && len(id) <= store.KeyLength {
		return id
	}
	at, delayed := delay.Of(st)
	if !delayed {
		at = time.Now()
	}
	period := 24 * time.Hour
	if st.Get("id") == "" {
		period = time.Minute
	}
	h := sha256.New()
	for _, part := range []string{st.Get("from"), st.Get("id"), mam.IDBy(st, room), xmpp.Body(st), at.UTC().Truncate(period).Format(time.RFC3339)} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// withoutForged is st without a name that only the user's archive may give.
func (s *Services) withoutForged(st *xmpp.Element) *xmpp.Element {
	if !st.Is(xmpp.NSClient, "message") {
		return st
	}
	return without(st, s.bare)
}

// without is st without what says to be by's name for it; st itself where
// there is nothing of the kind.
func without(st *xmpp.Element, by string) *xmpp.Element {
	forged := func(n xmpp.Node) bool {
		return n.Element.Is(mam.NSStanzaID, "stanza-id") && sameAddress(n.Element.Get("by"), by)
	}
	for i, n := range st.Nodes {
		if !forged(n) {
			continue
		}
		out := *st
		out.Nodes = append([]xmpp.Node(nil), st.Nodes[:i]...)
		for _, n := range st.Nodes[i+1:] {
			if !forged(n) {
				out.Nodes = append(out.Nodes, n)
			}
		}
		return &out
	}
	return st
}

func sameAddress(a, b string) bool {
	if a == b || a == "" {
		return a == b
	}
	j, err := xmpp.ParseJID(a)
	return err == nil && j.String() == b
}

// key is s as a key of the database: itself, or its hash where it is too long.
func key(s string) string {
	if len(s) <= store.KeyLength && !strings.HasPrefix(s, "sha256:") {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// bareOf is an address's normal form without resource.
func bareOf(address string) (jid.JID, error) {
	j, err := xmpp.ParseJID(address)
	return j.Bare(), err
}
