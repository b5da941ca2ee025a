// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Contact adds a contact to the user's list, or says what changed about one:
// name, groups, presence, avatar.
func (u *User) Contact(c Contact) {
	u.send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, u.buddy(c))
}

// ContactList gives the user's whole list at once, best right after Connected:
// who is not in it is not on his list any more.
func (u *User) ContactList(list []Contact) {
	if !u.extended() {
		for _, c := range list { // version 1 cannot tell that it is the whole
			u.Contact(c)
		}
		return
	}
	m := &pbnetwork.Buddies{User: &u.jid, Complete: flag(true)}
	for _, c := range list {
		m.Buddy = append(m.Buddy, u.buddy(c))
	}
	u.send(pbnetwork.WrapperMessage_TYPE_BUDDIES, m)
}

// ContactRemoved takes a contact off the user's list.
func (u *User) ContactRemoved(name string) {
	u.send(pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, &pbnetwork.Buddy{UserName: &u.jid, BuddyName: &name})
}

// AuthRequest says that a contact asks to see the user's presence.
func (u *User) AuthRequest(contact, message string) {
	u.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, &pbnetwork.Buddy{
		UserName: &u.jid, BuddyName: &contact, StatusMessage: text(message),
	})
}

// Typing says what a contact does in his conversation with the user.
func (u *User) Typing(contact string, t Typing) {
	kind := pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING
	switch t {
	case TypingActive:
		kind = pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING
	case TypingPaused:
		kind = pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED
	}
	u.send(kind, &pbnetwork.Buddy{UserName: &u.jid, BuddyName: &contact})
}

// Attention says that a contact calls for the user's attention.
func (u *User) Attention(contact, message string) {
	u.send(pbnetwork.WrapperMessage_TYPE_ATTENTION, &pbnetwork.ConversationMessage{
		UserName: &u.jid, BuddyName: &contact, Message: &message,
	})
}

// RawXML sends a stanza as it is, when the features say RawXML. Its addresses
// are the main process's business to check.
func (u *User) RawXML(stanza []byte) {
	u.sendFrame(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: stanza})
}

func (u *User) buddy(c Contact) *pbnetwork.Buddy {
	b := &pbnetwork.Buddy{
		UserName: &u.jid, BuddyName: &c.Name, Alias: text(c.Alias), Group: c.Groups,
		Status: c.Status.Type.Enum(), StatusMessage: text(c.Status.Text),
		IconHash: text(c.IconHash), Blocked: &c.Blocked,
	}
	if u.extended() && c.Auth != pbnetwork.Authorization_AUTHORIZATION_UNCHANGED {
		b.Authorization = c.Auth.Enum()
	}
	return b
}

// contact is the other direction of buddy.
func contact(b *pbnetwork.Buddy) Contact {
	return Contact{
		Name: b.GetBuddyName(), Alias: b.GetAlias(), Groups: b.GetGroup(),
		Status:   Status{Type: b.GetStatus(), Text: b.GetStatusMessage()},
		IconHash: b.GetIconHash(), Blocked: b.GetBlocked(),
		Auth: b.GetAuthorization(), AuthText: b.GetAuthText(), Exact: b.GetExact(),
	}
}
