// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// slowLogout takes a while to log out.
func slowLogout(d time.Duration) func() *fake {
	return func() *fake {
		return &fake{run: func(ctx context.Context, s *session) error {
			<-ctx.Done()
			time.Sleep(d)
			s.network.note("out " + s.name)
			return nil
		}}
	}
}

func TestASecondLoginWaitsForTheFirstSessionsEnd(t *testing.T) {
	each(t, slowLogout(5*time.Second), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "first", "")
		m.Login(romeo, "second", "")
		m.Message(romeo, "nurse", "for the second")
		m.Connected(romeo)
		synctest.Wait()
		n.wantNotes(t, "new first", "out first", "new second", "message nurse  for the second")
		for _, f := range m.Waiting() {
			if f.Type == pbnetwork.WrapperMessage_TYPE_DISCONNECTED {
				t.Errorf("the replaced session says %v", f.Message)
			}
		}
	})
}

func TestWhatWasWrittenBeforeTheLogoutIsSent(t *testing.T) {
	each(t, slowLogout(0), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		for _, text := range []string{"one", "two", "three"} {
			m.Message(romeo, "nurse", text)
		}
		m.Logout(romeo, "romeo")
		synctest.Wait()
		n.wantNotes(t, "new romeo", "message nurse  one", "message nurse  two", "message nurse  three", "out romeo")
	})
}

func TestALogoutIsConfirmedWhenTheNetworkHasSeenIt(t *testing.T) {
	each(t, slowLogout(5*time.Second), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		id := m.Message(romeo, "nurse", "one")
		m.LogoutAnswered(romeo, "romeo")
		if id == "" {
			return // version 1 has no answer
		}
		n.wantNotes(t, "new romeo", "message nurse  one", "out romeo")
		if r := m.Result(id); r.GetOutcome() != pbnetwork.MessageResult_DELIVERED {
			t.Errorf("the message before it: %v", r)
		}
	})
}

func TestALoginThatFollowsALogoutIsNotConfirmedAway(t *testing.T) {
	each(t, slowLogout(5*time.Second), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		confirm := true
		user, name := romeo, "romeo"
		m.Send(pbnetwork.WrapperMessage_TYPE_LOGOUT, &pbnetwork.Logout{User: &user, LegacyName: &name, Confirm: &confirm})
		m.MustLogin(romeo, "romeo", "")
		synctest.Wait()
		for _, f := range m.Waiting() {
			if f.Type == pbnetwork.WrapperMessage_TYPE_LOGGED_OUT {
				t.Error("LOGGED_OUT while the user is logged in")
			}
		}
	})
}

func TestAfterTheLogoutASessionIsSilent(t *testing.T) {
	talkative := func() *fake {
		return &fake{run: func(ctx context.Context, s *session) error {
			<-ctx.Done()
			s.User.Message(backend.Incoming{From: "nurse", Text: "too late"})
			s.Participant(backend.Participant{Room: "ball", Nickname: "tybalt"})
			return &backend.Error{Text: "too late"}
		}}
	}
	each(t, talkative, func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		m.MustLogin(juliet, "juliet", "")
		m.Waiting()
		m.Logout(romeo, "romeo")
		synctest.Wait()
		if w := m.Waiting(); len(w) > 0 {
			t.Errorf("after the logout: %v", w)
		}
		m.MustLogin(romeo, "romeo", "")
	})
}

func TestAnErrorOfRunEndsTheSessionWithItsCode(t *testing.T) {
	const refused = pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED
	for _, c := range []struct {
		name string
		err  error
		code pbnetwork.ConnectionError
		text string
	}{
		{"the author's", &backend.Error{Code: refused, Text: "Wrong password."}, refused, "Wrong password."},
		{"wrapped", fmt.Errorf("log in: %w", &backend.Error{Code: refused, Text: "Wrong password.", Err: errors.New("47")}), refused, "Wrong password."},
		{"any other", errors.New("dial tcp 10.0.0.1: secret detail"), 0, "The connection with the network failed."},
		{"none", nil, 0, "The network ended the connection."},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := func() *fake { return &fake{login: func(context.Context, *session) error { return c.err }} }
			each(t, n, func(t *testing.T, m *backendtest.Main, _ *fake, log *logged) {
				m.Login(romeo, "romeo", "")
				d := m.Disconnected(romeo)
				if d.GetError() != int32(c.code) || d.GetMessage() != c.text {
					t.Errorf("DISCONNECTED %v", d)
				}
				if c.err != nil && !strings.Contains(log.String(), c.err.Error()) {
					t.Errorf("the log lacks the cause: %s", log)
				}
			})
		})
	}
}

