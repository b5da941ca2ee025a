// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Message delivers a message from the network to the user.
func (u *User) Message(in Incoming) {
	m := &pbnetwork.ConversationMessage{
		UserName: &u.jid, BuddyName: &in.From, Message: &in.Text,
		Nickname: text(in.Occupant), Xhtml: text(in.XHTML), Timestamp: timestamp(in.Time),
		Headline: flag(in.Headline), Pm: flag(in.Private), Carbon: flag(in.Carbon),
	}
	for _, a := range in.Attachments {
		m.Attachment = append(m.Attachment, &pbnetwork.Attachment{
			Url: &a.URL, MimeType: text(a.MimeType), Description: text(a.Description),
		})
	}
	if u.extended() {
		m.RemoteId = text(in.RemoteID)
	}
	u.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m)
}

// Receipt says that the contact has received m: the delivery receipt that
// m.WantReceipt asked for. It is not m's result, which says that the network
// took it.
func (u *User) Receipt(m *Message) {
	if m.receiptID == "" {
		return
	}
	u.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK, &pbnetwork.ConversationMessage{
		UserName: &u.jid, BuddyName: &m.To, Message: proto.String(""), Id: &m.receiptID,
	})
}

// accept makes the Message of a frame and remembers that it wants a result.
func (u *User) accept(c *pbnetwork.ConversationMessage) *Message {
	m := &Message{
		To: c.GetBuddyName(), Text: c.GetMessage(), XHTML: c.GetXhtml(),
		ID: c.GetMessageId(), WantReceipt: c.GetId() != "", receiptID: c.GetId(),
		result: u.result,
	}
	if c.GetPm() {
		m.Occupant = c.GetNickname()
	} else if !u.extended() {
		m.To, m.Occupant = u.splitOccupant(m.To)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.open[m] = struct{}{}
	return m
}

// result reports what became of m, once.
func (u *User) result(m *Message, o outcome) {
	u.mu.Lock()
	_, waits := u.open[m]
	delete(u.open, m)
	u.mu.Unlock()
	if !waits {
		return
	}
	if u.extended() && m.ID != "" {
		u.mustSend(messageResult(u.jid, m.ID, o))
		return
	}
	u.complain(m, o)
}

// complain tells a failure in version 1's only way: a message from whoever it
// was for.
func (u *User) complain(m *Message, o outcome) {
	if o.Outcome == pbnetwork.MessageResult_DELIVERED {
		return
	}
	sentence := "Your message was not delivered"
	if o.Outcome == pbnetwork.MessageResult_UNKNOWN {
		sentence = "Your message may not have been delivered"
	}
	if o.Reason != "" {
		sentence += ": " + o.Reason
	}
	u.Message(Incoming{From: m.To, Occupant: m.Occupant, Private: m.Occupant != "", Text: sentence})
}

// messageResult is the frame that answers the message called id.
func messageResult(user, id string, o outcome) pbnetwork.Frame {
	return pbnetwork.Frame{
		Type: pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT,
		Message: &pbnetwork.MessageResult{
			User: &user, MessageId: &id, Outcome: o.Outcome.Enum(),
			Reason: text(o.Reason), RemoteId: text(o.RemoteID), Condition: text(o.Condition),
		},
	}
}

// giveUp reports every message that has no result as unknown: the session
// ends, and nobody will hear of them any more.
func (u *User) giveUp(reason string) {
	u.mu.Lock()
	left := make([]*Message, 0, len(u.open))
	for m := range u.open {
		left = append(left, m)
	}
	u.mu.Unlock()
	for _, m := range left {
		m.Unknown(reason)
	}
}
