// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mk6i/open-oscar-server/wire"
	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// inList logs the user in again and gives his contact list by name.
func inList(t *testing.T, m *backendtest.Main, name string) map[string]*pbnetwork.Buddy {
	t.Helper()
	m.Logout(jidOf(name), name)
	m.MustLogin(jidOf(name), name, password)
	all := map[string]*pbnetwork.Buddy{}
	for _, b := range listOf(m, jidOf(name)) {
		all[b.GetBuddyName()] = b
	}
	return all
}

func remove(m *backendtest.Main, jid, name string) {
	m.Send(pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, &pbnetwork.Buddy{UserName: &jid, BuddyName: &name})
}

// settled waits until all edits so far have been made: their answers are told
// in order, and this one is refused.
func settled(m *backendtest.Main, jid string) {
	edit(m, jid, "é", "")
	m.Incoming(jid, "é")
}

func TestEditsOfTheListStayOnTheServer(t *testing.T) {
	s := serverWith(t, "someone", "alice", "bob", "carol")
	m := startOn(t, s)
	me := loginAs(t, m, "someone")
	edit(m, me, "alice", "Alice", "Friends")
	edit(m, me, "bob", "", "Friends", "Work")
	edit(m, me, "carol", "")
	settled(m, me)
	list := inList(t, m, "someone")
	if len(list) != 3 || list["alice"].GetAlias() != "Alice" || !slices.Equal(list["alice"].GetGroup(), []string{"Friends"}) {
		t.Fatalf("the list is %v", list)
	}
	groups := slices.Sorted(slices.Values(list["bob"].GetGroup()))
	if !slices.Equal(groups, []string{"Friends", "Work"}) || len(list["carol"].GetGroup()) != 1 {
		t.Errorf("the groups are %v and %v", groups, list["carol"].GetGroup())
	}
	edit(m, me, "alice", "Ally", "Дом")
	edit(m, me, "bob", "Bob", "Work")
	remove(m, me, "carol")
	settled(m, me)
	list = inList(t, m, "someone")
	if len(list) != 2 || list["alice"].GetAlias() != "Ally" || !slices.Equal(list["alice"].GetGroup(), []string{"Дом"}) ||
		!slices.Equal(list["bob"].GetGroup(), []string{"Work"}) || list["bob"].GetAlias() != "Bob" {
		t.Errorf("after the edits the list is %v", list)
	}
	remove(m, me, "alice")
	remove(m, me, "bob")
	settled(m, me)
	if list = inList(t, m, "someone"); len(list) != 0 {
		t.Errorf("after all are removed the list is %v", list)
	}
}

func TestAListOfAThousandComesAtOnce(t *testing.T) {
	s := serverWith(t, "someone")
	m := startOn(t, s)
	other := clientOn(t, s, "someone")
	for from := uint16(0); from < 1000; from += 250 {
		var items []wire.FeedbagItem
		for i := from; i < from+250; i++ {
			if i < 10 {
				items = append(items, wire.FeedbagItem{Name: fmt.Sprintf("Group %d", i), GroupID: 1 + i, ClassID: wire.FeedbagClassIdGroup})
			}
			items = append(items, wire.FeedbagItem{Name: fmt.Sprintf("buddy%03d", i), GroupID: 1 + i%10, ItemID: 1 + i})
		}
		other.send(wire.Feedbag, wire.FeedbagInsertItem, wire.SNAC_0x13_0x08_FeedbagInsertItem{Items: items})
		other.await(wire.Feedbag, wire.FeedbagStatus)
	}
	m.MustLogin(jidOf("someone"), "someone", password)
	list := listOf(m, jidOf("someone"))
	if len(list) != 1000 || list[1].GetBuddyName() != "buddy010" || list[1].GetGroup()[0] != "Group 0" {
		t.Errorf("the list has %d contacts", len(list))
	}
	for _, f := range m.Waiting() {
		if f.Type == pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED {
			t.Fatalf("a contact came on his own: %v", f.Message)
		}
	}
}

