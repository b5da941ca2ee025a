// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// ErrEnded answers every event for a session whose Run has returned or is
// about to: the caller makes a new one.
var ErrEnded = errors.New("session has ended")

// ErrNoCommands answers a Command where the backend knows none.
var ErrNoCommands = errors.New("the network has no commands")

// ErrOffline answers what needs the user to be logged in.
var ErrOffline = errors.New("not logged in to the network")

// The methods below may be called from any goroutine. They return when the
// session took the event, it has ended (ErrEnded), or ctx is done; only those
// whose comment says so wait for what comes of it.

// Stanza hands over a stanza of the user: everything to a contact's or room's
// address, presence to the transport's own, and results and errors of IQs that
// Session sent from the transport's address (OwnID). The element must not be
// changed afterwards.
func (s *Session) Stanza(ctx context.Context, st *xmpp.Element) error {
	return s.box.put(ctx, stanzaCame{st})
}

// StanzaWithin is Stanza, and waits no longer than limit where the session is
// busy.
func (s *Session) StanzaWithin(ctx context.Context, limit time.Duration, st *xmpp.Element) error {
	if space, err := s.box.tryPut(stanzaCame{st}); space == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.Stanza(ctx, st)
}

// LinkUp says that the link with the XMPP server stands (again).
func (s *Session) LinkUp(ctx context.Context) error { return s.box.put(ctx, linkChanged{up: true}) }

// LinkDown says that the link with the XMPP server broke. The legacy session
// goes on; what comes from there is kept.
func (s *Session) LinkDown(ctx context.Context) error { return s.box.put(ctx, linkChanged{}) }

// Uncertain says that st left just before the link broke and may not have
// arrived. The user is told once the link is back.
func (s *Session) Uncertain(ctx context.Context, st *xmpp.Element) error {
	return s.box.put(ctx, uncertainSent{st})
}

// Login logs in without waiting for presence, also after refused credentials.
func (s *Session) Login(ctx context.Context) error { return s.box.put(ctx, loginWanted{}) }

// Logout logs out and stays so until the next Login or new presence. reason is
// shown to the user.
func (s *Session) Logout(ctx context.Context, reason string) error {
	return s.box.put(ctx, logoutWanted{reason})
}

// Stop ends the session because the main process ends: the user sees the
// transport, contacts and rooms go, and stays marked online in the store.
// It returns when that is done.
func (s *Session) Stop(ctx context.Context) error {
	if err := s.box.put(ctx, stopWanted{}); err != nil && !errors.Is(err, ErrEnded) {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ChangeAccount replaces the account after a registration: with the
// credentials in use it only takes over ID and settings (a trial that was
// kept); with others it logs in anew if the user is there.
func (s *Session) ChangeAccount(ctx context.Context, u *store.User) error {
	return s.box.put(ctx, accountChanged{u})
}

// Unregister removes every roster item from the user's roster, logs out and
// returns when the session has ended. The store is the caller's to clean,
// afterwards.
func (s *Session) Unregister(ctx context.Context) error {
	if err := s.box.put(ctx, unregisterWanted{}); err != nil {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SetSetting changes one of the user's own settings (enable_transport,
// send_headlines, stay_connected, or one of the backend's), keeps it, and
// returns what came of keeping it.
func (s *Session) SetSetting(ctx context.Context, name, value string) error {
	r := make(chan error, 1)
	return s.ask(ctx, settingWanted{name, value, r}, r)
}

// AnswerStep answers the step with this id; nil fields cancel it. The error
// says so if no such step waits any more.
func (s *Session) AnswerStep(ctx context.Context, id string, fields map[string]string) error {
	r := make(chan error, 1)
	return s.ask(ctx, stepAnswered{id, fields, r}, r)
}

// PendingStep is the step that waits for the user's answer, nil if none does.
// It never blocks; the Step must not be changed.
func (s *Session) PendingStep() *Step { return s.step.Load() }

// Command runs a command of the network's own and waits for its answer. room
// is the legacy name or the JID of the room it was typed in, "" elsewhere. A
// command that the network refused is a *CommandError.
func (s *Session) Command(ctx context.Context, room, name string, args []string) (string, error) {
	r := make(chan commandResult, 1)
	if err := s.box.put(ctx, commandWanted{room, name, args, r}); err != nil {
		return "", err
	}
	select {
	case got := <-r:
		return got.text, got.err
	case <-s.ended:
		return "", ErrEnded
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// CommandError is a command that the network did not carry out; the text is
// its own.
type CommandError struct{ Text string }

func (e *CommandError) Error() string { return e.Text }

// Status is a snapshot; it never blocks.
func (s *Session) Status() Status {
	st := *s.status.Load()
	if t := s.activity.Load(); t != 0 {
		st.LastActivity = time.Unix(0, t)
	}
	return st
}

// RoomList is what the network last said about its rooms; it never blocks.
func (s *Session) RoomList() []RoomInfo {
	if l := s.roomList.Load(); l != nil {
		return slices.Clone(*l)
	}
	return nil
}

// ContactList asks the session for the user's contacts, by name.
func (s *Session) ContactList(ctx context.Context) ([]ContactInfo, error) {
	r := make(chan []ContactInfo, 1)
	if err := s.box.put(ctx, contactsWanted{r}); err != nil {
		return nil, err
	}
	select {
	case l := <-r:
		return l, nil
	case <-s.ended:
		return nil, ErrEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask posts e and waits for its answer.
func (s *Session) ask(ctx context.Context, e event, answer <-chan error) error {
	if err := s.box.put(ctx, e); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-s.ended:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}
