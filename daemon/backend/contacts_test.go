// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// able is a session with every further ability, which notes what it is told.
type able struct{ *session }

func (s able) SetStatus(_ context.Context, st backend.Status) error {
	s.network.note(fmt.Sprintf("status %s %s", st.Type, st.Text))
	return nil
}

func (s able) Typing(_ context.Context, contact string, t backend.Typing) error {
	s.network.note(fmt.Sprintf("typing %s %d", contact, t))
	s.User.Typing(contact, t)
	return nil
}

func (s able) UpdateContact(_ context.Context, c backend.Contact) error {
	s.network.note(fmt.Sprintf("update %s %s %q %v", c.Name, c.Alias, c.Groups, c.Blocked))
	s.Contact(c)
	return nil
}

func (s able) RemoveContact(_ context.Context, name string) error {
	s.network.note("remove " + name)
	s.ContactRemoved(name)
	return errors.New("it will be back")
}

func (s able) Roster(_ context.Context, all []backend.Contact) error {
	s.network.note(fmt.Sprintf("roster of %d, first %s", len(all), all[0].Name))
	return nil
}

func (s able) SetAvatar(_ context.Context, photo []byte) error {
	s.network.note("avatar " + string(photo))
	return nil
}

func (s able) Attention(_ context.Context, contact, text string) error {
	s.network.note(fmt.Sprintf("attention %s %s", contact, text))
	s.User.Attention(contact, text)
	return nil
}

func (s able) RawXML(_ context.Context, stanza []byte) error {
	s.network.note("raw " + string(stanza))
	s.User.RawXML([]byte("<answer/>"))
	return nil
}

// ableNetwork makes able sessions.
type ableNetwork struct{ *fake }

func (n ableNetwork) NewSession(u *backend.User, l backend.Login) backend.Session {
	return able{n.fake.NewSession(u, l).(*session)}
}

// acts are what a user can do with his list, as frames.
func acts() []pbnetwork.Frame {
	user, name, photo := proto.String(romeo), proto.String("nurse"), []byte("photo")
	status := pbnetwork.StatusType_STATUS_DND
	buddy := &pbnetwork.Buddy{UserName: user, BuddyName: name, Alias: proto.String("Nan"), Group: []string{"Capulets"}, Blocked: proto.Bool(true)}
	return []pbnetwork.Frame{
		{Type: pbnetwork.WrapperMessage_TYPE_STATUS_CHANGED, Message: &pbnetwork.Status{UserName: user, Status: &status, StatusMessage: proto.String("in love")}},
		{Type: pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING, Message: buddy},
		{Type: pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED, Message: buddy},
		{Type: pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING, Message: buddy},
		{Type: pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, Message: buddy},
		{Type: pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, Message: buddy},
		{Type: pbnetwork.WrapperMessage_TYPE_BUDDIES, Message: &pbnetwork.Buddies{Buddy: []*pbnetwork.Buddy{buddy}}},
		{Type: pbnetwork.WrapperMessage_TYPE_VCARD, Message: &pbnetwork.VCard{UserName: user, BuddyName: proto.String(""), Id: proto.Int32(1), Photo: photo}},
		{Type: pbnetwork.WrapperMessage_TYPE_ATTENTION, Message: &pbnetwork.ConversationMessage{UserName: user, BuddyName: name, Message: proto.String("wake up")}},
		{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: []byte("<iq from='" + romeo + "/balcony'/>")},
	}
}

func TestWhatTheUserDoesReachesTheSession(t *testing.T) {
	for level := range 2 {
		synctest.Test(t, func(t *testing.T) {
			n := ableNetwork{plain()}
			m := backendtest.Start(t, n, backendtest.Options{Level: level})
			m.MustLogin(romeo, "romeo", "")
			for _, f := range acts() {
				m.SendFrame(f)
			}
			synctest.Wait()
			n.wantNotes(t, "new romeo", "status STATUS_DND in love", "typing nurse 1", "typing nurse 2", "typing nurse 0",
				`update nurse Nan ["Capulets"] true`, "remove nurse", "roster of 1, first nurse", "avatar photo",
				"attention nurse wake up", "raw <iq from='"+romeo+"/balcony'/>")
			for _, kind := range []pbnetwork.Type{
				pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING, pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED,
				pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING, pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED,
				pbnetwork.WrapperMessage_TYPE_ATTENTION,
			} {
				if f := m.Expect(kind); f.UserOf() != romeo {
					t.Errorf("%s: %v", kind, f.Message)
				}
			}
			b := backendtest.Get[*pbnetwork.Buddy](m, pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED)
			if b.GetAlias() != "Nan" || b.GetGroup()[0] != "Capulets" || !b.GetBlocked() {
				t.Errorf("the contact: %v", b)
			}
			if c := m.Incoming(romeo, "nurse"); c.GetMessage() != "it will be back" || !c.GetHeadline() {
				t.Errorf("the error of RemoveContact: %v", c)
			}
			if f := m.Expect(pbnetwork.WrapperMessage_TYPE_RAW_XML); string(f.Raw) != "<answer/>" {
				t.Errorf("the stanza: %s", f.Raw)
			}
		})
	}
}

// bare has no ability beyond messages.
type bare struct{ s *session }

func (b bare) Run(ctx context.Context) error                   { return b.s.Run(ctx) }
func (b bare) Message(ctx context.Context, m *backend.Message) { b.s.Message(ctx, m) }

type bareNetwork struct{ *fake }

func (n bareNetwork) NewSession(u *backend.User, l backend.Login) backend.Session {
	return bare{n.fake.NewSession(u, l).(*session)}
}

// A session that cannot do something answers where somebody waits or would
// believe that it was done, and is silent elsewhere.
func TestWhatASessionCannotDo(t *testing.T) {
	for level := range 2 {
		synctest.Test(t, func(t *testing.T) {
			n := bareNetwork{plain()}
			m := backendtest.Start(t, n, backendtest.Options{Level: level})
			m.MustLogin(romeo, "romeo", "")
			m.Expect(pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG)
			for _, f := range acts() {
				m.SendFrame(f)
			}
			if c := m.Incoming(romeo, "nurse"); !strings.Contains(c.GetMessage(), "attention") || !c.GetHeadline() {
				t.Errorf("a call for attention: %v", c)
			}
			requestVCard(m, "nurse", 7)
			m.Join(romeo, "ball", "romeo", "")
			if v := vcard(m, 7); v.Fullname != nil {
				t.Errorf("the vCard: %v", v)
			}
			if level == 0 {
				m.Participant(romeo, "ball")
			} else {
				if f := backendtest.Get[*pbnetwork.JoinFailed](m, pbnetwork.WrapperMessage_TYPE_JOIN_FAILED); f.GetCondition() != "not-allowed" {
					t.Errorf("the join: %v", f)
				}
				if r := m.Command(romeo, "", "say"); !r.GetFailed() {
					t.Errorf("the command: %v", r)
				}
			}
			synctest.Wait()
			for _, f := range m.Waiting() {
				t.Errorf("unexpected %s: %v", f.Type, f.Message)
			}
			n.wantNotes(t, "new romeo")
		})
	}
}

func TestAuthRequest(t *testing.T) {
	each(t, who(func(u *backend.User) { u.AuthRequest("paris", "may I?") }), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		b := backendtest.Get[*pbnetwork.Buddy](m, pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST)
		if b.GetBuddyName() != "paris" || b.GetStatusMessage() != "may I?" || b.GetUserName() != romeo {
			t.Errorf("the request: %v", b)
		}
	})
}
