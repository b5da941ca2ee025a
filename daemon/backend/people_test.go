// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// people is a session on a network with a directory, where people allow each
// other to see them.
type people struct{ able }

func (s people) Authorize(_ context.Context, contact string, grant bool, text string) error {
	s.network.note(fmt.Sprintf("authorize %s %v %s", contact, grant, text))
	return nil
}

func (s people) Block(_ context.Context, name string, blocked bool) error {
	s.network.note(fmt.Sprintf("block %s %v", name, blocked))
	return nil
}

func (s people) UpdateContact(_ context.Context, c backend.Contact) error {
	s.network.note(fmt.Sprintf("update %s %s %v %q exact=%v blocked=%v", c.Name, c.Alias, c.Auth, c.AuthText, c.Exact, c.Blocked))
	return nil
}

// SetAvatar also takes the removal.
func (s people) SetAvatar(_ context.Context, photo []byte) error {
	s.network.note(fmt.Sprintf("avatar of %d bytes", len(photo)))
	return nil
}

func (s people) Search(ctx context.Context, fields map[string]string) (backend.SearchResult, error) {
	found := backend.SearchResult{Columns: []backend.SearchColumn{{Name: "nick", Label: "Nickname"}}}
	switch fields["nick"] {
	case "slow":
		<-ctx.Done()
		return found, ctx.Err()
	case "all":
		for i := range 2000 {
			found.Rows = append(found.Rows, backend.SearchRow{Contact: fmt.Sprint(i), Values: []string{"somebody"}})
		}
	case "panic":
		panic("poison")
	case "":
		return found, errors.New("say whom")
	default:
		s.network.note(fmt.Sprint("search ", fields))
		found.Rows = []backend.SearchRow{{Contact: "1", Values: []string{"Nurse"}}}
	}
	return found, nil
}

type peopleNetwork struct{ *fake }

func (n peopleNetwork) NewSession(u *backend.User, l backend.Login) backend.Session {
	return people{able{n.fake.NewSession(u, l).(*session)}}
}

func (n peopleNetwork) Describe() backend.Description {
	d := n.fake.Describe()
	d.Features.Authorization = true
	d.Search = &backend.SearchForm{Instructions: "Who?", Fields: []*pbnetwork.StepField{{Name: proto.String("nick")}}}
	d.Commands = []backend.CommandSpec{{Name: "password", Label: "Change password", Fields: []*pbnetwork.StepField{
		{Name: proto.String("new"), Secret: proto.Bool(true)},
	}}}
	return d
}

// withPeople runs f at a level with a user logged in.
func withPeople(t *testing.T, level int, f func(t *testing.T, m *backendtest.Main, n *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := peopleNetwork{plain()}
		m := backendtest.Start(t, n, backendtest.Options{Level: level, Log: new(logged), Timeout: 5 * time.Minute})
		m.MustLogin(romeo, "romeo", "")
		f(t, m, n.fake)
	})
}

func TestWhatABackendAnnounces(t *testing.T) {
	for level := range 2 {
		withPeople(t, level, func(t *testing.T, m *backendtest.Main, _ *fake) {
			c := backendtest.Get[*pbnetwork.BackendConfig](m, pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG)
			f, err := pbnetwork.FeaturesOf(c, true)
			if err != nil {
				t.Fatal(err)
			}
			if level == 0 {
				if f.Search != nil || f.Commands != nil || f.Authorization {
					t.Errorf("a main process of version 1 is told %v", c)
				}
				return
			}
			if !f.Authorization || f.Search.GetInstructions() != "Who?" || len(f.Commands) != 1 || f.Commands[0].GetLabel() != "Change password" {
				t.Errorf("announced %v", c)
			}
		})
	}
}

