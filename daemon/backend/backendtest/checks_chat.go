// SPDX-License-Identifier: GPL-2.0-or-later

package backendtest

import (
	"fmt"
	"testing"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// burst is fewer messages than a user may have waiting, and more than any
// window.
const burst = 100

func checkOrder(t *testing.T, h Harness, o Options) {
	if h.Contact == "" || !h.Echo {
		t.Skip("nobody says what arrived")
	}
	m := h.Start(t, o)
	user := h.login(m, 0)
	for n := range burst {
		m.Message(user, h.Contact, fmt.Sprintf("line %d", n))
	}
	for n := range burst {
		want := fmt.Sprintf("line %d", n)
		if c := m.Incoming(user, h.Contact); c.GetMessage() != want {
			t.Fatalf("message %d came back as %q", n, c.GetMessage())
		}
	}
}

func checkResults(t *testing.T, h Harness, o Options) {
	if h.Contact == "" || o.Level == 0 {
		t.Skip("version 1 has no results")
	}
	m := h.Start(t, o)
	l := h.Login(0)
	m.loginAs(l)
	ids := make(map[string]bool)
	for n := range burst {
		ids[m.Message(l.GetUser(), h.Contact, fmt.Sprintf("line %d", n))] = true
	}
	// Those that the logout overtakes have a result too.
	m.Logout(l.GetUser(), l.GetLegacyName())
	for range burst {
		r := Get[*pbnetwork.MessageResult](m, pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT)
		if !ids[r.GetMessageId()] {
			t.Errorf("a second or unasked result: %v", r)
		}
		delete(ids, r.GetMessageId())
	}
	m.loginAs(l) // after the first session's end
	m.noneFor(t, pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT, l.GetUser())
}

func checkRoom(t *testing.T, h Harness, o Options) {
	if h.Room == "" {
		t.Skip("a network without rooms")
	}
	m := h.Start(t, o)
	user := h.login(m, 0)
	for range 2 { // joining again sends the same again
		m.Join(user, h.Room, "tester", "")
		all := m.Occupants(user, h.Room)
		if len(all) < 2 {
			t.Errorf("the room's only occupant is the user")
		}
		if me := all[len(all)-1]; me.GetNickname() != "tester" || me.GetStatus() == pbnetwork.StatusType_STATUS_NONE {
			t.Errorf("the user is in the room as %v", me)
		}
	}
	id := m.Message(user, h.Room, "hello, room")
	if o.Level > 0 {
		if r := m.Result(id); r.GetOutcome() != pbnetwork.MessageResult_DELIVERED {
			t.Errorf("a message to the room: %v", r)
		}
	}
	c := m.Incoming(user, h.Room)
	if c.GetMessage() != "hello, room" || c.GetNickname() != "tester" {
		t.Errorf("the room reflects %v", c)
	}
	m.Leave(user, h.Room, "tester")
	m.Barrier()
}

func checkNick(t *testing.T, h Harness, o Options) {
	if h.Room == "" {
		t.Skip("a network without rooms")
	}
	m := h.Start(t, o)
	user := h.login(m, 0)
	m.Join(user, h.Room, "tester", "")
	m.Occupants(user, h.Room)
	m.Join(user, h.Room, "taster", "") // version 1's way, and the extension's
	p := Get(m, pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED, func(p *pbnetwork.Participant) bool { return p.GetNewname() != "" })
	if p.GetNickname() != "tester" || p.GetNewname() != "taster" {
		t.Errorf("the change of nick: %v", p)
	}
}
