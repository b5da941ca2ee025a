// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Message is a message from the user to the network.
type Message struct {
	// To is a contact's or a room's name.
	To string
	// Occupant is set for a private message to an occupant of the room To.
	Occupant string
	Text     string
	XHTML    string
	// ID names the message between the main process and the backend; "" with
	// a version 1 main process.
	ID string
	// WantReceipt: the user asked for a delivery receipt (User.Receipt).
	WantReceipt bool

	receiptID string
	result    func(*Message, outcome)
}

// Delivered says that the network took the message. remoteID is the network's
// own id, "" where it has none. Of this and the three below only the first
// call counts; they may come from any goroutine.
func (m *Message) Delivered(remoteID string) {
	m.finish(outcome{Outcome: pbnetwork.MessageResult_DELIVERED, RemoteID: remoteID})
}

// Failed says that the message was not delivered; reason is for the user.
func (m *Message) Failed(reason string) {
	m.finish(outcome{Outcome: pbnetwork.MessageResult_FAILED, Reason: reason})
}

// Refused is Failed with the XMPP error condition (RFC 6120 §8.3.3) that fits
// best: "forbidden", "item-not-found", "policy-violation".
func (m *Message) Refused(condition, reason string) {
	m.finish(outcome{Outcome: pbnetwork.MessageResult_FAILED, Reason: reason, Condition: condition})
}

// Unknown says that nobody can tell whether it was delivered.
func (m *Message) Unknown(reason string) {
	m.finish(outcome{Outcome: pbnetwork.MessageResult_UNKNOWN, Reason: reason})
}

// finish hands the outcome on; a Message that an author's test made himself
// has nobody to tell.
func (m *Message) finish(o outcome) {
	if m.result != nil {
		m.result(m, o)
	}
}

// Incoming is a message from the network to the user.
type Incoming struct {
	// From is the contact or the room.
	From string
	// Occupant is who wrote it, in a room.
	Occupant string
	// Private: a private message of that occupant.
	Private bool
	Text    string
	XHTML   string
	// Time is when it was sent; zero means now.
	Time time.Time
	// Headline: from a server or service, not a conversation.
	Headline bool
	// Carbon: the user's own message, from another client of his.
	Carbon bool
	// RemoteID is the network's id of the message, "" where it has none.
	RemoteID    string
	Attachments []Attachment
}

// Attachment is a file that can be fetched from URL.
type Attachment struct {
	URL, MimeType, Description string
}
