// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func delivered(t *testing.T, m *backendtest.Main, id string) {
	t.Helper()
	if r := m.Result(id); r.GetOutcome() != pbnetwork.MessageResult_DELIVERED {
		t.Errorf("the message's result is %v", r)
	}
}

func TestTwoUsersSeeEachOtherAndTalk(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "100002")
	befriend(m, a, "100001", b, "100002")
	for _, text := range []string{
		"hello", "a < b && c > d <br> &amp;", "Привет, мир", "čeština ěščřž", "emoji 😀👨‍👩‍👧‍👦 done", "two\nlines", `"quotes"`,
	} {
		id := m.Message(a, "100002", text)
		if got := m.Incoming(b, "100001"); got.GetMessage() != text {
			t.Errorf("%q came as %q", text, got.GetMessage())
		}
		delivered(t, m, id)
	}
}

func TestAnICQAndAnAIMUserTalk(t *testing.T) {
	s := serverWith(t, "100001", "Some One")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "someone")
	for _, text := range []string{"hello", "a < b & c", "Привет 😀", "two\nlines"} {
		delivered(t, m, m.Message(a, "someone", text))
		if got := m.Incoming(b, "100001"); got.GetMessage() != text || got.GetXhtml() != "" {
			t.Errorf("to AIM, %q came as %q (%q)", text, got.GetMessage(), got.GetXhtml())
		}
		delivered(t, m, m.Message(b, "100001", text))
		if got := m.Incoming(a, "someone"); got.GetMessage() != text {
			t.Errorf("to ICQ, %q came as %q", text, got.GetMessage())
		}
	}
}

func TestOfflineMessagesComeWithTheirTime(t *testing.T) {
	s := serverWith(t, "100001", "100002", "someone")
	m := startOn(t, s)
	a := loginAs(t, m, "100001")
	before := time.Now().Add(-2 * time.Second)
	for _, to := range []string{"100002", "someone"} {
		delivered(t, m, m.Message(a, to, "Когда вернёшься?"))
		b := loginAs(t, m, to)
		got := m.Incoming(b, "100001")
		at, err := time.Parse("20060102T150405", got.GetTimestamp())
		if got.GetMessage() != "Когда вернёшься?" || err != nil || at.Before(before) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("%s got %q of %q (%v)", to, got.GetMessage(), got.GetTimestamp(), err)
		}
		m.Logout(b, to)
		// It comes once.
		m.Barrier()
		loginAs(t, m, to)
		delivered(t, m, m.Message(a, to, "now"))
		if got := m.Incoming(b, "100001"); got.GetMessage() != "now" || got.GetTimestamp() != "" {
			t.Errorf("after the second login %s got %q of %q", to, got.GetMessage(), got.GetTimestamp())
		}
	}
}

func TestALongMessageComesWhole(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "100002")
	text := strings.TrimSpace(strings.Repeat("длинное сообщение 😀 ", 150))
	id := m.Message(a, "100002", text)
	var got string
	for len(got) < len(text) {
		got = strings.TrimSpace(got + " " + m.Incoming(b, "100001").GetMessage())
	}
	if got != text {
		t.Errorf("%q came as %q", text, got)
	}
	delivered(t, m, id)
}

func TestAMessageToNobodyIsRefused(t *testing.T) {
	s := serverWith(t, "100001")
	m := startOn(t, s)
	a := loginAs(t, m, "100001")
	r := m.Result(m.Message(a, "999999", "hello"))
	if r.GetOutcome() != pbnetwork.MessageResult_FAILED || r.GetCondition() != "recipient-unavailable" || r.GetReason() == "" {
		t.Errorf("the result is %v", r)
	}
}

func TestTypingIsSeen(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "100002")
	for _, kind := range []pbnetwork.Type{
		pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING, pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED, pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING,
	} {
		name, other := "100002", "100001"
		m.Send(kind, &pbnetwork.Buddy{UserName: &a, BuddyName: &name})
		got := backendtest.Get[*pbnetwork.Buddy](m, kind)
		if got.GetUserName() != b || got.GetBuddyName() != other {
			t.Errorf("%s came as %v", kind, got)
		}
	}
}

func TestFastMessagesWaitAndNoneIsLost(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "100002")
	var ids []string
	for i := range 10 {
		ids = append(ids, m.Message(a, "100002", fmt.Sprint("message ", i)))
	}
	for i := range 10 {
		if got := m.Incoming(b, "100001"); got.GetMessage() != fmt.Sprint("message ", i) {
			t.Errorf("message %d is %q", i, got.GetMessage())
		}
	}
	for _, id := range ids {
		delivered(t, m, id)
	}
	if got := m.Incoming(a, "100002"); !strings.Contains(got.GetMessage(), "nothing is lost") {
		t.Errorf("the user is told %q", got.GetMessage())
	}
}