func TestStatusesArrive(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "100002")
	befriend(m, a, "100001", b, "100002")
	for _, status := range []pbnetwork.StatusType{
		pbnetwork.StatusType_STATUS_AWAY, pbnetwork.StatusType_STATUS_XA, pbnetwork.StatusType_STATUS_DND,
		pbnetwork.StatusType_STATUS_FFC, pbnetwork.StatusType_STATUS_ONLINE,
	} {
		setStatus(m, b, status, "")
		contactOf(m, a, "100002", there(status))
	}
	setStatus(m, b, pbnetwork.StatusType_STATUS_INVISIBLE, "")
	contactOf(m, a, "100002", there(pbnetwork.StatusType_STATUS_NONE))
	setStatus(m, b, pbnetwork.StatusType_STATUS_ONLINE, "")
	contactOf(m, a, "100002", there(pbnetwork.StatusType_STATUS_ONLINE))
	m.Logout(b, "100002")
	contactOf(m, a, "100002", there(pbnetwork.StatusType_STATUS_NONE))
}

func TestAuthorization(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "100002")
	ask := func(text string) {
		m.Send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, &pbnetwork.Buddy{
			UserName: &a, BuddyName: proto.String("100002"), AuthText: &text,
			Authorization: pbnetwork.Authorization_AUTHORIZATION_ASKED.Enum(),
		})
		r := backendtest.Get[*pbnetwork.Buddy](m, pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST)
		if r.GetUserName() != b || r.GetBuddyName() != "100001" || r.GetStatusMessage() != text {
			t.Errorf("the request is %v", r)
		}
	}
	state := func(want pbnetwork.Authorization) {
		contactOf(m, a, "100002", func(b *pbnetwork.Buddy) bool { return b.GetAuthorization() == want })
	}
	ask("Это я, Аня")
	state(pbnetwork.Authorization_AUTHORIZATION_ASKED)
	answer(m, b, "100001", false, "no, thanks")
	state(pbnetwork.Authorization_AUTHORIZATION_DENIED)
	if got := m.Incoming(a, "100002"); !strings.Contains(got.GetMessage(), "no, thanks") {
		t.Errorf("the answer came as %q", got.GetMessage())
	}
	if list := inList(t, m, "100001"); list["100002"].GetAuthorization() != pbnetwork.Authorization_AUTHORIZATION_ASKED {
		t.Errorf("the list says %v", list)
	}
	ask("please")
	answer(m, b, "100001", true, "")
	state(pbnetwork.Authorization_AUTHORIZATION_GRANTED)
	contactOf(m, a, "100002", there(pbnetwork.StatusType_STATUS_ONLINE))
	if list := inList(t, m, "100001"); list["100002"].GetAuthorization() != pbnetwork.Authorization_AUTHORIZATION_GRANTED {
		t.Errorf("in the end the list says %v", list)
	}
}

func TestBlocking(t *testing.T) {
	s := serverWith(t, "someone", "pest")
	m := startOn(t, s)
	me, pest := loginAs(t, m, "someone"), loginAs(t, m, "pest")
	block := func(on bool) {
		m.Send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, &pbnetwork.Buddy{
			UserName: &me, BuddyName: proto.String("pest"), Blocked: &on, BlockedOnly: proto.Bool(true),
		})
		settled(m, me)
	}
	block(true)
	if r := m.Result(m.Message(pest, "someone", "hello")); r.GetOutcome() != pbnetwork.MessageResult_FAILED {
		t.Errorf("a blocked user's message: %v", r)
	}
	if r := m.Result(m.Message(me, "pest", "hello")); r.GetCondition() != "not-allowed" {
		t.Errorf("a message to a blocked user: %v", r)
	}
	block(false)
	delivered(t, m, m.Message(pest, "someone", "friends again?"))
	if got := m.Incoming(me, "pest"); got.GetMessage() != "friends again?" {
		t.Errorf("%q came", got.GetMessage())
	}
}
