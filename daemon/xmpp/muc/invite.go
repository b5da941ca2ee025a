// SPDX-License-Identifier: GPL-2.0-or-later

package muc

import "spectrum.im/spectrum2/daemon/xmpp"

// Invite is a mediated invitation (XEP-0045 §7.8.2): To as the inviter sends
// it to the room, From as the room passes it on.
type Invite struct {
	To, From string
	Reason   string
	Thread   string // of a conversation that goes on in the room
	Continue bool
}

func (i Invite) element() *xmpp.Element {
	e := xmpp.New(NSUser, "invite").Set("to", i.To).Set("from", i.From)
	if i.Reason != "" {
		e.Add(xmpp.NewText(NSUser, "reason", i.Reason))
	}
	if i.Continue {
		e.Add(xmpp.New(NSUser, "continue").Set("thread", i.Thread))
	}
	return e
}

func parseInvite(e *xmpp.Element) Invite {
	c := e.Child(NSUser, "continue")
	return Invite{
		To: e.Get("to"), From: e.Get("from"), Reason: e.ChildText(NSUser, "reason"),
		Continue: c != nil, Thread: c.Get("thread"),
	}
}

// Decline answers a mediated invitation (XEP-0045 §7.8.2).
type Decline struct{ To, From, Reason string }

func (d Decline) element() *xmpp.Element {
	e := xmpp.New(NSUser, "decline").Set("to", d.To).Set("from", d.From)
	if d.Reason != "" {
		e.Add(xmpp.NewText(NSUser, "reason", d.Reason))
	}
	return e
}

// Direct is a direct invitation (XEP-0249), from user to user.
type Direct struct {
	Room, Password, Reason string
	Thread                 string
	Continue               bool
}

// Element is <x/> of the message.
func (d Direct) Element() *xmpp.Element {
	x := xmpp.New(NSConference, "x").Set("jid", d.Room).Set("password", d.Password).Set("reason", d.Reason)
	if d.Continue {
		x.Set("continue", "true").Set("thread", d.Thread)
	}
	return x
}

// DirectOf reads a direct invitation; nil if the message is none.
func DirectOf(message *xmpp.Element) *Direct {
	x := message.Child(NSConference, "x")
	if x == nil || x.Get("jid") == "" {
		return nil
	}
	c := x.Get("continue")
	return &Direct{
		Room: x.Get("jid"), Password: x.Get("password"), Reason: x.Get("reason"),
		Continue: c == "true" || c == "1", Thread: x.Get("thread"),
	}
}

// Destroy says that a room is gone, and where to go instead (XEP-0045 §10.9).
type Destroy struct{ JID, Password, Reason string }

func (d Destroy) element(space string) *xmpp.Element {
	e := xmpp.New(space, "destroy").Set("jid", d.JID)
	if d.Password != "" {
		e.Add(xmpp.NewText(space, "password", d.Password))
	}
	if d.Reason != "" {
		e.Add(xmpp.NewText(space, "reason", d.Reason))
	}
	return e
}

func parseDestroy(e *xmpp.Element) *Destroy {
	return &Destroy{JID: e.Get("jid"), Password: e.ChildText(e.Space, "password"), Reason: e.ChildText(e.Space, "reason")}
}
