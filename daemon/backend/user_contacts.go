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

func (u *User) vcard(contact string, id int32, v VCard) {
	u.send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{
		UserName: &u.jid, BuddyName: &contact, Id: &id,
		Fullname: text(v.FullName), Nickname: text(v.Nickname), Photo: v.Photo,
	})
}

func (u *User) buddy(c Contact) *pbnetwork.Buddy {
	return &pbnetwork.Buddy{
		UserName: &u.jid, BuddyName: &c.Name, Alias: text(c.Alias), Group: c.Groups,
		Status: c.Status.Type.Enum(), StatusMessage: text(c.Status.Text),
		IconHash: text(c.IconHash), Blocked: &c.Blocked,
	}
}

// contact is the other direction of buddy.
func contact(b *pbnetwork.Buddy) Contact {
	return Contact{
		Name: b.GetBuddyName(), Alias: b.GetAlias(), Groups: b.GetGroup(),
		Status:   Status{Type: b.GetStatus(), Text: b.GetStatusMessage()},
		IconHash: b.GetIconHash(), Blocked: b.GetBlocked(),
	}
}
