// SPDX-License-Identifier: GPL-2.0-or-later

package backendtest

import (
	"strconv"
	"testing"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func checkReady(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	m.Send(pbnetwork.WrapperMessage_TYPE_PING, nil)
	m.Expect(pbnetwork.WrapperMessage_TYPE_PONG)
	s := Get[*pbnetwork.Stats](m, pbnetwork.WrapperMessage_TYPE_STATS)
	if pid, err := strconv.Atoi(s.GetId()); err != nil || pid < 1 {
		t.Errorf("STATS names process %q", s.GetId())
	}
	if s.GetRes() <= 0 || s.GetInitRes() <= 0 || s.GetShared() <= 0 {
		t.Errorf("STATS without memory: %v", s)
	}
	c := Get[*pbnetwork.BackendConfig](m, pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG)
	if _, err := pbnetwork.ParseFeatures(c.GetConfig()); err != nil {
		t.Error(err)
	}
}

func checkLogin(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	l := h.Login(0)
	c := m.loginAs(l)
	if o.Level > 0 && c.GetConfirmation() == pbnetwork.Confirmation_CONFIRMATION_UNKNOWN {
		t.Error("CONNECTED does not say what the network confirmed")
	}
	m.Logout(l.GetUser(), l.GetLegacyName())
	m.Barrier()
	m.loginAs(l)
	for range 2 { // the second time nobody is there
		m.LogoutAnswered(l.GetUser(), l.GetLegacyName())
	}
	m.loginAs(l)
	m.noneFor(t, pbnetwork.WrapperMessage_TYPE_DISCONNECTED, l.GetUser())
}

func checkSecondLogin(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	l := h.Login(0)
	m.loginAs(l)
	m.loginAs(l)
	m.noneFor(t, pbnetwork.WrapperMessage_TYPE_DISCONNECTED, l.GetUser())
}

func checkRefused(t *testing.T, h Harness, o Options) {
	if h.Refused == nil {
		t.Skip("a network that takes everybody")
	}
	m := h.Start(t, o)
	for range 2 { // a refusal leaves nothing behind
		m.Send(pbnetwork.WrapperMessage_TYPE_LOGIN, h.Refused)
		d := m.Disconnected(h.Refused.GetUser())
		if d.GetError() == int32(pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR) {
			t.Error("the refusal is called a network error, which is retried")
		}
		if d.GetMessage() == "" {
			t.Error("the refusal has no text for the user")
		}
	}
	m.noneFor(t, pbnetwork.WrapperMessage_TYPE_CONNECTED, h.Refused.GetUser())
}

func checkUsers(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	const users = 20
	for n := range users {
		m.Send(pbnetwork.WrapperMessage_TYPE_LOGIN, h.Login(n))
	}
	for n := range users {
		m.Connected(h.Login(n).GetUser())
	}
	m.Logout(h.Login(0).GetUser(), h.Login(0).GetLegacyName())
	m.Barrier()
	for n := range users {
		m.noneFor(t, pbnetwork.WrapperMessage_TYPE_DISCONNECTED, h.Login(n).GetUser())
	}
}

func checkExit(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	h.login(m, 0)
	h.login(m, 1)
	if err := m.Exit(); err != nil {
		t.Errorf("the backend ended with %v", err)
	}
}

func checkHangup(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	h.login(m, 0)
	if err := m.Hangup(); err != nil {
		t.Errorf("the backend ended with %v", err)
	}
}

func checkGarbage(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	h.login(m, 0)
	m.SendBytes([]byte{0, 0, 0, 3, 0xff, 0xff, 0xff})
	if err := m.Ended(); err == nil {
		t.Error("the backend takes garbage for an orderly end")
	}
}

func checkOversized(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	h.login(m, 0)
	m.SendBytes([]byte{0x7f, 0xff, 0xff, 0xff})
	if err := m.Ended(); err == nil {
		t.Error("the backend takes an oversized frame for an orderly end")
	}
}

func (m *Main) loginAs(l *pbnetwork.Login) *pbnetwork.Connected {
	m.t.Helper()
	m.Send(pbnetwork.WrapperMessage_TYPE_LOGIN, l)
	return m.Connected(l.GetUser())
}

// noneFor fails the test if a frame of type kind about user has come.
func (m *Main) noneFor(t *testing.T, kind pbnetwork.Type, user string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.waiting {
		if f.Type == kind && f.UserOf() == user {
			t.Errorf("unexpected %s: %v", kind, f.Message)
		}
	}
}
