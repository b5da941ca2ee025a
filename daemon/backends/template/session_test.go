// SPDX-License-Identifier: GPL-2.0-or-later

package template_test

import (
	"bytes"
	"image/png"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func extended(t *testing.T) *backendtest.Main {
	t.Helper()
	m := start(t, backendtest.Options{Level: 1}, "")
	m.MustLogin(user, "romeo", "secret")
	return m
}

// next takes the next frames, whose types have to be these.
func next(t *testing.T, m *backendtest.Main, types ...pbnetwork.Type) []pbnetwork.Frame {
	t.Helper()
	var all []pbnetwork.Frame
	for _, want := range types {
		f := m.Next()
		if f.Type != want {
			t.Fatalf("%s instead of %s", f.Type, want)
		}
		all = append(all, f)
	}
	return all
}

func TestTheLoginShowsEchoAndTheRoom(t *testing.T) {
	m := start(t, backendtest.Options{Level: 1}, "")
	next(t, m, pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG)
	m.Login(user, "romeo", "secret")
	f := next(t, m, pbnetwork.WrapperMessage_TYPE_CONNECTED, pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, pbnetwork.WrapperMessage_TYPE_ROOM_LIST)
	if c := f[0].Message.(*pbnetwork.Connected); c.GetLegacyName() != "romeo" || c.GetConfirmation() != pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED {
		t.Errorf("CONNECTED %v", c)
	}
	if b := f[1].Message.(*pbnetwork.Buddy); b.GetBuddyName() != "echo" || b.GetAlias() != "Echo" || len(b.GetIconHash()) != 40 {
		t.Errorf("BUDDY_CHANGED %v", b)
	}
}

func TestEchoTypesAndAnswers(t *testing.T) {
	m := start(t, backendtest.Options{}, "")
	m.MustLogin(user, "romeo", "secret")
	m.Expect(pbnetwork.WrapperMessage_TYPE_ROOM_LIST)
	m.Waiting()
	m.Send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, &pbnetwork.ConversationMessage{
		UserName: proto.String(user), BuddyName: proto.String("echo"), Message: proto.String("hark"), Id: proto.String("x1"),
	})
	f := next(t, m, pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK, pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING,
		pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING)
	if c := f[2].Message.(*pbnetwork.ConversationMessage); c.GetMessage() != "hark" || c.GetBuddyName() != "echo" {
		t.Errorf("echo says %v", c)
	}
}

func TestMessagesToNobody(t *testing.T) {
	m := extended(t)
	m.Join(user, "echoroom", "romeo", "")
	for what, id := range map[string]string{
		"a stranger":             m.Message(user, "stranger", "hello"),
		"an occupant who is not": m.PrivateMessage(user, "echoroom", "juliet", "hello"),
	} {
		if r := m.Result(id); r.GetOutcome() != pbnetwork.MessageResult_FAILED || r.GetCondition() != "item-not-found" || r.GetReason() == "" {
			t.Errorf("%s: %v", what, r)
		}
	}
	m.Leave(user, "echoroom", "romeo")
	if r := m.Result(m.Message(user, "echoroom", "hello")); r.GetCondition() != "not-acceptable" {
		t.Errorf("a room that the user left: %v", r)
	}
}

