// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// names are the nicks of occupants, the user himself last.
func names(all []*pbnetwork.Participant) string {
	var nicks []string
	for _, p := range all {
		nicks = append(nicks, p.GetNickname())
	}
	return strings.Join(nicks, ",")
}

// knows has one user see another, who is there.
func knows(m *backendtest.Main, jid, name, otherJID, other string) {
	if strings.Trim(name+other, "0123456789") == "" {
		befriend(m, jid, name, otherJID, other)
		return
	}
	edit(m, jid, other, "")
	if strings.Trim(other, "0123456789") == "" {
		backendtest.Get(m, pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, func(b *pbnetwork.Buddy) bool {
			return b.GetUserName() == otherJID && b.GetBuddyName() == name
		})
		answer(m, otherJID, name, true, "")
	}
	contactOf(m, jid, other, there(pbnetwork.StatusType_STATUS_ONLINE))
}

// gone waits for somebody's leaving of a room.
func gone(m *backendtest.Main, user, room string) *pbnetwork.Participant {
	return backendtest.Get(m, pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED, func(p *pbnetwork.Participant) bool {
		return p.GetUserName() == user && p.GetRoom() == room && p.GetStatus() == pbnetwork.StatusType_STATUS_NONE
	})
}

func TestARoom(t *testing.T) {
	s := serverWith(t, "Romeo M", "juliet", "100003")
	m := startOn(t, s)
	romeo, juliet, icq := loginAs(t, m, "romeom"), loginAs(t, m, "juliet"), loginAs(t, m, "100003")
	const room = "4-tea room"
	m.Join(romeo, room, "wanted", "")
	nick := backendtest.Get[*pbnetwork.Room](m, pbnetwork.WrapperMessage_TYPE_ROOM_NICKNAME_CHANGED)
	if nick.GetNickname() != "Romeo M" || nick.GetRoom() != room {
		t.Errorf("the nick is %v", nick)
	}
	if all := m.Occupants(romeo, room); names(all) != "Romeo M" {
		t.Errorf("the new room has %s", names(all))
	}
	m.Expect(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED)
	m.Join(juliet, room, "juliet", "")
	if all := m.Occupants(juliet, room); names(all) != "Romeo M,juliet" {
		t.Errorf("juliet sees %s", names(all))
	}
	if p := m.Participant(romeo, room); p.GetNickname() != "juliet" || p.GetStatus() != pbnetwork.StatusType_STATUS_ONLINE {
		t.Errorf("romeo sees %v", p)
	}
	m.Join(icq, room, "100003", "")
	if all := m.Occupants(icq, room); names(all) != "juliet,Romeo M,100003" {
		t.Errorf("100003 sees %s", names(all))
	}
	for _, text := range []string{"hello", "a < b & c", "Привет, 😀", "two\nlines", strings.TrimSpace(strings.Repeat("много слов ", 8))} {
		delivered(t, m, m.Message(juliet, room, text))
		for user, of := range map[string]string{romeo: "romeo", juliet: "juliet herself", icq: "100003"} {
			if got := m.Incoming(user, room); got.GetMessage() != text || got.GetNickname() != "juliet" || got.GetPm() {
				t.Errorf("%s is told %v instead of %q", of, got, text)
			}
		}
	}
	delivered(t, m, m.PrivateMessage(juliet, room, "Romeo M", "psst"))
	if got := m.Incoming(romeo, room); got.GetMessage() != "psst" || !got.GetPm() || got.GetNickname() != "juliet" {
		t.Errorf("the whisper is %v", got)
	}
	m.Leave(juliet, room, "juliet")
	if p := gone(m, romeo, room); p.GetNickname() != "juliet" {
		t.Errorf("%s has gone", p.GetNickname())
	}
	if r := m.Result(m.Message(juliet, room, "hello?")); r.GetOutcome() != pbnetwork.MessageResult_FAILED {
		t.Errorf("a message to a room that was left: %v", r)
	}
}

func TestALongMessageInARoomArrivesInParts(t *testing.T) {
	s := serverWith(t, "romeo", "juliet")
	m := startOn(t, s)
	romeo, juliet := loginAs(t, m, "romeo"), loginAs(t, m, "juliet")
	for _, user := range []string{romeo, juliet} {
		m.Join(user, "tea", "x", "")
		m.Occupants(user, "tea")
	}
	text := strings.Repeat("слово & word ", 200)
	id := m.Message(juliet, "tea", text)
	var got strings.Builder
	parts := 0
	for got.Len() < len(text) {
		got.WriteString(m.Incoming(romeo, "tea").GetMessage() + " ")
		parts++
	}
	if strings.Join(strings.Fields(got.String()), " ") != strings.TrimSpace(text) || parts < 3 {
		t.Errorf("%d parts: %q", parts, got.String())
	}
	delivered(t, m, id)
}

