// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// house is a user in server mode: his clients, his session with the network,
// and what is kept for him. It is in serverSide.houses from the first login's
// beginning, until made is closed with err set or the session has ended.
type house struct {
	user jid.JID
	// secret is the digest of the password that the login is tried or was made
	// with.
	secret digest
	// abandon ends the login under way; once made is closed it does nothing.
	abandon context.CancelCauseFunc
	// made is closed when the login succeeded or failed, with err; what is below
	// is not changed afterwards. left: it failed because its client went away.
	made chan struct{}
	err  error
	left bool

	session  *session.Session // nil for an administrator
	clients  *clients.User
	services *personal.Services // nil where nothing is kept
	// proven: the network checked the password.
	proven bool

	// accepted, under serverSide.mu: the network took the login, and nobody may
	// have the place any more who proves another password.
	accepted bool
}

// digest stands for a password: it can be compared in constant time and not be
// read back.
type digest [sha256.Size]byte

var digestKey = func() []byte {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails
	return key
}()

func digestOf(password string) (d digest) {
	m := hmac.New(sha256.New, digestKey)
	m.Write([]byte(password))
	m.Sum(d[:0])
	return d
}

func (d digest) equal(o digest) bool { return hmac.Equal(d[:], o[:]) }

// lodger is one connection's part in a house (server.Account).
type lodger struct {
	*house
	side *serverSide
	// ticket keeps the session going until the connection has its resource, as
	// if it were one.
	ticket string
}

var _ server.Account = lodger{}

// lodge lets a connection into a house. It fails with session.ErrEnded where
// the session has ended just now.
func (s *serverSide) lodge(ctx context.Context, h *house) (lodger, error) {
	l := lodger{h, s, "\x00" + xmpp.NewID()} // no client's resource
	if h.session == nil {
		return l, nil
	}
	return l, h.session.Attached(ctx, l.ticket)
}

// User is the bare JID.
func (l lodger) User() jid.JID { return l.user }

// Resumable: who was merely let in under a nick could take over the connection
// of whoever had it before.
func (l lodger) Resumable() bool { return l.proven || l.session == nil }

// Close gives the place back that no client took: a session that has nobody else
// ends at once. Otherwise whoever logs in and hangs up, again and again, would
// fill the network with sessions that wait for him.
func (l lodger) Close() { l.moveOn() }

// moveOn ends what kept the session going for this connection.
func (l lodger) moveOn() {
	if l.session == nil {
		return
	}
	l.side.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := l.session.Detached(ctx, l.ticket); err != nil && !errors.Is(err, session.ErrEnded) {
			l.side.log.Warn("session not told that its client went on", "user", l.user.String(), "err", err)
		}
	})
}

// Bind gives the connection its place among the user's clients.
func (l lodger) Bind(ctx context.Context, c *server.Conn, wish string) (string, server.Client, error) {
	resource, client, err := l.clients.Bind(ctx, c, wish)
	if errors.Is(err, session.ErrEnded) || errors.Is(err, clients.ErrClosed) {
		return "", nil, &server.BindError{Condition: xmpp.InternalServerError, Text: "Your session has just ended. Please log in again."}
	}
	var refused *clients.Error
	if errors.As(err, &refused) {
		return "", nil, &server.BindError{Condition: refused.Condition, Text: refused.Text}
	}
	if err != nil {
		return "", nil, err
	}
	l.moveOn()
	return resource, client, nil
}

// found makes the house of a user whose login the network accepted.
func (s *serverSide) found(h *house, ses *session.Session) {
	h.session = ses
	h.clients = clients.New(clients.Options{
		User: h.user, Domain: s.jid, Session: tenant{s.Instance, ses}, Settings: s.clientSettings,
		Transport: s.router.handle, Caps: s.caps, Log: s.logs.Logger("clients").With("user", h.user.String()),
	})
}

// keepTime bounds the way to what is kept of a user.
const keepTime = 30 * time.Second

