// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"time"

	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/supervisor"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
)

// front is the sessions' way to the XMPP server.
type front struct{ *Instance }

// Send hands a stanza to the component's link.
func (f front) Send(ctx context.Context, st *xmpp.Element) error {
	if err := f.link.Send(ctx, st); err != nil {
		return err
	}
	if st.Name == "message" && xmpp.Body(st) != "" {
		f.toXMPP.Add(1)
	}
	return nil
}

// backends are the sessions' way to the supervisor.
type backends struct{ m *supervisor.Manager }

// Acquire waits for a backend with room for the user.
func (b backends) Acquire(ctx context.Context, user string, r session.Receiver) (session.Link, error) {
	l, err := b.m.Acquire(ctx, user, r)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// send sends a stanza of the transport's own; without a link it is dropped:
// what has to arrive is sent by a session.
func (i *Instance) send(ctx context.Context, st *xmpp.Element) {
	if st == nil {
		return
	}
	if err := (front{i}).Send(ctx, st); err != nil && ctx.Err() == nil {
		i.log.Debug("stanza not sent", "to", st.Get("to"), "kind", st.Name, "err", err)
	}
}

// say sends a line of text from the transport to a user.
func (i *Instance) say(ctx context.Context, jid, text string) {
	m := xmpp.NewMessage("chat", i.jid, jid)
	i.send(ctx, m.Add(xmpp.NewText(xmpp.NSClient, "body", text)))
}

// probe asks the user's server for his presence (RFC 6121 §4.3).
func (i *Instance) probe(ctx context.Context, jid string) {
	if i.side != nil {
		return // nobody else knows more of his presence
	}
	if _, err := xmpp.ParseJID(jid); err != nil { // an old database may have such
		i.log.Warn("a user's address is none: nobody can use this registration", "user", jid, "err", err)
		return
	}
	i.send(ctx, xmpp.NewPresence("probe", i.jid, jid))
}

// linkChanged is called by the component, from its own goroutine, at every
// change of its state. What follows from it is done in order, by linkWorker.
func (i *Instance) linkChanged(st component.State) {
	i.linkState.Store(&st)
	i.poke()
	if st.Connected == i.linkUp.Swap(st.Connected) {
		return
	}
	if st.Connected {
		i.linkEvent(i.onLinkUp)
		return
	}
	if i.cluster != nil {
		i.cluster.relays.Store(false) // the next link may be another server's
	}
	i.linkEvent(func(ctx context.Context) {
		i.sessions.each(func(s *session.Session) { i.post(ctx, s.LinkDown) })
	})
}

// linkEvent hands f to linkWorker.
func (i *Instance) linkEvent(f func(context.Context)) {
	select {
	case i.linkEvents <- f:
	case <-i.ctx.Done():
	}
}

// linkWorker does what follows from changes of the link, one after the other.
func (i *Instance) linkWorker(ctx context.Context) {
	for {
		select {
		case f := <-i.linkEvents:
			f(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// onLinkUp sends what the last link did not take, tells the sessions, and
// brings back who was online before a start.
func (i *Instance) onLinkUp(ctx context.Context) {
	i.linkedOnce.Do(func() { close(i.linked) })
	for n, st := range i.held {
		if err := (front{i}).Send(ctx, st); err != nil {
			i.held = i.held[n:]
			return
		}
	}
	i.held = nil
	i.sessions.each(func(s *session.Session) { i.post(ctx, s.LinkUp) })
	if i.cluster.isMember() && !i.Config().Service.ReconnectAllUsers {
		return // those whom nobody has are found by sweepOrphans
	}
	i.probeOnce.Do(func() { i.spawn(i.probeUsers) })
}

// post tells a session something, giving up on one that does not take it.
func (i *Instance) post(ctx context.Context, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := f(ctx); err != nil && !errors.Is(err, session.ErrEnded) && i.ctx.Err() == nil {
		i.log.Warn("session does not take its events", "err", err)
	}
}

// probeUsers asks, after a start, for the presence of those who were online
// before it, or of everybody with service.reconnect_all_users.
func (i *Instance) probeUsers(ctx context.Context) {
	if !i.Config().Service.ReconnectAllUsers {
		users, err := i.store.OnlineUsers(ctx)
		if err != nil {
			i.log.Error("users who were online are not probed", "err", err)
		}
		i.probeAll(ctx, users)
		return
	}
	for after := ""; ; {
		users, err := i.store.ListUsers(ctx, after, 500)
		if err != nil {
			i.log.Error("registered users are not probed", "err", err)
			return
		}
		if len(users) == 0 {
			return
		}
		i.probeAll(ctx, users)
		after = users[len(users)-1]
	}
}

func (i *Instance) probeAll(ctx context.Context, users []string) {
	for _, u := range users {
		if i.probes.Wait(ctx) != nil {
			return
		}
		i.probe(ctx, u)
		if !i.cluster.isMember() { // where he may be another machine's
			i.resume(ctx, u)
		}
	}
}

// resume logs a user in who asked to stay connected, without clients too.
func (i *Instance) resume(ctx context.Context, user string) {
	stay, err := own{i}.Setting(ctx, user, "stay_connected")
	if err != nil || stay != "1" {
		return
	}
	err = i.sessions.withOwn(ctx, user, never, func(s *session.Session) error { return s.Login(ctx) })
	var other *elsewhere
	if err != nil && !errors.As(err, &other) {
		i.log.Warn("user who stays connected was not logged in", "user", user, "err", err)
	}
}

// unsent gets messages that a broken link had not begun to write: they wait
// for the next one.
func (i *Instance) unsent(stanzas []*xmpp.Element) {
	i.linkEvent(func(context.Context) { i.held = append(i.held, stanzas...) })
}

// uncertain gets what was written to a link that broke before the server had
// certainly read it.
func (i *Instance) uncertain(stanzas []*xmpp.Element) {
	i.linkEvent(func(ctx context.Context) {
		for _, st := range stanzas {
			i.tellUncertain(ctx, st)
		}
	})
}

func (i *Instance) tellUncertain(ctx context.Context, st *xmpp.Element) {
	user := bare(st.Get("to"))
	s := i.sessions.get(user)
	if s == nil {
		i.log.Warn("a message may be lost: the link broke while it was sent", "user", user, "from", st.Get("from"))
		return
	}
	i.post(ctx, func(ctx context.Context) error { return s.Uncertain(ctx, st) })
}