func TestRoomsOfTheServer(t *testing.T) {
	s := serverWith(t, "romeo")
	s.AddPublicRoom("Lobby")
	m := startOn(t, s)
	romeo := loginAs(t, m, "romeo")
	m.Join(romeo, "5-lobby", "romeo", "")
	if all := m.Occupants(romeo, "5-lobby"); names(all) != "romeo" {
		t.Errorf("the lobby has %s", names(all))
	}
	for room, condition := range map[string]string{
		"5-cellar": "item-not-found", "6-tea": "item-not-found", "4-": "item-not-found",
	} {
		m.Join(romeo, room, "romeo", "")
		f := backendtest.Get[*pbnetwork.JoinFailed](m, pbnetwork.WrapperMessage_TYPE_JOIN_FAILED)
		if f.GetRoom() != room || f.GetCondition() != condition || f.GetText() == "" {
			t.Errorf("%s: %v", room, f)
		}
	}
	delivered(t, m, m.Message(romeo, "5-lobby", "still here"))
}

func TestARoomCannotHideAContact(t *testing.T) {
	s := serverWith(t, "romeo", "juliet")
	m := startOn(t, s)
	romeo, juliet := loginAs(t, m, "romeo"), loginAs(t, m, "juliet")
	knows(m, romeo, "romeo", juliet, "juliet")
	m.Join(romeo, "juliet", "romeo", "")
	f := backendtest.Get[*pbnetwork.JoinFailed](m, pbnetwork.WrapperMessage_TYPE_JOIN_FAILED)
	if f.GetCondition() != "not-allowed" || !strings.Contains(f.GetText(), "4-juliet") {
		t.Errorf("JOIN_FAILED %v", f)
	}
	delivered(t, m, m.Message(romeo, "juliet", "art thou there?"))
	if got := m.Incoming(juliet, "romeo"); got.GetMessage() != "art thou there?" {
		t.Errorf("juliet is told %v", got)
	}
}

func TestInvitations(t *testing.T) {
	s := serverWith(t, "romeo", "juliet")
	m := startOn(t, s)
	romeo, juliet := loginAs(t, m, "romeo"), loginAs(t, m, "juliet")
	if r := m.Command(romeo, "", "invite", "juliet", "4-tea room"); !r.GetFailed() {
		t.Errorf("an invitation into a room that he is not in: %v", r)
	}
	m.Join(romeo, "4-tea room", "romeo", "")
	m.Occupants(romeo, "4-tea room")
	if r := m.Command(romeo, "4-tea room", "invite", "juliet"); r.GetFailed() {
		t.Errorf("the invitation: %v", r)
	}
	got := m.Incoming(juliet, "romeo").GetMessage()
	if !strings.Contains(got, `4-tea\20room@`) || !strings.Contains(got, "Join me") {
		t.Errorf("juliet is told %q", got)
	}
}

func TestRoomsKnowNoSubjectAndNoNicks(t *testing.T) {
	s := serverWith(t, "romeo")
	m := startOn(t, s)
	romeo := loginAs(t, m, "romeo")
	m.Join(romeo, "tea", "romeo", "")
	m.Occupants(romeo, "tea")
	m.Send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, &pbnetwork.ConversationMessage{
		UserName: &romeo, BuddyName: proto.String("tea"), Message: proto.String("about everything"),
	})
	if got := m.Incoming(romeo, "tea"); !strings.Contains(got.GetMessage(), "no subject") {
		t.Errorf("a new subject: %v", got)
	}
	m.Join(romeo, "tea", "another", "")
	nick := backendtest.Get[*pbnetwork.Room](m, pbnetwork.WrapperMessage_TYPE_ROOM_NICKNAME_CHANGED)
	if nick.GetNickname() != "romeo" {
		t.Errorf("the nick is %v", nick)
	}
}

func TestTheEndOfARoomIsTold(t *testing.T) {
	s := serverWith(t, "romeo")
	m := startOn(t, s)
	romeo := loginAs(t, m, "romeo")
	m.Join(romeo, "tea", "romeo", "")
	m.Occupants(romeo, "tea")
	s.Stop()
	if d := m.Disconnected(romeo); d.GetMessage() == "" {
		t.Errorf("DISCONNECTED %v", d)
	}
}
