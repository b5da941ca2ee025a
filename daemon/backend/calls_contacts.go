// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"strings"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// simple is a call whose error is told as a message from someone.
func (u *User) simple(from, what string, run func(context.Context, Session) error) call {
	return call{
		name:   what,
		run:    func(ctx context.Context, s Session) { u.tell(from, what, run(ctx, s)) },
		refuse: u.refusal(from, what),
	}
}

func statusCall(u *User, f pbnetwork.Frame) call {
	m := f.Message.(*pbnetwork.Status)
	return u.simple("", "status", func(ctx context.Context, s Session) error {
		if t, ok := s.(StatusSession); ok {
			return t.SetStatus(ctx, Status{Type: m.GetStatus(), Text: m.GetStatusMessage()})
		}
		return nil
	})
}

func typingCall(u *User, f pbnetwork.Frame) call {
	name, t := f.Message.(*pbnetwork.Buddy).GetBuddyName(), TypingStopped
	switch f.Type {
	case pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING:
		t = TypingActive
	case pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED:
		t = TypingPaused
	}
	c := u.simple(name, "typing", func(ctx context.Context, s Session) error {
		if x, ok := s.(TypingSession); ok {
			return x.Typing(ctx, name, t)
		}
		return nil
	})
	c.refuse = func(string) {} // nobody wants to be told
	return c
}

func contactCall(u *User, f pbnetwork.Frame) call {
	b := f.Message.(*pbnetwork.Buddy)
	c := contact(b)
	return u.simple(c.Name, "contact", func(ctx context.Context, s Session) error {
		if x, ok := s.(BlockSession); ok && b.GetBlockedOnly() {
			return x.Block(ctx, c.Name, c.Blocked)
		}
		if x, ok := s.(ContactSession); ok {
			return x.UpdateContact(ctx, c)
		}
		return nil
	})
}

func contactRemovedCall(u *User, f pbnetwork.Frame) call {
	name := f.Message.(*pbnetwork.Buddy).GetBuddyName()
	return u.simple(name, "contact removed", func(ctx context.Context, s Session) error {
		if x, ok := s.(ContactSession); ok {
			return x.RemoveContact(ctx, name)
		}
		return nil
	})
}

// authCall is the user's answer to a contact who asked to see him.
func authCall(u *User, f pbnetwork.Frame) call {
	b := f.Message.(*pbnetwork.Buddy)
	name := b.GetBuddyName()
	return u.simple(name, "authorization", func(ctx context.Context, s Session) error {
		if x, ok := s.(AuthSession); ok {
			grant := b.GetAuthorization() == pbnetwork.Authorization_AUTHORIZATION_GRANTED
			return x.Authorize(ctx, name, grant, b.GetAuthText())
		}
		return nil
	})
}

func rosterCall(u *User, f pbnetwork.Frame) call {
	var list []Contact
	for _, b := range f.Message.(*pbnetwork.Buddies).GetBuddy() {
		list = append(list, contact(b))
	}
	return u.simple("", "roster", func(ctx context.Context, s Session) error {
		if x, ok := s.(RosterSession); ok {
			return x.Roster(ctx, list)
		}
		return nil
	})
}

// errNoAttention is for the user, whose client cannot know.
var errNoAttention = errors.New("this network cannot call for somebody's attention")

func attentionCall(u *User, f pbnetwork.Frame) call {
	m := f.Message.(*pbnetwork.ConversationMessage)
	return u.simple(m.GetBuddyName(), "attention", func(ctx context.Context, s Session) error {
		if x, ok := s.(AttentionSession); ok {
			return x.Attention(ctx, m.GetBuddyName(), m.GetMessage())
		}
		return errNoAttention
	})
}

// vcardCall is a request, or, with a photo or without one on purpose, the
// user's new avatar. A request
// is answered in any case: somebody waits for it.
func vcardCall(u *User, f pbnetwork.Frame) call {
	m := f.Message.(*pbnetwork.VCard)
	if len(m.GetPhoto()) > 0 || m.GetNoPhoto() {
		return u.simple("", "avatar", func(ctx context.Context, s Session) error {
			if x, ok := s.(AvatarSession); ok {
				return x.SetAvatar(ctx, m.GetPhoto())
			}
			return nil
		})
	}
	name := m.GetBuddyName()
	return call{
		name: "vcard",
		asks: true,
		run: func(ctx context.Context, s Session) {
			var v VCard
			defer func() { u.vcard(name, m.GetId(), v) }()
			if x, ok := s.(VCardSession); ok {
				var err error
				if v, err = x.VCard(ctx, name); err != nil {
					u.log.Info("a call failed", "call", "vcard", "err", err)
				}
			}
		},
		refuse: func(string) { u.vcard(name, m.GetId(), VCard{}) },
	}
}

func rawCall(u *User, f pbnetwork.Frame) call {
	return u.simple("", "stanza", func(ctx context.Context, s Session) error {
		if x, ok := s.(RawSession); ok {
			return x.RawXML(ctx, f.Raw)
		}
		return nil
	})
}

// userOf names the user whom f is about. A stanza says it in its from.
func userOf(f pbnetwork.Frame) string {
	if f.Type == pbnetwork.WrapperMessage_TYPE_RAW_XML {
		return senderOf(f.Raw)
	}
	return f.UserOf()
}

// senderOf is the bare JID in a stanza's from, "" where there is none.
func senderOf(stanza []byte) string {
	token, err := xml.NewDecoder(bytes.NewReader(stanza)).Token()
	start, ok := token.(xml.StartElement)
	if err != nil || !ok {
		return ""
	}
	for _, a := range start.Attr {
		if a.Name.Space == "" && a.Name.Local == "from" {
			bare, _, _ := strings.Cut(a.Value, "/")
			return bare
		}
	}
	return ""
}
