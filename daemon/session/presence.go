// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// transportPresence is presence of the user to the transport itself.
func (s *Session) transportPresence(ctx context.Context, from jid.JID, st *xmpp.Element) {
	switch st.Get("type") {
	case "", "invisible":
		s.clientAvailable(ctx, from, st)
	case "unavailable", "error":
		s.clientGone(ctx, from)
	case "probe":
		s.showTransport(ctx, st.Get("from"))
	case "subscribe":
		s.send(ctx, xmpp.NewPresence("subscribed", s.set.Addresses.Transport, s.user))
		s.showTransport(ctx, "")
	case "unsubscribe":
		s.send(ctx, xmpp.NewPresence("unsubscribed", s.set.Addresses.Transport, s.user))
	}
}

// clientAvailable is the user's way to log in, and to try again.
func (s *Session) clientAvailable(ctx context.Context, from jid.JID, st *xmpp.Element) {
	alone := s.clients.none()
	x, isNew, repeated := s.clients.put(from.Resourcepart(), from.String(), st)
	first := !x.direct
	answer := x.probed
	x.direct, x.proven, x.probed = true, true, false
	s.arrived()
	s.account.pinned = false // from now on his presence decides
	if !s.set.ServerMode {   // there his server sees to it
		s.noteAvatar(ctx, st)
	}
	s.noteCaps(ctx, x, st)
	// A client that changes its status by itself is not the user acting: after
	// refused credentials only one that comes, or says the same again on
	// purpose, tries anew.
	acted := first || repeated && !answer
	if acted && !s.account.wanted {
		s.logIn(ctx)
	} else if first {
		s.showTransport(ctx, x.full)
	}
	s.sendStatus(ctx)
	if isNew || first {
		s.welcome(ctx, x, alone)
	}
	s.stopHolding()
	s.flushQueue(ctx)
	s.tellDoubts()
}

// welcome brings a client up to date that just came.
func (s *Session) welcome(ctx context.Context, x *client, alone bool) {
	s.showContacts(ctx, x.full, alone || s.set.ServerMode)
	s.syncRoster()
	switch {
	case s.set.ServerMode:
		s.showAuthRequests(ctx, x.full)
	case alone:
		s.showAuthRequests(ctx, "")
	}
	if alone {
		s.promptStep(ctx)
	}
}

// clientGone: a client left, or cannot be reached any more. from without
// resource means all of them.
func (s *Session) clientGone(ctx context.Context, from jid.JID) {
	if from.Resourcepart() == "" {
		for _, r := range s.clients.names() {
			s.dropClient(ctx, r)
		}
	} else {
		s.dropClient(ctx, from.Resourcepart())
	}
	s.sendStatus(ctx)
	s.maybeLeave(ctx)
}

func (s *Session) dropClient(ctx context.Context, resource string) {
	delete(s.clients.list, resource)
	s.clientLeavesRooms(ctx, resource)
}

// maybeLeave logs out when the last client is gone, unless the user stays.
func (s *Session) maybeLeave(ctx context.Context) {
	a := &s.account
	if !s.clients.deserted() || a.lingering != nil || a.pinned {
		return
	}
	if s.stayConnected() && a.wanted {
		return
	}
	if a.wanted || s.linked() || a.state != Offline {
		s.leave(ctx)
	}
}

// showTransport sends the transport's own presence, to one client or (to is
// empty) to all of them.
func (s *Session) showTransport(ctx context.Context, to string) {
	if to == "" {
		to = s.user
	}
	s.send(ctx, s.ownPresence(to))
}

// ownPresence is what the transport shows of the account.
func (s *Session) ownPresence(to string) *xmpp.Element {
	a := &s.account
	typ, show, text := "", "", a.text
	switch a.state {
	case Online:
	case Connecting:
		show, text = "away", "Connecting"
	case Reconnecting:
		show, text = "away", withText("Reconnecting since "+a.since.UTC().Format("15:04 MST"), a.text)
	case Unreachable:
		show, text = "away", withText("Cannot reach the network, trying again", a.text)
	case WaitingForYou:
		show, text = "away", withText("Waiting for you", a.text)
	default:
		typ = "unavailable"
	}
	st := xmpp.NewPresence(typ, s.set.Addresses.Transport, to)
	if show != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "show", show))
	}
	if text != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "status", text))
	}
	if typ == "" && s.set.Caps != nil {
		st.Add(s.set.Caps)
	}
	return st
}

// sendStatus passes the user's presence on, if it says something new.
func (s *Session) sendStatus(ctx context.Context) {
	a := &s.account
	if a.link == nil || a.link.Level() == 0 && !s.online() {
		return
	}
	now := mood{}
	if x := s.clients.highest(); x != nil {
		now = x.mood
	} else if s.set.ServerMode && (len(s.clients.attached) > 0 || a.lingering != nil || s.o.Trial != nil && !a.tried) {
		// Who has not said that he is there is not seen, but he hears.
		now = mood{pbnetwork.StatusType_STATUS_INVISIBLE, ""}
	} else if s.stayConnected() {
		now = mood{pbnetwork.StatusType_STATUS_AWAY, ""}
	}
	if now == a.sent {
		return
	}
	if s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_STATUS_CHANGED,
		&pbnetwork.Status{UserName: &s.user, Status: &now.status, StatusMessage: &now.text}) {
		a.sent = now
	}
}

// probeUser asks the user's server which of his clients are there.
func (s *Session) probeUser(ctx context.Context) {
	s.send(ctx, xmpp.NewPresence("probe", s.set.Addresses.Transport, s.user))
}

// linkGrace is how long clients have to show themselves after a new link.
const linkGrace = time.Minute

// linkChanged: the link with the XMPP server came or went.
type linkChanged struct{ up bool }

func (e linkChanged) apply(ctx context.Context, s *Session) {
	if !e.up {
		s.queue.down = true
		return
	}
	s.queue.down = false
	if !s.set.ServerMode {
		s.proveClients(ctx)
	}
	s.showTransport(ctx, "")
	s.showContacts(ctx, "", true)
	s.showAuthRequests(ctx, "")
	s.catchUpRooms(ctx)
	s.flushQueue(ctx)
	s.tellDoubts()
}

// proveClients asks the user's clients, and his server, who is still there.
func (s *Session) proveClients(ctx context.Context) {
	for _, x := range s.clients.list {
		x.proven, x.probed = false, true
		s.pingClient(ctx, x)
	}
	s.probeUser(ctx)
	if !s.clients.none() {
		s.timers.after(linkGrace, clientsDue{})
	}
}

// clientsDue drops the clients that did not show themselves after LinkUp: the
// XMPP server was restarted, and they never said goodbye.
type clientsDue struct{}

func (clientsDue) apply(ctx context.Context, s *Session) {
	if s.queue.down {
		return
	}
	for _, r := range s.clients.names() {
		if x := s.clients.list[r]; !x.proven {
			s.log.Debug("client did not come back", "resource", r)
			s.dropClient(ctx, r)
		}
	}
	s.sendStatus(ctx)
	s.maybeLeave(ctx)
}

// pingClient asks one client for a sign of life (XEP-0199).
func (s *Session) pingClient(ctx context.Context, x *client) {
	full := x.full
	s.askClient(ctx, x.full, xmpp.New("urn:xmpp:ping", "ping"), func(ctx context.Context, s *Session, answer *xmpp.Element) {
		if answer == nil || answer.Get("type") != "result" {
			return
		}
		if j, err := xmpp.ParseJID(full); err == nil && s.clients.list[j.Resourcepart()] != nil {
			s.clients.list[j.Resourcepart()].proven = true
		}
	})
}
