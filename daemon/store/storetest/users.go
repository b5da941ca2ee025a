// SPDX-License-Identifier: GPL-2.0-or-later

package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

func createdOnce(t *testing.T, open Opener) {
	s := migrated(t, open)
	login := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	u := &store.User{JID: "a@example.org", Name: "12345", Password: "secret", Language: "cs", Encoding: "cp1250",
		LastLogin: login, VIP: true, Online: true, Settings: map[string]string{"stay_connected": "1"}}
	must(t, s.CreateUser(t.Context(), u))
	if u.ID == 0 {
		t.Error("no ID was set")
	}
	got, err := s.User(t.Context(), "a@example.org")
	must(t, err)
	if !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v, want %+v", got, u)
	}
	if err := s.CreateUser(t.Context(), &store.User{JID: "a@example.org"}); !errors.Is(err, store.ErrExists) {
		t.Errorf("second time: %v, want ErrExists", err)
	}
	if got, err := s.User(t.Context(), "a@example.org"); err != nil || got.Name != "12345" {
		t.Errorf("after it: %+v, %v", got, err)
	}
}

func unknownUser(t *testing.T, open Opener) {
	s := migrated(t, open)
	ctx, nobody := t.Context(), &store.User{ID: 99, JID: "nobody@example.org"}
	_, err := s.User(ctx, nobody.JID)
	for what, err := range map[string]error{
		"User":       err,
		"UpdateUser": s.UpdateUser(ctx, 0, nobody),
		"DeleteUser": s.DeleteUser(ctx, 0, 99),
		"SetOnline":  s.SetOnline(ctx, 0, 99, true),
		"SetSetting": s.SetSetting(ctx, 0, 99, "x", store.SettingBoolean, "1"),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
}

func updated(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	other := addUser(t, s, "b@example.org")
	u.Name, u.Password, u.Language, u.Encoding, u.VIP = "new", "changed", "de", "latin1", true
	must(t, s.UpdateUser(t.Context(), 0, u))
	got, err := s.User(t.Context(), u.JID)
	must(t, err)
	u.Settings = got.Settings
	if !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v, want %+v", got, u)
	}
	if got, err := s.User(t.Context(), other.JID); err != nil || got.Password != other.Password {
		t.Errorf("the other user: %+v, %v", got, err)
	}
}

func oddValues(t *testing.T, open Opener) {
	s := migrated(t, open)
	for i, v := range []string{"", " ", "'; DROP TABLE users; --", `"`, "\\", "%", "žluťoučký 🐎", "a\nb", strings.Repeat("x", 255)} {
		u := &store.User{JID: fmt.Sprintf("u%d@example.org", i), Name: v, Password: v, Language: "en", Encoding: "utf8"}
		must(t, s.CreateUser(t.Context(), u))
		must(t, s.SetSetting(t.Context(), 0, u.ID, "odd", store.SettingString, v))
		got, err := s.User(t.Context(), u.JID)
		must(t, err)
		if got.Name != v || got.Password != v || got.Settings["odd"] != v {
			t.Errorf("%q came back as %+v", v, got)
		}
	}
}

func listed(t *testing.T, open Opener) {
	s := migrated(t, open)
	var want, got []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("u%02d@example.org", i))
	}
	for _, jid := range slices.Backward(want) {
		addUser(t, s, jid)
	}
	for after := ""; ; after = got[len(got)-1] {
		page, err := s.ListUsers(t.Context(), after, 10)
		must(t, err)
		if len(page) == 0 {
			break
		}
		if len(page) > 10 {
			t.Fatalf("a page of %d", len(page))
		}
		got = append(got, page...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func online(t *testing.T, open Opener) {
	s := migrated(t, open)
	addUser(t, s, "a@example.org")
	b := addUser(t, s, "b@example.org")
	must(t, s.SetOnline(t.Context(), 0, b.ID, true))
	if got, err := s.OnlineUsers(t.Context()); err != nil || !slices.Equal(got, []string{"b@example.org"}) {
		t.Errorf("got %v, %v", got, err)
	}
	u, err := s.User(t.Context(), b.JID)
	must(t, err)
	if !u.Online || time.Since(u.LastLogin) > time.Hour {
		t.Errorf("online %v, last login %v", u.Online, u.LastLogin)
	}
	must(t, s.SetOnline(t.Context(), 0, b.ID, false))
	if got, err := s.OnlineUsers(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func settings(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	must(t, s.SetSetting(t.Context(), 0, u.ID, "enable_transport", store.SettingBoolean, "1"))
	must(t, s.SetSetting(t.Context(), 0, u.ID, "enable_transport", store.SettingBoolean, "0"))
	must(t, s.SetSetting(t.Context(), 0, u.ID, "photohash", store.SettingString, "abc"))
	got, err := s.User(t.Context(), u.JID)
	must(t, err)
	if want := map[string]string{"enable_transport": "0", "photohash": "abc"}; !reflect.DeepEqual(got.Settings, want) {
		t.Errorf("got %v, want %v", got.Settings, want)
	}
	if got, err := s.User(t.Context(), other.JID); err != nil || len(got.Settings) != 0 {
		t.Errorf("the other user: %v, %v", got.Settings, err)
	}
}

func claimed(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	token, err := s.Claim(t.Context(), u.JID)
	must(t, err)
	must(t, s.SetOnline(t.Context(), token, u.ID, true))
	must(t, s.Unclaim(t.Context(), u.JID, token))
	token, err = s.Claim(t.Context(), u.JID)
	must(t, err)
	must(t, s.SetOnline(t.Context(), token, u.ID, false))
}
