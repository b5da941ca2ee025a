// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// VCard takes ten seconds; the one of "nobody" never comes.
func (s *session) VCard(ctx context.Context, contact string) (backend.VCard, error) {
	if contact == "nobody" {
		<-ctx.Done()
		return backend.VCard{}, ctx.Err()
	}
	select {
	case <-time.After(10 * time.Second):
		return backend.VCard{FullName: "The " + contact, Photo: []byte("photo")}, nil
	case <-ctx.Done():
		return backend.VCard{}, ctx.Err()
	}
}

func (s *session) Command(_ context.Context, room, name string, args []string) (string, error) {
	switch name {
	case "say":
		return room + ": " + strings.Join(args, ","), nil
	case "panic":
		panic("poison")
	}
	return "", errors.New("no such command")
}

func requestVCard(m *backendtest.Main, contact string, id int32) {
	user := romeo
	m.Send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{UserName: &user, BuddyName: &contact, Id: &id})
}

func vcard(m *backendtest.Main, id int32) *pbnetwork.VCard {
	return backendtest.Get(m, pbnetwork.WrapperMessage_TYPE_VCARD, func(v *pbnetwork.VCard) bool { return v.GetId() == id })
}

func TestSlowLookupsHoldNoMessageUp(t *testing.T) {
	each(t, plain, func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		begin := time.Now()
		for id := range int32(10) {
			requestVCard(m, "nurse", id)
		}
		m.Message(romeo, "nurse", "hello")
		synctest.Wait()
		n.wantNotes(t, "new romeo", "message nurse  hello")
		for id := range int32(10) {
			if v := vcard(m, id); v.GetFullname() != "The nurse" || string(v.GetPhoto()) != "photo" {
				t.Errorf("the vCard: %v", v)
			}
		}
		if took := time.Since(begin); took != 30*time.Second { // four at a time
			t.Errorf("ten lookups took %v", took)
		}
	})
}

func TestALookupWithoutAnAnswerIsAnsweredAfterAMinute(t *testing.T) {
	each(t, plain, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		requestVCard(m, "nobody", 7)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		for _, f := range m.Waiting() {
			if f.Type == pbnetwork.WrapperMessage_TYPE_VCARD {
				t.Errorf("too early: %v", f.Message)
			}
		}
		if v := vcard(m, 7); v.Fullname != nil {
			t.Errorf("nobody is %v", v)
		}
	})
}

func TestCommands(t *testing.T) {
	at(t, 1, plain(), func(t *testing.T, m *backendtest.Main, _ *fake, log *logged) {
		m.MustLogin(romeo, "romeo", "")
		if r := m.Command(romeo, "ball", "say", "a", "b"); r.GetFailed() || r.GetText() != "ball: a,b" {
			t.Errorf("a command: %v", r)
		}
		if r := m.Command(romeo, "", "sing"); !r.GetFailed() || r.GetText() != "no such command" {
			t.Errorf("an unknown command: %v", r)
		}
		if r := m.Command(juliet, "", "say"); !r.GetFailed() || r.GetText() == "" {
			t.Errorf("somebody who is not logged in: %v", r)
		}
		if r := m.Command(romeo, "", "panic"); !r.GetFailed() {
			t.Errorf("a command that panics: %v", r)
		}
		m.Disconnected(romeo)
	})
}

// The whole of a session's end: what runs, what waits, and what never began.
func TestALogoutAnswersEveryLookup(t *testing.T) {
	n := func() *fake {
		return &fake{message: func(*session, *backend.Message) { time.Sleep(time.Second) }}
	}
	at(t, 1, n(), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		m.Message(romeo, "nurse", "takes a second")
		user, name := romeo, "say"
		for i := range 20 {
			id := string(rune('a' + i))
			m.Send(pbnetwork.WrapperMessage_TYPE_COMMAND, &pbnetwork.Command{User: &user, Id: &id, Name: &name})
		}
		m.Logout(romeo, "romeo")
		for range 20 {
			m.Expect(pbnetwork.WrapperMessage_TYPE_COMMAND_RESULT)
		}
	})
}
