// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// outcomes decides each message's result by its text, the wrong way in parts:
// the first result counts.
func outcomes() *fake {
	return &fake{message: func(s *session, m *backend.Message) {
		s.network.note(m.Text)
		switch m.Text {
		case "deliver":
			m.Delivered("r1")
			m.Failed("a second result")
			m.Unknown("a third")
		case "fail":
			m.Failed("The nurse is away.")
		case "refuse":
			m.Refused("forbidden", "The nurse does not want to hear that.")
		}
	}}
}

func TestEachMessageHasOneResult(t *testing.T) {
	at(t, 1, outcomes(), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		deliver, fail := m.Message(romeo, "nurse", "deliver"), m.Message(romeo, "nurse", "fail")
		refuse, forget := m.Message(romeo, "nurse", "refuse"), m.Message(romeo, "nurse", "forget")
		if r := m.Result(deliver); r.GetOutcome() != pbnetwork.MessageResult_DELIVERED || r.GetRemoteId() != "r1" || r.GetUser() != romeo {
			t.Errorf("delivered: %v", r)
		}
		if r := m.Result(fail); r.GetOutcome() != pbnetwork.MessageResult_FAILED || r.GetReason() != "The nurse is away." {
			t.Errorf("failed: %v", r)
		}
		if r := m.Result(refuse); r.GetOutcome() != pbnetwork.MessageResult_FAILED || r.GetCondition() != "forbidden" {
			t.Errorf("refused: %v", r)
		}
		synctest.Wait() // the session has it
		m.Logout(romeo, "romeo")
		if r := m.Result(forget); r.GetOutcome() != pbnetwork.MessageResult_UNKNOWN || r.GetReason() == "" {
			t.Errorf("forgotten: %v", r)
		}
		synctest.Wait()
		for _, f := range m.Waiting() {
			if f.Type == pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT {
				t.Errorf("one more result: %v", f.Message)
			}
		}
		n.wantNotes(t, "new romeo", "deliver", "fail", "refuse", "forget")
	})
}

func TestAFailureReachesAVersion1UserAsAMessage(t *testing.T) {
	at(t, 0, outcomes(), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		m.Message(romeo, "nurse", "deliver")
		m.Message(romeo, "nurse", "fail")
		if c := m.Incoming(romeo, "nurse"); c.GetMessage() != "Your message was not delivered: The nurse is away." {
			t.Errorf("the user reads %v", c)
		}
	})
}

func TestAMessageOfSomebodyWithoutASessionFails(t *testing.T) {
	at(t, 1, plain(), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		id := m.Message(juliet, "nurse", "hello")
		if r := m.Result(id); r.GetOutcome() != pbnetwork.MessageResult_FAILED || r.GetUser() != juliet {
			t.Errorf("the result: %v", r)
		}
		n.wantNotes(t, "new romeo")
	})
}

func TestIncomingMessages(t *testing.T) {
	in := backend.Incoming{
		From: "ball", Occupant: "nurse", Private: true, Text: "hark", XHTML: "<b>hark</b>",
		Time: time.Date(2026, 1, 2, 5, 4, 5, 0, time.FixedZone("CET", 3600)), RemoteID: "r7",
		Attachments: []backend.Attachment{{URL: "https://example.org/x", MimeType: "image/png"}},
	}
	n := func() *fake {
		return &fake{message: func(s *session, m *backend.Message) { m.Delivered(""); s.User.Message(in) }}
	}
	each(t, n, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		m.Message(romeo, "ball", "speak")
		c := m.Incoming(romeo, "ball")
		if c.GetMessage() != in.Text || c.GetXhtml() != in.XHTML || c.GetNickname() != "nurse" || !c.GetPm() ||
			c.GetTimestamp() != "20260102T040405" || c.GetAttachment()[0].GetUrl() != in.Attachments[0].URL {
			t.Errorf("the message: %v", c)
		}
		if c.Carbon != nil || c.Headline != nil {
			t.Errorf("flags that were not set: %v", c)
		}
		if want := map[bool]string{true: "r7"}[m.Level() > 0]; c.GetRemoteId() != want {
			t.Errorf("the network's id at level %d: %q", m.Level(), c.GetRemoteId())
		}
	})
}

func TestReceiptsOnlyWhereAsked(t *testing.T) {
	n := func() *fake {
		return &fake{message: func(s *session, m *backend.Message) {
			m.Delivered("")
			s.Receipt(m)
			s.User.Message(backend.Incoming{From: m.To, Text: "read"})
		}}
	}
	each(t, n, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		user, nurse, text, id := romeo, "nurse", "hello", "xmpp-1"
		m.Message(romeo, nurse, "no receipt")
		m.Incoming(romeo, nurse)
		m.Send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, &pbnetwork.ConversationMessage{
			UserName: &user, BuddyName: &nurse, Message: &text, Id: &id,
		})
		a := backendtest.Get[*pbnetwork.ConversationMessage](m, pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK)
		if a.GetId() != id || a.GetBuddyName() != nurse {
			t.Errorf("the receipt: %v", a)
		}
		m.Incoming(romeo, nurse)
		for _, f := range m.Waiting() {
			if f.Type == pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK {
				t.Errorf("a receipt nobody asked for: %v", f.Message)
			}
		}
	})
}

func TestPrivateMessagesInBothForms(t *testing.T) {
	each(t, plain, func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		m.Join(romeo, "ball", "romeo", "")
		m.Occupants(romeo, "ball")
		m.PrivateMessage(romeo, "ball", "a/b", "psst")
		m.Message(romeo, "other/room", "hello")
		synctest.Wait()
		n.wantNotes(t, "new romeo", "join ball romeo ", "message ball a/b psst", "message other/room  hello")
	})
}

func TestAnErrorOfACallReachesItsUser(t *testing.T) {
	each(t, plain, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		user, room, subject := romeo, "ball", "a feud"
		m.Send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, &pbnetwork.ConversationMessage{
			UserName: &user, BuddyName: &room, Message: &subject,
		})
		if c := m.Incoming(romeo, room); !strings.Contains(c.GetMessage(), "the subject of ball is fixed") {
			t.Errorf("the user reads %v", c)
		}
	})
}
