// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// frontDoor is one session's way to the clients of its user, and to nobody
// else's: whatever address a stanza is for, a session can only reach the house
// that was made for it. One that merely tries a password beside another login,
// or that a later one has replaced, reaches none.
type frontDoor struct {
	side *serverSide
	user string // the session's JID
	seat *seat  // whose s is set before the session runs
}

var (
	_ session.Front        = frontDoor{}
	_ session.RosterPusher = frontDoor{}
)

// house is the session's, nil where it has none, or none yet.
func (d frontDoor) house() *house {
	h := d.side.house(d.user)
	if h == nil || !closed(h.made) || h.err != nil || h.session != d.seat.s {
		return nil
	}
	return h
}

// Send hands a stanza to the user's clients. What is for somebody else is what
// the user said with another client of the network: his clients are shown it.
func (d frontDoor) Send(ctx context.Context, st *xmpp.Element) error {
	h := d.house()
	if h == nil {
		return component.ErrDown
	}
	if err := h.clients.Send(ctx, st); err != nil {
		return err
	}
	if st.Name == "message" && xmpp.Body(st) != "" {
		d.side.toXMPP.Add(1)
	}
	return nil
}

// PushRoster hands changes to the user's clients; before there are any it has
// nobody to tell, and they ask for the whole list.
func (d frontDoor) PushRoster(ctx context.Context, items []rosteritem.Item) error {
	h := d.house()
	if h == nil {
		return nil
	}
	return h.clients.PushRoster(ctx, items)
}

// refused ends the clients of a user whose password the network does not take
// any more: they have to log in again. It does not wait.
func (d frontDoor) refused(err error) {
	d.side.spawn(func(context.Context) {
		if h := d.house(); h != nil {
			d.side.log.Info("the network refuses the password of a running session", "user", d.user)
			h.clients.Close(xmpp.NotAuthorized, fmt.Sprintf("The network does not take your password any more: %v", err))
		}
	})
}
