// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestAJoinWithAnotherNickChangesIt(t *testing.T) {
	each(t, plain, func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		m.Join(romeo, "ball", "romeo", "sesame")
		m.Join(romeo, "ball", "romeo", "") // another client of his
		m.Join(romeo, "ball", "montague", "")
		m.Join(romeo, "ball", "montague", "")
		m.Leave(romeo, "ball", "montague")
		m.Join(romeo, "ball", "benvolio", "")
		synctest.Wait()
		n.wantNotes(t, "new romeo", "join ball romeo sesame", "join ball romeo ", "nick ball montague",
			"join ball montague ", "leave ball", "join ball benvolio ")
	})
}

// who tells what happens in rooms as soon as the session is on.
func who(tell func(u *backend.User)) func() *fake {
	return func() *fake {
		return &fake{run: func(ctx context.Context, s *session) error {
			tell(s.User)
			<-ctx.Done()
			return nil
		}}
	}
}

func TestParticipants(t *testing.T) {
	n := who(func(u *backend.User) {
		u.Participant(backend.Participant{
			Room: "ball", Nickname: "tybalt", Role: pbnetwork.Role_ROLE_MODERATOR,
			Affiliation: pbnetwork.Affiliation_AFFILIATION_OWNER, RealName: "tybalt@verona",
		})
		u.Participant(backend.Participant{
			Room: "ball", Nickname: "romeo", Me: true, Kicked: true, Actor: "tybalt",
			Status: backend.Status{Type: pbnetwork.StatusType_STATUS_NONE, Text: "villain"},
		})
	})
	each(t, n, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		all := m.Occupants(romeo, "ball")
		if len(all) != 2 {
			t.Fatalf("%d participants", len(all))
		}
		tybalt, me := all[0], all[1]
		if tybalt.GetFlag() != int32(pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_MODERATOR) || tybalt.GetAlias() != "tybalt@verona" {
			t.Errorf("the moderator: %v", tybalt)
		}
		if me.GetFlag() != 16+32 || me.GetStatus() != pbnetwork.StatusType_STATUS_NONE || me.GetStatusMessage() != "villain" {
			t.Errorf("the user: %v", me)
		}
		extended := m.Level() > 0
		if (tybalt.Role != nil) != extended || (tybalt.Affiliation != nil) != extended || (me.Actor != nil) != extended {
			t.Errorf("the extension's fields at level %d: %v, %v", m.Level(), tybalt, me)
		}
	})
}

func TestJoinFailures(t *testing.T) {
	for condition, flag := range map[string]pbnetwork.ParticipantFlag{
		"conflict":              pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_CONFLICT,
		"forbidden":             pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_BANNED,
		"not-authorized":        pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_NOT_AUTHORIZED,
		"registration-required": pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_NOT_AUTHORIZED,
		"item-not-found":        pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_ROOM_NOT_FOUND,
		"service-unavailable":   pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_ROOM_NOT_FOUND,
	} {
		n := who(func(u *backend.User) { u.JoinFailed("ball", "romeo", condition, "no Montagues") })
		each(t, n, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
			m.MustLogin(romeo, "romeo", "")
			if m.Level() > 0 {
				f := backendtest.Get[*pbnetwork.JoinFailed](m, pbnetwork.WrapperMessage_TYPE_JOIN_FAILED)
				if f.GetCondition() != condition || f.GetText() != "no Montagues" || f.GetNickname() != "romeo" {
					t.Errorf("JOIN_FAILED %v", f)
				}
				return
			}
			p := m.Participant(romeo, "ball")
			if p.GetFlag() != int32(flag) || p.GetStatus() != pbnetwork.StatusType_STATUS_NONE || p.GetStatusMessage() != "no Montagues" {
				t.Errorf("%s in version 1: %v", condition, p)
			}
		})
	}
}

func TestSubjectAndRoomList(t *testing.T) {
	n := who(func(u *backend.User) {
		u.Subject("ball", "capulet", "masks", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		u.Subject("tomb", "", "", time.Time{})
		u.RoomList([]string{"ball", "tomb"}, []string{"The Ball", "The Tomb"})
	})
	each(t, n, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		s := backendtest.Get[*pbnetwork.ConversationMessage](m, pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED)
		if s.GetBuddyName() != "ball" || s.GetNickname() != "capulet" || s.GetMessage() != "masks" || s.GetTimestamp() != "20260102T030405" {
			t.Errorf("the subject: %v", s)
		}
		s = backendtest.Get[*pbnetwork.ConversationMessage](m, pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED)
		if s.GetMessage() != "" || s.Timestamp != nil || s.Nickname != nil {
			t.Errorf("no subject: %v", s)
		}
		l := backendtest.Get[*pbnetwork.RoomList](m, pbnetwork.WrapperMessage_TYPE_ROOM_LIST)
		if l.GetUser() != romeo || len(l.GetRoom()) != 2 || l.GetName()[1] != "The Tomb" {
			t.Errorf("the list: %v", l)
		}
	})
}