// keep makes the user's record and opens what is kept for him, where there is a
// database and the network has checked who he is. A client that hangs up
// meanwhile does not stop it: the next one finds the same session.
func (s *serverSide) keep(ctx context.Context, h *house, u *store.User) {
	if s.Config().Database.Type == "none" || !h.proven {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	kept := *u
	if kept.ID == 0 {
		kept.Password = "" // never kept
		if err := s.store.CreateUser(ctx, &kept); err != nil {
			s.log.Error("nothing is kept for a user: his record was not made", "user", u.JID, "err", err)
			return
		}
	}
	kept.Password = u.Password
	if err := h.session.ChangeAccount(ctx, &kept); err != nil {
		s.log.Warn("session ended before its record was made", "user", u.JID, "err", err)
		return
	}
	cfg := s.Config()
	services, err := personal.Open(ctx, personal.Options{
		User: h.user, UserID: kept.ID, Token: func() store.Token { return s.sessions.token(u.JID) }, Store: s.store,
		Days: cfg.Archive.Days, Rooms: cfg.Archive.Rooms, Send: h.clients.Send, Block: h.session.Block, Avatar: h.session.SetAvatar,
		Log: s.logs.Logger("personal").With("user", u.JID),
	})
	if err != nil {
		s.log.Error("archive and storage of a user are not available", "user", u.JID, "err", err)
		return
	}
	h.services = services
	h.clients.SetServices(services)
}

// mayForget refuses to forget what is kept of a user while somebody is logged in
// under his name of whom the network has not said that it is he.
func (s *serverSide) mayForget(user string) error {
	if h := s.house(user); h != nil && !(closed(h.made) && h.proven) && s.sessions.get(user) != nil {
		return register.Refused(xmpp.Forbidden, "The network has not confirmed who is logged in as %s: what is kept for that name stays.", user)
	}
	return nil
}

// leave takes the house down after its session has ended.
func (s *serverSide) leave(user string, ses *session.Session) {
	s.mu.Lock()
	h := s.houses[user]
	mine := h != nil && closed(h.made) && h.session == ses
	if mine {
		delete(s.houses, user)
	}
	s.mu.Unlock()
	if !mine {
		return
	}
	condition, text := xmpp.Reset, "Your session with the network has ended. Please log in again."
	if s.stopping.Load() {
		condition, text = xmpp.SystemShutdown, "The server is being stopped"
	}
	h.clients.Close(condition, text)
	if h.services != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.services.Close(ctx); err != nil {
			s.log.Error("what was to be kept for a user may be incomplete", "user", user, "err", err)
		}
	}
}

func (s *serverSide) clientSettings() clients.Settings {
	cfg := s.Config()
	return clients.Settings{
		MoreResources: cfg.Service.MoreResources, MaxPerAccount: cfg.Service.MaxSessionsPerAccount,
		Name: cfg.Identity.Name, Version: s.opts.Version,
	}
}

// tenant is the session as the user's clients see it (clients.Session).
type tenant struct {
	*Instance
	*session.Session
}

// EditContact adds or changes a contact.
func (t tenant) EditContact(ctx context.Context, jid, name string, groups []string) error {
	return noContact(t.Session.EditContact(ctx, jid, name, groups))
}

// RemoveContact takes one off the list.
func (t tenant) RemoveContact(ctx context.Context, jid string) error {
	return noContact(t.Session.RemoveContact(ctx, jid))
}

// Block blocks one, or ends that.
func (t tenant) Block(ctx context.Context, jid string, blocked bool) error {
	return noContact(t.Session.Block(ctx, jid, blocked))
}

// noContact is what a client is told of an address that nobody has.
func noContact(err error) error {
	if errors.Is(err, session.ErrNoContact) {
		return &clients.Error{Condition: xmpp.ItemNotFound, Text: "There is no such contact."}
	}
	return err
}

// Stanza counts messages on their way.
func (t tenant) Stanza(ctx context.Context, st *xmpp.Element) error {
	if st.Name == "message" && xmpp.Body(st) != "" && st.Get("type") != "error" {
		t.fromXMPP.Add(1)
	}
	return t.Session.Stanza(ctx, st)
}
