// SPDX-License-Identifier: GPL-2.0-or-later

// Package muc is multi-user chat's payloads (XEP-0045) from the room's side:
// what occupants ask and what they are told. It keeps no rooms.
package muc

import (
	"slices"
	"strconv"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Namespaces. NS is the feature.
const (
	NS           = "http://jabber.org/protocol/muc"
	NSUser       = "http://jabber.org/protocol/muc#user"
	NSAdmin      = "http://jabber.org/protocol/muc#admin"
	NSOwner      = "http://jabber.org/protocol/muc#owner"
	NSRoomConfig = "http://jabber.org/protocol/muc#roomconfig"
	NSRoomInfo   = "http://jabber.org/protocol/muc#roominfo"
	NSRequest    = "http://jabber.org/protocol/muc#request"
	NSUnique     = "http://jabber.org/protocol/muc#unique"
	NSRegister   = "http://jabber.org/protocol/muc#register"
	NSTraffic    = "http://jabber.org/protocol/muc#traffic"
	NSConference = "jabber:x:conference" // XEP-0249
)

// Features of XEP-0410 and of stable ids in rooms.
const (
	FeatureSelfPing = "http://jabber.org/protocol/muc#self-ping-optimization"
	FeatureStableID = "http://jabber.org/protocol/muc#stable_id"
)

// Affiliations.
const (
	Owner   = "owner"
	Admin   = "admin"
	Member  = "member"
	Outcast = "outcast"
)

// Roles.
const (
	Moderator   = "moderator"
	Participant = "participant"
	Visitor     = "visitor"
)

// None is no affiliation, or no role.
const None = "none"

// Status codes (XEP-0045 §15.6).
const (
	StatusNonAnonymous     = 100 // everybody sees the occupants' JIDs
	StatusAffiliationAway  = 101
	StatusShowsUnavailable = 102
	StatusHidesUnavailable = 103
	StatusConfigChanged    = 104
	StatusSelf             = 110 // the presence is the receiver's own
	StatusLogging          = 170
	StatusNoLogging        = 171
	StatusNowNonAnonymous  = 172
	StatusNowSemiAnonymous = 173
	StatusCreated          = 201
	StatusNickAssigned     = 210
	StatusBanned           = 301
	StatusNickChanged      = 303
	StatusKicked           = 307
	StatusAffiliationLost  = 321
	StatusMembersOnly      = 322
	StatusShutdown         = 332
	StatusTechnicalTrouble = 333 // removed because of an error, such as a lost link
)

// Item is <item/> of a presence or of an admin query.
type Item struct {
	Affiliation, Role string
	JID, Nick         string
	Actor             string // the nick of who did it
	ActorJID          string
	Reason            string
}

// Element is the item in NSUser or NSAdmin.
func (i Item) Element(space string) *xmpp.Element {
	e := xmpp.New(space, "item").Set("affiliation", i.Affiliation).Set("role", i.Role).
		Set("jid", i.JID).Set("nick", i.Nick)
	if i.Actor != "" || i.ActorJID != "" {
		e.Add(xmpp.New(space, "actor").Set("nick", i.Actor).Set("jid", i.ActorJID))
	}
	if i.Reason != "" {
		e.Add(xmpp.NewText(space, "reason", i.Reason))
	}
	return e
}

func parseItem(e *xmpp.Element) Item {
	a := e.Child(e.Space, "actor")
	return Item{
		Affiliation: e.Get("affiliation"), Role: e.Get("role"), JID: e.Get("jid"), Nick: e.Get("nick"),
		Actor: a.Get("nick"), ActorJID: a.Get("jid"), Reason: e.ChildText(e.Space, "reason"),
	}
}

// User is <x/> in NSUser, of presence and messages.
type User struct {
	Items    []Item
	Statuses []int
	Invites  []Invite
	Decline  *Decline
	Destroy  *Destroy
	Password string
}

// Element is <x/>.
func (u User) Element() *xmpp.Element {
	x := xmpp.New(NSUser, "x")
	for _, i := range u.Items {
		x.Add(i.Element(NSUser))
	}
	for _, i := range u.Invites {
		x.Add(i.element())
	}
	if u.Decline != nil {
		x.Add(u.Decline.element())
	}
	if u.Destroy != nil {
		x.Add(u.Destroy.element(NSUser))
	}
	if u.Password != "" {
		x.Add(xmpp.NewText(NSUser, "password", u.Password))
	}
	for _, s := range u.Statuses {
		x.Add(xmpp.New(NSUser, "status").Set("code", strconv.Itoa(s)))
	}
	return x
}

// Has reports whether u has the status code.
func (u *User) Has(status int) bool { return u != nil && slices.Contains(u.Statuses, status) }

// UserOf reads the <x/> in NSUser of a stanza; nil without one.
func UserOf(st *xmpp.Element) *User {
	x := st.Child(NSUser, "x")
	if x == nil {
		return nil
	}
	u := &User{}
	for c := range x.Children() {
		if c.Space != NSUser {
			continue
		}
		switch c.Name {
		case "item":
			u.Items = append(u.Items, parseItem(c))
		case "status":
			if n, err := strconv.Atoi(c.Get("code")); err == nil {
				u.Statuses = append(u.Statuses, n)
			}
		case "invite":
			u.Invites = append(u.Invites, parseInvite(c))
		case "decline":
			u.Decline = &Decline{To: c.Get("to"), From: c.Get("from"), Reason: c.ChildText(NSUser, "reason")}
		case "destroy":
			u.Destroy = parseDestroy(c)
		case "password":
			u.Password = c.Text()
		}
	}
	return u
}

// Private marks a private message to or from an occupant (XEP-0045 §7.5).
func Private() *xmpp.Element { return xmpp.New(NSUser, "x") }
