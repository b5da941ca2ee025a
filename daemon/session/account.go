// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"slices"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/store"
)

// account is the user's legacy account and what is being done about it.
type account struct {
	user  *store.User
	state State
	since time.Time
	text  string
	// wanted: the account is to be logged in, now or after a retry.
	wanted bool
	// pinned: by an explicit Login, so that no presence is needed.
	pinned bool
	// wasOnline since it was last wanted; failures since it was last online.
	wasOnline bool
	failures  int

	link     Link
	receiver *receiver // of link; frames of any other are late
	attempt  *attempt  // on the way to a link
	retry    *timer
	patience *timer // for CONNECTED
	// lingering keeps a session without a user alive for a while: a new one
	// for its first event, a trial that went well for the user's presence.
	lingering *timer
	tried     bool // Options.Trial was called
	restored  bool // the stored rooms were taken over
	// adopting: what the store has is being taken over by a running session.
	adopting bool
	// accepted: the network took these credentials before.
	accepted bool
	// parting: the user goes to another main process.
	parting *partWanted
	// authorizes: on this network people allow each other to see them; as the
	// last backend said.
	authorizes bool

	avatar       string  // hash of the picture last asked for
	picture      *[]byte // the user's own, until the network can be told
	connected    bool
	legacyName   string
	confirmation pbnetwork.Confirmation
	sent         mood // the last STATUS_CHANGED on this link
}

// setState changes the account's state and shows it to the user.
func (s *Session) setState(ctx context.Context, st State, text string) {
	a := &s.account
	if a.state != st {
		s.log.Debug("account state", "state", st.String(), "was", a.state.String())
		a.state, a.since = st, time.Now()
	}
	a.text = text
	s.showTransport(ctx, "")
}

// linked reports whether there is a backend, online whether it is logged in.
func (s *Session) linked() bool { return s.account.link != nil }
func (s *Session) online() bool { return s.account.connected }

// stayConnected: the user stays logged in while none of his clients is there. In
// server mode only one who is kept can: anybody may come with any name there,
// and would leave a session behind for ever.
func (s *Session) stayConnected() bool {
	return (s.kept() || !s.set.ServerMode) && s.setting("stay_connected", s.set.StayConnected)
}

// setting reads a boolean setting of the user's own.
func (s *Session) setting(name string, fallback bool) bool {
	switch strings.ToLower(s.account.user.Settings[name]) {
	case "1", "true", "yes", "on":
		return true
	case "0", "false", "no", "off":
		return false
	}
	return fallback
}

// logIn wants the account logged in and starts with it. It is called when the
// user acted, so it also forgets that the credentials were refused.
func (s *Session) logIn(ctx context.Context) {
	a := &s.account
	if why := s.refusal(); why != "" {
		a.wanted = false
		s.setState(ctx, Disabled, why)
		return
	}
	if a.wanted && (s.linked() || a.attempt != nil && !a.attempt.cancelled) {
		return
	}
	a.wanted, a.wasOnline, a.failures = true, false, 0
	s.timers.stop(a.retry)
	a.retry = nil
	s.setState(ctx, Connecting, "")
	s.connect(ctx)
}

// refusal is why this user may not log in at all, "" if he may.
func (s *Session) refusal() string {
	switch {
	case !s.setting("enable_transport", true):
		return "You switched this account off; change the setting enable_transport to use it"
	case s.set.VIPOnly && !s.account.user.VIP:
		if s.set.VIPMessage != "" {
			return s.set.VIPMessage
		}
		return "This transport is for selected users only"
	}
	return ""
}

// logOut ends the legacy session and shows the user why, in state st.
func (s *Session) logOut(ctx context.Context, st State, reason string) {
	a := &s.account
	a.wanted, a.pinned, a.wasOnline = false, false, false
	s.timers.stop(a.retry)
	a.retry = nil
	if s.linked() {
		// The answer may never come; what has to be sent back is, below.
		s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_LOGOUT, &pbnetwork.Logout{User: &s.user, LegacyName: &a.user.Name})
	}
	s.unlink(ctx, "you were logged out")
	s.cancelAttempt()
	s.closeRooms(ctx, reason)
	s.contactsGone(ctx)
	s.setState(ctx, st, reason)
	s.markOnline(false)
}

// markOnline notes in the store who has to be asked for his presence after a
// restart.
func (s *Session) markOnline(online bool) {
	u := s.account.user
	if u.Online == online || !s.kept() {
		u.Online = online
		return
	}
	u.Online = online
	id := u.ID
	s.later(&write{what: "online mark", key: "online", run: func(ctx context.Context, t store.Token) error {
		return s.o.Store.SetOnline(ctx, t, id, online)
	}})
}

// unlink gives the backend up; what it had not confirmed goes back to its
// senders with why.
func (s *Session) unlink(ctx context.Context, why string) {
	s.dropLink()
	s.releaseHeld(ctx)
	s.returnInflight(ctx, why)
	s.abandonRequests(ctx)
	s.abandonCommands()
	s.abandonSearches()
	s.dropStep()
}

func (s *Session) dropLink() {
	a := &s.account
	if s.timers != nil {
		s.timers.stop(a.patience)
	}
	a.patience, a.connected = nil, false
	if a.link != nil {
		a.link.Release()
	}
	a.link, a.receiver = nil, nil
	a.sent = mood{}
}

// publish shows the world what has become of the session.
func (s *Session) publish() {
	a := &s.account
	st := Status{
		User: s.user, LegacyName: a.legacyName, State: a.state, Since: a.since, Text: a.text,
		Confirmation: a.confirmation, Contacts: len(s.contacts.byLocal), Rooms: s.rooms.count(),
	}
	if a.link != nil {
		st.BackendID = a.link.Backend()
	}
	if old := s.status.Load(); old != nil && s.clients.same(old.Resources) {
		st.Resources = old.Resources
		if old.equal(st) {
			return
		}
	} else {
		st.Resources = s.clients.names()
	}
	changed := st // only this copy goes to the heap
	s.status.Store(&changed)
}

func (st Status) equal(o Status) bool {
	return st.User == o.User && st.LegacyName == o.LegacyName && st.State == o.State && st.Since.Equal(o.Since) &&
		st.Text == o.Text && slices.Equal(st.Resources, o.Resources) && st.BackendID == o.BackendID &&
		st.Confirmation == o.Confirmation && st.Contacts == o.Contacts && st.Rooms == o.Rooms
}
