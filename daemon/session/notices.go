// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"fmt"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// notice is a chat message from the transport to the user.
func (s *Session) notice(ctx context.Context, text string) {
	st := xmpp.NewMessage("chat", s.set.Addresses.Transport, s.user)
	s.deliver(ctx, st.Add(xmpp.NewText(xmpp.NSClient, "body", text)), "")
}

// senders is a set of names in the order in which they came, for a sentence.
type senders struct {
	names []string
	more  int
}

// sendersNamed is how many a sentence names.
const sendersNamed = 20

func (n *senders) add(name string) {
	for _, have := range n.names {
		if have == name {
			return
		}
	}
	if len(n.names) < sendersNamed {
		n.names = append(n.names, name)
	} else {
		n.more++
	}
}

func (n *senders) empty() bool { return len(n.names) == 0 }

// take is the list, which is empty afterwards.
func (n *senders) take() string {
	text := strings.Join(n.names, ", ")
	if n.more > 0 {
		text += fmt.Sprintf(" and others (%d messages)", n.more)
	}
	*n = senders{}
	return text
}

// describe names the sender of a stanza for a sentence.
func (s *Session) describe(from string) string {
	j, err := xmpp.ParseJID(from)
	if err != nil || j.Localpart() == "" {
		return s.networkName()
	}
	t := s.resolve(j)
	switch {
	case t.room != nil:
		return "room " + t.name
	case t.contact != nil && t.contact.Alias != "":
		return t.contact.Alias
	}
	return t.name
}

// doubts are the senders of messages that left just before the link with the
// XMPP server broke.
type doubts struct {
	senders
	due *timer
}

// uncertainSent: st may not have arrived.
type uncertainSent struct{ st *xmpp.Element }

func (e uncertainSent) apply(_ context.Context, s *Session) {
	if xmpp.Body(e.st) == "" {
		return
	}
	s.doubts.add(s.describe(e.st.Get("from")))
	s.tellDoubts()
}

// doubtGather lets all the doubts of one broken link come together.
const doubtGather = time.Second

// tellDoubts sees to it that the user hears of them once he can.
func (s *Session) tellDoubts() {
	if !s.doubts.empty() && s.doubts.due == nil && s.reachable() {
		s.doubts.due = s.timers.after(doubtGather, doubtsDue{})
	}
}

type doubtsDue struct{}

func (doubtsDue) apply(ctx context.Context, s *Session) {
	s.doubts.due = nil
	if s.doubts.empty() || !s.reachable() {
		return
	}
	s.notice(ctx, "The connection with your server broke for a moment. Messages may be missing, from: "+s.doubts.take())
}
