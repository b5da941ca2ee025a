// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// administrator is the login of a service.admin_jid: by service.admin_password,
// without the network.
func (s *serverSide) administrator(ctx context.Context, user jid.JID, password string) (server.Account, error) {
	want := s.Config().Service.AdminPassword
	if !want.IsSet() || !digestOf(password).equal(digestOf(want.Reveal())) {
		return nil, authError("not-authorized", "Wrong password.")
	}
	h := s.office(user, digestOf(want.Reveal()))
	if h == nil {
		return nil, errBusyAccount
	}
	return s.lodge(ctx, h)
}

// office is an administrator's house, made where there is none; nil while a
// user has the name, who was logged in before it became an administrator's.
func (s *serverSide) office(user jid.JID, secret digest) *house {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.houses[user.String()]
	switch {
	case h != nil && (!closed(h.made) || h.session != nil):
		return nil
	case h != nil:
		return h
	}
	h = &house{user: user, secret: secret, made: make(chan struct{}), accepted: true}
	close(h.made)
	h.clients = clients.New(clients.Options{
		User: user, Domain: s.jid, Session: office{s, user}, Settings: s.clientSettings,
		Transport: s.adminStanza, Caps: s.caps, Log: s.logs.Logger("clients").With("user", user.String()),
	})
	s.houses[user.String()] = h
	return h
}

// dismiss ends the connections of an administrator who is none any more, or
// whose password has changed.
func (s *serverSide) dismiss(h *house) {
	s.vacate(h)
	h.clients.Close(xmpp.NotAuthorized, "The administrator's account has changed. Please log in again.")
}

// review sees to it that a new configuration holds for who is connected
// already: administrators, and users who have an administrator's name now.
func (s *serverSide) review(cfg *config.Config) {
	want := cfg.Service.AdminPassword
	for _, h := range s.all() {
		admin := isAdmin(cfg, h.user)
		switch {
		case h.session == nil && !(admin && want.IsSet() && h.secret.equal(digestOf(want.Reveal()))):
			s.dismiss(h)
		case h.session != nil && admin:
			h.clients.Close(xmpp.NotAuthorized, "This name is an administrator's now.")
		}
	}
}

// adminStanza is what an administrator sends to the transport.
func (s *serverSide) adminStanza(ctx context.Context, st *xmpp.Element) {
	from, err := xmpp.ParseJID(st.Get("from"))
	if err != nil || st.Name == "presence" {
		return
	}
	s.router.task(ctx, from.Bare().String(), st, func(ctx context.Context) { s.router.own(ctx, from, st) })
}

// office is an administrator's account (clients.Session): its only contact is
// the transport, which takes the commands.
type office struct {
	side *serverSide
	user jid.JID
}

var errOffice = register.Refused(xmpp.NotAllowed, "The administrator's account has one contact only, the transport.")

// Stanza answers presence, and refuses what goes to anybody else.
func (o office) Stanza(ctx context.Context, st *xmpp.Element) error {
	if st.Name == "presence" && st.Get("to") == o.side.jid && (st.Get("type") == "" || st.Get("type") == "probe") {
		p := xmpp.NewPresence("", o.side.jid, st.Get("from"))
		o.side.send(ctx, p.Add(xmpp.NewText(xmpp.NSClient, "status", o.side.sentence())))
		return nil
	}
	if st.Name != "presence" {
		o.side.send(ctx, xmpp.ErrorReply(st, "", xmpp.ItemNotFound, "The administrator's account has no contacts but the transport."))
	}
	return nil
}

// Attached and Detached: nothing depends on whether an administrator is there.
func (o office) Attached(context.Context, string) error { return nil }

// Detached is Attached's end.
func (o office) Detached(context.Context, string) error { return nil }

// Roster is the transport, called Admin.
func (o office) Roster(context.Context) ([]rosteritem.Item, error) {
	return []rosteritem.Item{{JID: o.side.jid, Name: "Admin", Subscription: "both"}}, nil
}

// EditContact and its like are refused: there is nothing to edit.
func (o office) EditContact(context.Context, string, string, []string) error { return errOffice }

// RemoveContact is refused.
func (o office) RemoveContact(context.Context, string) error { return errOffice }

// Block is refused.
func (o office) Block(context.Context, string, bool) error { return errOffice }

// SetAvatar is refused.
func (o office) SetAvatar(context.Context, []byte) error { return errOffice }

// Undelivered messages of commands are for nobody else.
func (o office) Undelivered(context.Context, *xmpp.Element) error { return nil }
