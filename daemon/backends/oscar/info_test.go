// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// vcardOf asks for a contact's vCard.
func vcardOf(m *backendtest.Main, user, contact string) *pbnetwork.VCard {
	m.Send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{UserName: &user, BuddyName: &contact, Id: proto.Int32(7)})
	return backendtest.Get(m, pbnetwork.WrapperMessage_TYPE_VCARD, func(v *pbnetwork.VCard) bool {
		return v.GetUserName() == user && v.GetBuddyName() == contact
	})
}

func TestWhatAnICQUserTellsAboutHimself(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	s.SetICQ("100002", map[string]any{
		"basic_info": map[string]any{
			"nickname": "Джульетта", "first_name": "Juliet", "last_name": "Capulet", "email": "juliet@example.org",
			"city": "Verona", "state": "VR", "phone": "123", "address": "Via Cappello 23", "cell_phone": "456", "zip": "37121", "country_code": 39,
			"publish_email": true,
		},
		"more_info": map[string]any{"gender": 1, "homepage": "http://example.org/", "birth_year": 1591, "birth_month": 7, "birth_day": 31},
		"work_info": map[string]any{"company": "Capulets", "department": "Balcony", "position": "Daughter"},
		"notes":     "What's in a name?",
		"interests": map[string]any{"code1": 1, "keyword1": "poetry", "code2": 2, "keyword2": "masks"},
	})
	m := startOn(t, s)
	a := loginAs(t, m, "100001")
	v := vcardOf(m, a, "100002")
	for what, is := range map[string][2]string{
		"nick": {v.GetNickname(), "Джульетта"}, "name": {v.GetFullname(), "Juliet Capulet"}, "given": {v.GetGiven(), "Juliet"},
		"email": {v.GetEmail(), "juliet@example.org"}, "city": {v.GetCity(), "Verona"}, "region": {v.GetRegion(), "VR"},
		"phone": {v.GetPhone(), "123"}, "mobile": {v.GetMobile(), "456"}, "street": {v.GetStreet(), "Via Cappello 23"},
		"code": {v.GetPostalCode(), "37121"}, "country": {v.GetCountry(), "Italy"}, "gender": {v.GetGender(), "female"},
		"url": {v.GetUrl(), "http://example.org/"}, "birthday": {v.GetBirthday(), "1591-07-31"},
		"company": {v.GetOrganisation(), "Capulets, Balcony"}, "title": {v.GetTitle(), "Daughter"},
		"about": {v.GetDescription(), "What's in a name?\nInterests: poetry, masks"},
	} {
		if is[0] != is[1] {
			t.Errorf("%s: %q instead of %q", what, is[0], is[1])
		}
	}
	// A number that nobody has must not end the session.
	if v := vcardOf(m, a, "999999"); v.GetFullname() != "" || v.GetNickname() != "" {
		t.Errorf("nobody is %v", v)
	}
	delivered(t, m, m.Message(a, "100002", "still here"))
}

func TestProfilesAndAwayMessages(t *testing.T) {
	s := serverWith(t, "romeo", "Juliet C")
	m := startOn(t, s)
	romeo, juliet := loginAs(t, m, "romeo"), loginAs(t, m, "julietc")
	knows(m, romeo, "romeo", juliet, "julietc")
	if r := m.Command(juliet, "", "profile", "What's in a <name>? Любовь"); r.GetFailed() {
		t.Fatalf("the profile was not changed: %v", r)
	}
	if r := m.Command(juliet, "", "info", "", "Juliet", "Capulet", "", "", "Verona"); r.GetFailed() {
		t.Fatalf("the directory was not changed: %v", r)
	}
	setStatus(m, juliet, pbnetwork.StatusType_STATUS_AWAY, "on the balcony")
	contactOf(m, romeo, "julietc", func(b *pbnetwork.Buddy) bool { return b.GetStatusMessage() == "on the balcony" })
	v := vcardOf(m, romeo, "julietc")
	if v.GetFullname() != "Juliet Capulet" || v.GetCity() != "Verona" {
		t.Errorf("the directory says %v", v)
	}
	if v.GetDescription() != "What's in a <name>? Любовь\nAway: on the balcony" {
		t.Errorf("the profile is %q", v.GetDescription())
	}
	m.Logout(juliet, "julietc")
	contactOf(m, romeo, "julietc", there(pbnetwork.StatusType_STATUS_NONE))
	if v := vcardOf(m, romeo, "julietc"); v.GetFamily() != "Capulet" || v.GetDescription() != "" {
		t.Errorf("after she left: %v", v)
	}
}

