// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestEveryCommandHasItsForm(t *testing.T) {
	m := startOn(t, serverWith(t))
	c := backendtest.Get[*pbnetwork.BackendConfig](m, pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG)
	var all []string
	for _, spec := range c.GetCommand() {
		all = append(all, spec.GetName())
		for _, f := range spec.GetField() {
			if f.GetLabel() == "" || f.GetSecret() != (spec.GetName() == "password") {
				t.Errorf("the field %v of %s", f, spec.GetName())
			}
		}
	}
	if got := strings.Join(all, " "); got != "info profile password email screenname invite" {
		t.Errorf("the commands are %s", got)
	}
}

func TestOneChangesWhatOneTellsOnICQ(t *testing.T) {
	s := serverWith(t, "100001")
	s.SetICQ("100001", map[string]any{"basic_info": map[string]any{"nickname": "old", "city": "Mantua"}})
	m := startOn(t, s)
	a := loginAs(t, m, "100001")
	set := func(args ...string) *pbnetwork.CommandResult { return m.Command(a, "", "info", args...) }
	// nick first last email street city state country phone mobile homepage birthday gender about
	if r := set("Ромео", "Romeo", "Montague", "romeo@example.org", "", "", "", "", "", "789", "http://m.example.org", "1590-12-31", "male", "I <3 Juliet"); r.GetFailed() {
		t.Fatalf("refused: %v", r)
	}
	basic, more := s.ICQ("100001", "basic_info").(map[string]any), s.ICQ("100001", "more_info").(map[string]any)
	if basic["nickname"] != "Ромео" || basic["first_name"] != "Romeo" || basic["cell_phone"] != "789" || basic["city"] != "Mantua" {
		t.Errorf("the server has %v", basic)
	}
	if more["birth_year"] != 1590.0 || more["birth_day"] != 31.0 || more["gender"] != 2.0 || s.ICQ("100001", "notes") != "I <3 Juliet" {
		t.Errorf("the server has %v, %v", more, s.ICQ("100001", "notes"))
	}
	if r := set("", "", "", "", "", "-"); r.GetFailed() || s.ICQ("100001", "basic_info").(map[string]any)["city"] != "" {
		t.Errorf("the city is not taken out: %v", r)
	}
	for what, args := range map[string][]string{
		"nothing":       nil,
		"a wrong date":  {"", "", "", "", "", "", "", "", "", "", "", "31.12.1590"},
		"a long nick":   {strings.Repeat("o", 500)},
		"a wrong field": {"", "", "", "", "", "", "", "Italy"},
	} {
		if r := set(args...); !r.GetFailed() || r.GetText() == "" {
			t.Errorf("%s: %v", what, r)
		}
	}
	if r := m.Command(a, "", "profile", "new text"); r.GetFailed() || s.ICQ("100001", "notes") != "new text" {
		t.Errorf("the profile: %v", r)
	}
}

func TestOneChangesOnesPassword(t *testing.T) {
	for _, name := range []string{"100001", "romeo"} {
		s := serverWith(t, name)
		m := startOn(t, s)
		a := loginAs(t, m, name)
		for what, args := range map[string][]string{
			"a typing error":     {password, "fresh12", "fresh21"},
			"the wrong password": {"guessed", "fresh12", "fresh12"},
			"a short one":        {password, "x", "x"},
			"half of it":         {password, "fresh12"},
		} {
			if r := m.Command(a, "", "password", args...); !r.GetFailed() || strings.Contains(r.GetText(), password) {
				t.Errorf("%s of %s: %v", what, name, r)
			}
		}
		if r := m.Command(a, "", "password", password, "fresh12", "fresh12"); r.GetFailed() {
			t.Fatalf("%s: %v", name, r)
		}
		m.Logout(a, name)
		m.Login(a, name, password)
		if d := m.Disconnected(a); d.GetError() != int32(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED) {
			t.Errorf("%s with the old password: %v", name, d)
		}
		m.MustLogin(a, name, "fresh12")
	}
}

func TestTheAIMAccount(t *testing.T) {
	s := serverWith(t, "julietc", "100001")
	m := startOn(t, s)
	a, icq := loginAs(t, m, "julietc"), loginAs(t, m, "100001")
	if r := m.Command(a, "", "email", "juliet@example.org"); r.GetFailed() || !strings.Contains(s.Account("julietc")["email_address"].(string), "juliet@example.org") {
		t.Errorf("the address: %v", r)
	}
	if r := m.Command(a, "", "screenname", "Juliet C"); r.GetFailed() || s.Account("julietc")["screen_name"] != "Juliet C" {
		t.Errorf("the name: %v", r)
	}
	for what, r := range map[string]*pbnetwork.CommandResult{
		"no address":      m.Command(a, "", "email", "nonsense"),
		"another name":    m.Command(a, "", "screenname", "Romeo"),
		"a number's name": m.Command(icq, "", "screenname", "100 001"),
		"no such command": m.Command(a, "", "dance"),
	} {
		if !r.GetFailed() || r.GetText() == "" {
			t.Errorf("%s: %v", what, r)
		}
	}
}