// A panic is its session's end, wherever it happens, and nobody else's.
func TestAPanicEndsOneSession(t *testing.T) {
	for name, n := range map[string]func() *fake{
		"in NewSession": func() *fake {
			return &fake{create: func(l backend.Login) {
				if l.LegacyName == "romeo" {
					panic("poison")
				}
			}}
		},
		"in Run": func() *fake {
			return &fake{run: func(ctx context.Context, s *session) error {
				if s.name == "romeo" {
					panic("poison")
				}
				<-ctx.Done()
				return nil
			}}
		},
		"in Go": func() *fake {
			return &fake{run: func(ctx context.Context, s *session) error {
				if s.name == "romeo" {
					s.Go(func() { panic("poison") })
				}
				<-ctx.Done()
				return nil
			}}
		},
		"in Message": func() *fake {
			return &fake{message: func(s *session, m *backend.Message) {
				if s.name == "romeo" {
					panic("poison")
				}
				m.Delivered("")
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, n, func(t *testing.T, m *backendtest.Main, _ *fake, log *logged) {
				m.Login(romeo, "romeo", "")
				m.MustLogin(juliet, "juliet", "")
				id := m.Message(romeo, "nurse", "hello")
				if d := m.Disconnected(romeo); !strings.Contains(d.GetMessage(), "internal error") {
					t.Errorf("the user is told %v", d)
				}
				if m.Level() > 0 {
					if r := m.Result(id); name == "in Message" && r.GetOutcome() != pbnetwork.MessageResult_UNKNOWN {
						t.Errorf("the message: %v", r)
					}
					m.Result(m.Message(juliet, "nurse", "still there"))
				}
				if l := log.String(); !strings.Contains(l, "poison") || !strings.Contains(l, "network_test.go") && !strings.Contains(l, "session_test.go") {
					t.Errorf("the log lacks the panic and its stack: %s", l)
				}
			})
		})
	}
}

func TestAUserWhoseSessionHangsHoldsNobodyUp(t *testing.T) {
	stuck := make(chan struct{})
	n := func() *fake {
		return &fake{message: func(s *session, m *backend.Message) {
			if s.name == "romeo" {
				<-stuck
			}
			m.Delivered("")
		}}
	}
	// The session stays behind for good: outside a bubble, which would wait.
	m := backendtest.Start(t, n(), backendtest.Options{Level: 1})
	defer close(stuck)
	m.MustLogin(romeo, "romeo", "")
	m.MustLogin(juliet, "juliet", "")
	for range 600 {
		m.Message(romeo, "nurse", "hello")
	}
	refused := backendtest.Get[*pbnetwork.MessageResult](m, pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT)
	if refused.GetOutcome() != pbnetwork.MessageResult_FAILED || !strings.Contains(refused.GetReason(), "keep up") {
		t.Errorf("the result of one too many: %v", refused)
	}
	if r := m.Result(m.Message(juliet, "nurse", "hello")); r.GetOutcome() != pbnetwork.MessageResult_DELIVERED {
		t.Errorf("another user's message: %v", r)
	}
}

func TestExitWaitsForLogoutsOnlySoLong(t *testing.T) {
	for _, c := range []struct{ logout, wait time.Duration }{
		{3 * time.Second, 3 * time.Second},
		{time.Minute, 10 * time.Second},
	} {
		each(t, slowLogout(c.logout), func(t *testing.T, m *backendtest.Main, _ *fake, log *logged) {
			m.MustLogin(romeo, "romeo", "")
			m.MustLogin(juliet, "juliet", "")
			begin := time.Now()
			if err := m.Exit(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took != c.wait {
				t.Errorf("a logout of %v was waited for for %v", c.logout, took)
			}
			if late := c.logout > c.wait; late != strings.Contains(log.String(), "does not end") {
				t.Errorf("the log about a logout of %v: %s", c.logout, log)
			}
			time.Sleep(c.logout) // let what was left behind end with the bubble
		})
	}
}

func TestAHangupIsAnOrderlyEnd(t *testing.T) {
	each(t, slowLogout(time.Second), func(t *testing.T, m *backendtest.Main, n *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		if err := m.Hangup(); err != nil {
			t.Error(err)
		}
		n.wantNotes(t, "new romeo", "out romeo")
	})
}