func TestSearchingICQ(t *testing.T) {
	s := serverWith(t, "100001", "100002", "100003")
	for uin, nick := range map[string]string{"100002": "juliet", "100003": "nurse"} {
		s.SetICQ(uin, map[string]any{"basic_info": map[string]any{
			"nickname": nick, "last_name": "Capulet", "first_name": strings.ToUpper(nick), "email": nick + "@example.org", "publish_email": true,
		}})
	}
	m := startOn(t, s)
	a := loginAs(t, m, "100001")
	for what, c := range map[string]struct {
		fields map[string]string
		found  string
	}{
		"by number":         {map[string]string{"uin": "100-002"}, "100002"},
		"by address":        {map[string]string{"email": "nurse@example.org"}, "100003"},
		"by name":           {map[string]string{"last": "Capulet"}, "100002 100003"},
		"by nick":           {map[string]string{"nick": "juliet"}, "100002"},
		"by both":           {map[string]string{"nick": "nurse", "last": "Capulet"}, "100003"},
		"nobody":            {map[string]string{"nick": "mercutio"}, ""},
		"no such number":    {map[string]string{"uin": "123456"}, ""},
		"what is no number": {map[string]string{"uin": "juliet"}, ""},
	} {
		r := m.Search(a, c.fields)
		var all []string
		for _, row := range r.GetRow() {
			all = append(all, row.GetContact())
			if row.GetContact() == "100002" && (row.GetValue()[0] != "juliet" || row.GetValue()[3] != "juliet@example.org") {
				t.Errorf("%s: the row is %v", what, row)
			}
		}
		slices.Sort(all) // the directory gives them in no order
		if r.GetFailed() || strings.Join(all, " ") != c.found {
			t.Errorf("%s: %v", what, r)
		}
	}
	if r := m.Search(a, map[string]string{"nick": " "}); !r.GetFailed() || r.GetReason() == "" {
		t.Errorf("a search for nothing: %v", r)
	}
}

func TestSearchingAIM(t *testing.T) {
	s := serverWith(t, "romeo", "Juliet C")
	m := startOn(t, s)
	romeo, juliet := loginAs(t, m, "romeo"), loginAs(t, m, "julietc")
	for _, args := range [][]string{
		{"info", "jule", "Juliet", "Capulet", "", "", "Verona", "", "Italy"}, {"email", "juliet@example.org"},
	} {
		if r := m.Command(juliet, "", args[0], args[1:]...); r.GetFailed() {
			t.Fatalf("%s: %v", args[0], r)
		}
	}
	for what, fields := range map[string]map[string]string{
		"by name":        {"last": "Capulet", "first": "Juliet"},
		"by address":     {"email": "juliet@example.org"},
		"by screen name": {"uin": "JULIET C"},
	} {
		r := m.Search(romeo, fields)
		if len(r.GetRow()) != 1 || r.GetRow()[0].GetContact() != "julietc" {
			t.Errorf("%s: %v", what, r)
			continue
		}
		if row := r.GetRow()[0].GetValue(); row[2] != "Capulet" || row[4] != "Verona, Italy" {
			t.Errorf("%s: the row is %q", what, row)
		}
	}
	for what, fields := range map[string]map[string]string{
		"nobody": {"last": "Montague"}, "no such name": {"uin": "mercutio"},
	} {
		if r := m.Search(romeo, fields); r.GetFailed() || len(r.GetRow()) != 0 {
			t.Errorf("%s: %v", what, r)
		}
	}
}