func TestAnswersToRequestsAndBlocksReachTheSession(t *testing.T) {
	withPeople(t, 1, func(t *testing.T, m *backendtest.Main, n *fake) {
		user, name, yes := romeo, "paris", true
		buddy := func(change func(*pbnetwork.Buddy)) *pbnetwork.Buddy {
			b := &pbnetwork.Buddy{UserName: &user, BuddyName: &name}
			change(b)
			return b
		}
		granted, denied := pbnetwork.Authorization_AUTHORIZATION_GRANTED, pbnetwork.Authorization_AUTHORIZATION_DENIED
		asked := pbnetwork.Authorization_AUTHORIZATION_ASKED
		m.Send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, buddy(func(b *pbnetwork.Buddy) { b.Authorization = &granted }))
		m.Send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, buddy(func(b *pbnetwork.Buddy) { b.Authorization, b.AuthText = &denied, proto.String("no") }))
		m.Send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, buddy(func(b *pbnetwork.Buddy) { b.Authorization, b.AuthText = &asked, proto.String("please") }))
		m.Send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, buddy(func(b *pbnetwork.Buddy) { b.Exact = &yes }))
		m.Send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, buddy(func(b *pbnetwork.Buddy) { b.Blocked, b.BlockedOnly = &yes, &yes }))
		m.Send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{UserName: &user, BuddyName: proto.String(""), Id: proto.Int32(0), NoPhoto: &yes})
		synctest.Wait()
		n.wantNotes(t, "new romeo", "authorize paris true ", "authorize paris false no",
			`update paris  AUTHORIZATION_ASKED "please" exact=false blocked=false`,
			`update paris  AUTHORIZATION_UNCHANGED "" exact=true blocked=false`,
			"block paris true", "avatar of 0 bytes")
	})
}

func TestWholeContactList(t *testing.T) {
	list := []backend.Contact{
		{Name: "paris", Auth: pbnetwork.Authorization_AUTHORIZATION_ASKED, Status: backend.Status{Type: pbnetwork.StatusType_STATUS_NONE}},
		{Name: "nurse", Groups: []string{"Capulets"}},
	}
	each(t, who(func(u *backend.User) { u.ContactList(list); u.ContactList(nil) }), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		if m.Level() == 0 {
			for _, want := range list {
				if b := backendtest.Get[*pbnetwork.Buddy](m, pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED); b.GetBuddyName() != want.Name {
					t.Errorf("contact %v", b)
				}
			}
			return
		}
		for _, want := range [][]backend.Contact{list, nil} {
			b := backendtest.Get[*pbnetwork.Buddies](m, pbnetwork.WrapperMessage_TYPE_BUDDIES)
			if !b.GetComplete() || b.GetUser() != romeo || len(b.GetBuddy()) != len(want) {
				t.Fatalf("the list: %v", b)
			}
			if len(want) > 0 && b.GetBuddy()[0].GetAuthorization() != pbnetwork.Authorization_AUTHORIZATION_ASKED {
				t.Errorf("the pending request: %v", b.GetBuddy()[0])
			}
		}
	})
}

func TestSearches(t *testing.T) {
	withPeople(t, 1, func(t *testing.T, m *backendtest.Main, n *fake) {
		r := m.Search(romeo, map[string]string{"nick": "nurse", "empty": ""})
		if r.GetFailed() || len(r.GetRow()) != 1 || r.GetRow()[0].GetContact() != "1" || r.GetColumn()[0].GetLabel() != "Nickname" {
			t.Errorf("found %v", r)
		}
		n.wantNotes(t, "new romeo", "search map[nick:nurse]")
		if r := m.Search(romeo, map[string]string{"nick": "all"}); len(r.GetRow()) != 500 || !r.GetMore() {
			t.Errorf("of 2000 people %d are shown, more %v", len(r.GetRow()), r.GetMore())
		}
		if r := m.Search(romeo, nil); !r.GetFailed() || r.GetReason() != "say whom" {
			t.Errorf("refused with %v", r)
		}
		if r := m.Search(romeo, map[string]string{"nick": "slow"}); !r.GetFailed() {
			t.Errorf("a search that never ends: %v", r)
		}
		if r := m.Search(juliet, map[string]string{"nick": "x"}); !r.GetFailed() || r.GetReason() == "" {
			t.Errorf("without a session: %v", r)
		}
		if r := m.Search(romeo, map[string]string{"nick": "panic"}); !r.GetFailed() || r.GetReason() == "" {
			t.Errorf("a panic: %v", r)
		}
		m.Disconnected(romeo)
	})
}

func TestNetworkWithoutDirectoryAnswersSearches(t *testing.T) {
	at(t, 1, plain(), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		if r := m.Search(romeo, map[string]string{"nick": "x"}); !r.GetFailed() || r.GetReason() == "" {
			t.Errorf("answered by %v", r)
		}
	})
}