func TestTheRoom(t *testing.T) {
	m := extended(t)
	m.Join(user, "echoroom", "romeo", "")
	if all := m.Occupants(user, "echoroom"); all[0].GetNickname() != "echobot" || all[0].GetRole() != pbnetwork.Role_ROLE_MODERATOR {
		t.Errorf("the occupants: %v", all)
	}
	s := backendtest.Get[*pbnetwork.ConversationMessage](m, pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED)
	if s.GetMessage() == "" || s.GetNickname() != "echobot" || s.GetTimestamp() == "" {
		t.Errorf("the subject: %v", s)
	}
	m.Message(user, "echoroom", "hark")
	if a, b := m.Incoming(user, "echoroom"), m.Incoming(user, "echoroom"); a.GetNickname() != "romeo" || b.GetNickname() != "echobot" {
		t.Errorf("the room shows %v, then %v", a, b)
	}
	m.PrivateMessage(user, "echoroom", "echobot", "psst")
	if c := m.Incoming(user, "echoroom"); !c.GetPm() || c.GetNickname() != "echobot" || c.GetMessage() != "psst" {
		t.Errorf("echobot whispers %v", c)
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, &pbnetwork.ConversationMessage{
		UserName: proto.String(user), BuddyName: proto.String("echoroom"), Message: proto.String("a feud"),
	})
	s = backendtest.Get[*pbnetwork.ConversationMessage](m, pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED)
	if s.GetMessage() != "a feud" || s.GetNickname() != "romeo" {
		t.Errorf("the new subject: %v", s)
	}
	m.Join(user, "echoroom", "echobot", "")
	if c := m.Incoming(user, "echoroom"); !strings.Contains(c.GetMessage(), "taken") {
		t.Errorf("the nick of somebody else: %v", c)
	}
}

func TestJoinsThatFail(t *testing.T) {
	m := extended(t)
	for _, c := range []struct{ room, nick, condition string }{
		{"ballroom", "romeo", "item-not-found"},
		{"echoroom", "echobot", "conflict"},
	} {
		m.Join(user, c.room, c.nick, "")
		f := backendtest.Get[*pbnetwork.JoinFailed](m, pbnetwork.WrapperMessage_TYPE_JOIN_FAILED)
		if f.GetCondition() != c.condition || f.GetRoom() != c.room || f.GetText() == "" {
			t.Errorf("%s as %s: %v", c.room, c.nick, f)
		}
	}
}

func TestEchosPhoto(t *testing.T) {
	m := extended(t)
	m.Send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{UserName: proto.String(user), BuddyName: proto.String("echo"), Id: proto.Int32(3)})
	v := backendtest.Get[*pbnetwork.VCard](m, pbnetwork.WrapperMessage_TYPE_VCARD)
	if _, err := png.Decode(bytes.NewReader(v.GetPhoto())); err != nil || v.GetFullname() == "" {
		t.Errorf("the vCard %v: %v", v, err)
	}
}

func TestCommands(t *testing.T) {
	m := extended(t)
	if r := m.Command(user, "", "roll", "2"); r.GetText() != "You rolled 1." && r.GetText() != "You rolled 2." {
		t.Errorf("roll: %v", r)
	}
	if r := m.Command(user, "", "roll", "cheese"); !r.GetFailed() {
		t.Errorf("a die with cheese sides: %v", r)
	}
	if r := m.Command(user, "", "drop"); r.GetFailed() {
		t.Errorf("drop: %v", r)
	}
	if d := m.Disconnected(user); d.GetError() != int32(pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR) || d.GetMessage() == "" {
		t.Errorf("DISCONNECTED %v", d)
	}
}

func TestTheLoginAsksForACode(t *testing.T) {
	const refused = int32(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED)
	m := start(t, backendtest.Options{Level: 1}, "4711")
	m.Login(user, "romeo", "secret")
	s := m.Step(user)
	if s.GetKind() != pbnetwork.Step_CODE || !s.GetField()[0].GetSecret() || s.GetInstructions() == "" {
		t.Errorf("the question: %v", s)
	}
	m.Answer(s, map[string]string{"code": "4711"})
	m.Connected(user)
	for _, wrong := range []map[string]string{{"code": "1"}, nil} {
		m.Login(user, "romeo", "secret")
		m.Answer(m.Step(user), wrong)
		if d := m.Disconnected(user); d.GetError() != refused || !strings.Contains(d.GetMessage(), "code") {
			t.Errorf("the answer %v: %v", wrong, d)
		}
	}
	old := start(t, backendtest.Options{}, "4711")
	old.Login(user, "romeo", "secret")
	if d := old.Disconnected(user); d.GetError() != refused {
		t.Errorf("a main process that cannot ask: %v", d)
	}
}
