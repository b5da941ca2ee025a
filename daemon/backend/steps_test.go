// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// asking asks for a code while it logs in, for expires at most.
func asking(expires time.Duration) *fake {
	return &fake{login: func(ctx context.Context, s *session) error {
		name := "code"
		begin := time.Now()
		answer, err := s.Ask(context.Background(), backend.Step{
			Kind: pbnetwork.Step_CODE, Title: "Your code", Expires: expires,
			Fields: []*pbnetwork.StepField{{Name: &name}},
		})
		s.network.note(fmt.Sprintf("%v: %q %v", time.Since(begin), answer[name], err))
		if err != nil {
			return &backend.Error{Text: err.Error()}
		}
		s.Connected(s.name, pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED)
		<-ctx.Done()
		return nil
	}}
}

func TestAskGetsTheAnswer(t *testing.T) {
	at(t, 1, asking(0), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.Login(romeo, "romeo", "")
		s := m.Step(romeo)
		if s.GetKind() != pbnetwork.Step_CODE || s.GetTitle() != "Your code" || s.GetExpires() != 300 || s.GetField()[0].GetName() != "code" {
			t.Errorf("the question: %v", s)
		}
		other := "another"
		m.Answer(&pbnetwork.Step{User: s.User, Id: &other}, map[string]string{"code": "0"})
		time.Sleep(time.Minute)
		m.Answer(s, map[string]string{"code": "4711"})
		m.Connected(romeo)
		n.wantNotes(t, "new romeo", `1m0s: "4711" <nil>`)
		m.Answer(s, map[string]string{"code": "too late"})
		m.Barrier()
	})
}

func TestAskEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		act  func(m *backendtest.Main, s *pbnetwork.Step)
		note string
	}{
		{"when the user refuses", func(m *backendtest.Main, s *pbnetwork.Step) { m.Answer(s, nil) },
			`0s: "" the user did not want to answer`},
		{"when the time is up", func(m *backendtest.Main, s *pbnetwork.Step) { time.Sleep(21 * time.Second) },
			`20s: "" the user did not answer in time`},
		{"when the user logs out", func(m *backendtest.Main, s *pbnetwork.Step) { m.Logout(romeo, "romeo") },
			`0s: "" the session has ended`},
	} {
		t.Run(c.name, func(t *testing.T) {
			at(t, 1, asking(20*time.Second), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
				m.Login(romeo, "romeo", "")
				s := m.Step(romeo)
				if s.GetExpires() != 20 {
					t.Errorf("the question: %v", s)
				}
				c.act(m, s)
				synctest.Wait()
				n.wantNotes(t, "new romeo", c.note)
			})
		})
	}
}

func TestVersion1CannotAsk(t *testing.T) {
	at(t, 0, asking(0), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.Login(romeo, "romeo", "")
		m.Disconnected(romeo)
		n.wantNotes(t, "new romeo", `0s: "" this main process cannot ask the user`)
	})
}
