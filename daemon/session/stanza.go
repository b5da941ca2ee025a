// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// stanzaCame: the user sent something.
type stanzaCame struct{ st *xmpp.Element }

func (e stanzaCame) apply(ctx context.Context, s *Session) {
	st := e.st
	if s.tooLate(st) {
		return
	}
	from, err := xmpp.ParseJID(st.Get("from"))
	if err != nil {
		s.log.Debug("stanza from a malformed address dropped", "kind", st.Name)
		return
	}
	to, err := xmpp.ParseJID(st.Get("to"))
	if s.set.ServerMode && (st.Get("to") == "" || to.Bare().String() == s.user) {
		// The user's own presence goes to his server, which this is.
		to, err = xmpp.ParseJID(s.set.Addresses.Transport)
	}
	if err != nil {
		s.send(ctx, xmpp.ErrorReply(st, "", xmpp.JIDMalformed, "This is not an address"))
		return
	}
	s.sawLife(from, st)
	if to.Localpart() == "" {
		s.transportStanza(ctx, from, st)
		return
	}
	t := s.resolve(to)
	switch st.Name {
	case "presence":
		s.presenceTo(ctx, from, t, st)
	case "message":
		s.messageTo(ctx, from, t, st)
	case "iq":
		s.iqTo(ctx, from, t, st)
	}
}

// sawLife notes that the user did something, and that this client is there.
func (s *Session) sawLife(from jid.JID, st *xmpp.Element) {
	if t := st.Get("type"); t == "error" || t == "unavailable" {
		return
	}
	s.activity.Store(time.Now().UnixNano())
	if x := s.clients.list[from.Resourcepart()]; x != nil && st.Name != "iq" {
		x.proven = true
	}
}

// transportStanza is a stanza to the transport's own address.
func (s *Session) transportStanza(ctx context.Context, from jid.JID, st *xmpp.Element) {
	switch {
	case st.Name == "presence":
		s.transportPresence(ctx, from, st)
	case st.Name == "iq" && !xmpp.IsRequest(st):
		s.answered(ctx, st)
	default:
		s.send(ctx, xmpp.ErrorReply(st, "", xmpp.ServiceUnavailable, "This is not served here"))
	}
}

// target is whom a stanza of the user's is for.
type target struct {
	jid jid.JID
	// name on the legacy network, of the room where it is one.
	name string
	// room and contact are what is known under the address; at most one.
	room    *chatRoom
	contact *contact
}

// nick is the occupant meant, where the target is in a room.
func (t target) nick() string { return t.jid.Resourcepart() }

// resolve finds out who is meant. Names that are known are found by their
// address, because addresses are case-folded and names are not.
func (s *Session) resolve(to jid.JID) target {
	t := target{jid: to}
	local := to.Localpart()
	if t.room = s.rooms.byLocal[local]; t.room != nil {
		t.name = t.room.name
	} else if t.contact = s.contacts.byLocal[local]; t.contact != nil {
		t.name = t.contact.Name
	} else if n, listed := s.rooms.listed[local]; listed {
		t.name = n
	} else {
		t.name = s.set.Addresses.Name(to)
	}
	return t
}

// presenceTo is presence to a contact or room.
func (s *Session) presenceTo(ctx context.Context, from jid.JID, t target, st *xmpp.Element) {
	join := st.Child(nsMUC, "x")
	if t.room != nil || join != nil || st.Get("type") == "" && s.isRoom(t) {
		s.roomPresence(ctx, from, t, st)
		return
	}
	switch st.Get("type") {
	case "subscribe":
		s.userAdds(ctx, t, st.ChildText(xmpp.NSClient, "status"))
	case "subscribed":
		s.userAccepts(ctx, t)
	case "unsubscribe", "unsubscribed":
		s.userRemoves(ctx, t, st.Get("type"))
	case "probe":
		s.probed(ctx, t, st.Get("from"))
	}
	// Directed presence of other types says nothing to a legacy network.
}
