// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"strconv"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/backends/oscar"
	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestRefusedLoginsSayWhy(t *testing.T) {
	s := serverWith(t, "100001", "100002", "someone")
	s.Suspend("100002", true)
	const (
		wrong   = pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED
		account = pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_IMPOSSIBLE
		name    = pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME
	)
	for _, form := range []string{"md5", "flap"} {
		m := startWith(t, configFor(s, map[string]string{"login": form}), 1)
		for _, c := range []struct {
			name, password string
			want           []pbnetwork.ConnectionError
		}{
			{"100001", "wrong", []pbnetwork.ConnectionError{wrong}},
			{"someone", "wrong", []pbnetwork.ConnectionError{wrong}},
			{"999999", password, []pbnetwork.ConnectionError{wrong, account}},
			{"nobody", password, []pbnetwork.ConnectionError{wrong, account}},
			{"100002", password, []pbnetwork.ConnectionError{account}},
			{"no name at all, é", password, []pbnetwork.ConnectionError{name}},
		} {
			jid := jidOf(strconv.Itoa(len(c.name)) + c.name[:2] + form)
			m.Login(jid, c.name, c.password)
			d := m.Disconnected(jid)
			ok := false
			for _, want := range c.want {
				ok = ok || d.GetError() == int32(want)
			}
			if !ok || !strings.HasSuffix(d.GetMessage(), ".") {
				t.Errorf("%s, %s: error %d, %q", form, c.name, d.GetError(), d.GetMessage())
			}
		}
		m.MustLogin(jidOf("100001"), "100-001", password)
		m.MustLogin(jidOf("someone"), "Some One", password)
	}
}

func TestTooManyLoginsWait(t *testing.T) {
	s := serverWith(t, "100001")
	c := configFor(s, map[string]string{"bind": "127.3.0.1"})
	m := startWith(t, c, 1)
	for i := range 30 {
		jid := jidOf("a" + strconv.Itoa(i))
		m.Login(jid, "100001", "wrong")
		d := m.Disconnected(jid)
		if d.GetError() == int32(pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR) {
			if !strings.Contains(d.GetMessage(), "again later") {
				t.Errorf("the text is %q", d.GetMessage())
			}
			return
		}
	}
	t.Error("the server never complained")
}

func TestSigningOnElsewhereIsNotFoughtOver(t *testing.T) {
	s := serverWith(t, "100001")
	c := configFor(s, map[string]string{"multiple_logins": "0"})
	m := startWith(t, c, 1)
	first := loginAs(t, m, "100001")
	m.MustLogin("other@xmpp.example", "100001", password)
	d := m.Disconnected(first)
	if d.GetError() != int32(pbnetwork.ConnectionError_CONNECTION_ERROR_NAME_IN_USE) || !strings.Contains(d.GetMessage(), "another place") {
		t.Errorf("the first login ended with %v", d)
	}
}

func TestSeveralPlacesAtOnce(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	first := loginAs(t, m, "100001")
	second := "other@xmpp.example"
	m.MustLogin(second, "100001", password)
	listOf(m, second)
	b := loginAs(t, m, "100002")
	delivered(t, m, m.Message(b, "100001", "to both"))
	for _, jid := range []string{first, second} {
		if got := m.Incoming(jid, "100002"); got.GetMessage() != "to both" {
			t.Errorf("%s got %q", jid, got.GetMessage())
		}
	}
}

func TestAServersRestartIsANetworkError(t *testing.T) {
	s := serverWith(t, "100001")
	m := startOn(t, s)
	jid := loginAs(t, m, "100001")
	s.Restart()
	if d := m.Disconnected(jid); d.GetError() != int32(pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR) || d.GetMessage() == "" {
		t.Errorf("the session ended with %v", d)
	}
	loginAs(t, m, "100001")
}

func TestNoServer(t *testing.T) {
	s := serverWith(t, "100001")
	m := startOn(t, s)
	s.Stop()
	m.Login(jidOf("100001"), "100001", password)
	if d := m.Disconnected(jidOf("100001")); d.GetError() != int32(pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR) || d.GetMessage() == "" {
		t.Errorf("the login ended with %v", d)
	}
}

func TestAnOldConfigurationWorks(t *testing.T) {
	s := serverWith(t, "100001", "someone")
	c := &config.Config{
		Service: config.Service{Protocol: "prpl-icq"},
		Purple: map[string][]string{
			"server": {oscartest.Host}, "port": {strconv.Itoa(s.Port)}, "encoding": {"windows-1251"}, "use_ssl": {"1"},
		},
	}
	log := &logged{}
	n, err := oscar.New(backend.Options{Config: c, Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "use_ssl") {
		t.Errorf("nothing is said about use_ssl: %q", log)
	}
	m := backendtest.Start(t, n, backendtest.Options{Level: 1, Config: c})
	m.MustLogin(jidOf("100001"), "100001", password)
	m.Login(jidOf("someone"), "someone", password)
	if d := m.Disconnected(jidOf("someone")); d.GetError() != int32(pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME) {
		t.Errorf("with prpl-icq, an AIM name: %v", d)
	}
}

func TestUnusableConfigurationsAreErrors(t *testing.T) {
	for _, section := range []map[string][]string{
		{}, {"host": {""}}, {"host": {"a.example"}, "port": {"0"}}, {"host": {"a.example"}, "encoding": {"klingon"}},
		{"host": {"a.example"}, "login": {"plain"}}, {"host": {"a.example"}, "bind": {"here"}},
	} {
		if _, err := oscar.New(backend.Options{Config: &config.Config{Sections: map[string]map[string][]string{"oscar": section}}}); err == nil {
			t.Errorf("%v is accepted", section)
		}
	}
}
