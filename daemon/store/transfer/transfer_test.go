// SPDX-License-Identifier: GPL-2.0-or-later

package transfer_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/store/transfer"
)

const canary = "CanaryPassword4711"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newStore(t *testing.T, key string) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Key: config.NewSecret(key)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill makes three users, the first one with much of everything, some of it in
// no encoding that JSON knows.
func fill(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	u := &store.User{JID: "ann@example.org", Name: "ann\xe9", Password: canary + "\xff\x00 \"<&", Language: "en", Encoding: "cp1250",
		LastLogin: noon, VIP: true, Online: true, Settings: map[string]string{"photohash": "aabb"}}
	must(t, s.CreateUser(ctx, u))
	must(t, s.SetSetting(ctx, 0, u.ID, "stay_connected", store.SettingBoolean, "1"))
	for i := range 300 {
		must(t, s.PutContact(ctx, 0, &store.Contact{UserID: u.ID, Name: fmt.Sprintf("contact %d\u2028", i), Subscription: "both", Nickname: "Zoë\t\x01",
			Groups: []string{"Friends", `W"ö'rk`, "a,b;c"}, Flags: 2, Settings: map[string]string{"icon_hash": fmt.Sprint(i)}}))
		_, err := s.Enqueue(ctx, 0, &store.Waiting{UserID: u.ID, Key: fmt.Sprint("k", i), Stanza: []byte("<message>" + fmt.Sprint(i) + "</message>"), At: noon.Add(time.Duration(i) * time.Millisecond)}, 0)
		must(t, err)
	}
	must(t, s.PutRoom(ctx, 0, store.Room{UserID: u.ID, Name: "#rüm", Nickname: "n", Password: canary}))
	var messages []store.Archived
	for i := range int64(1203) {
		messages = append(messages, store.Archived{Seq: i/2 + 1, Room: i%2 == 1, Peer: "p@example.org", Resource: "r", ID: fmt.Sprint(i), Stanza: []byte("<message/>")})
	}
	must(t, s.AddArchived(ctx, 0, u.ID, messages))
	for i := range 500 {
		must(t, s.ChangePersonal(ctx, 0, u.ID, []store.Change{{Put: &store.Item{Kind: "pep", Node: "urn:xmpp:bookmarks:1", Item: fmt.Sprint(i), Order: int64(i), Value: []byte{0, 255, byte(i)}}}}))
	}
	must(t, s.CreateUser(ctx, &store.User{JID: "bob@example.org", Name: "bob"}))
	must(t, s.CreateUser(ctx, &store.User{JID: "zoë@example.org", Name: "z", Password: "p"}))
}

// all is everything in the store that is to survive, without numbers.
func all(t *testing.T, s store.Store) map[string][]any {
	t.Helper()
	ctx, out := t.Context(), map[string][]any{}
	jids, err := s.ListUsers(ctx, "", 100)
	must(t, err)
	for _, j := range jids {
		u, err := s.User(ctx, j)
		must(t, err)
		id := u.ID
		contacts, err := s.Contacts(ctx, id)
		must(t, err)
		waiting, err := s.Waiting(ctx, id, 1000)
		must(t, err)
		rooms, err := s.Rooms(ctx, id)
		must(t, err)
		own, err := s.Archived(ctx, id, store.ArchiveQuery{}, false, 10000)
		must(t, err)
		inRooms, err := s.Archived(ctx, id, store.ArchiveQuery{Room: true}, false, 10000)
		must(t, err)
		items, err := s.PersonalItems(ctx, id, "", "")
		must(t, err)
		u.ID = 0
		for i := range contacts {
			contacts[i].ID, contacts[i].UserID = 0, 0
		}
		for i := range waiting {
			waiting[i].ID, waiting[i].UserID = 0, 0
		}
		for i := range rooms {
			rooms[i].UserID = 0
		}
		out[j] = []any{*u, contacts, waiting, rooms, own, inRooms, items}
	}
	return out
}

func export(t *testing.T, s store.Store, passwords bool) (string, transfer.Counts) {
	t.Helper()
	var b bytes.Buffer
	n, err := transfer.Export(t.Context(), s, &b, transfer.Options{JID: "irc.example.org", Program: "test", Passwords: passwords, Now: noon})
	must(t, err)
	return b.String(), n
}

func TestEverythingSurvivesExportAndImport(t *testing.T) {
	from, to := newStore(t, ""), newStore(t, "another database with a key")
	fill(t, from)
	text, n := export(t, from, true)
	want := transfer.Counts{Users: 3, Contacts: 300, Waiting: 300, Rooms: 1, Archived: 1203, Personal: 500}
	if n != want {
		t.Errorf("exported %+v", n)
	}
	h, n, err := transfer.Check(strings.NewReader(text))
	if err != nil || n != want || h.JID != "irc.example.org" || h.Database != "sqlite3" || !h.Date.Equal(noon) || !h.Passwords {
		t.Errorf("header %+v, %+v, %v", h, n, err)
	}
	if n, err := transfer.Import(t.Context(), to, strings.NewReader(text), false); err != nil || n != want {
		t.Fatalf("imported %+v, %v", n, err)
	}
	if got, want := all(t, to), all(t, from); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %.2000v\nwant %.2000v", got, want)
	}
	if again, _ := export(t, to, true); again != text {
		t.Error("an export of the import is another one")
	}
}

func TestExportHasNoPasswordsUnlessAskedFor(t *testing.T) {
	from := newStore(t, "")
	fill(t, from)
	text, _ := export(t, from, false)
	if strings.Contains(text, canary) {
		t.Error("there is a password in the export")
	}
	to := newStore(t, "")
	if _, err := transfer.Import(t.Context(), to, strings.NewReader(text), false); err != nil {
		t.Fatal(err)
	}
	if u, err := to.User(t.Context(), "ann@example.org"); err != nil || u.Password != "" || u.Name != "ann\xe9" {
		t.Errorf("got %+v, %v", u, err)
	}
}

func TestImportWithoutPasswordsKeepsThoseThatAreThere(t *testing.T) {
	from := newStore(t, "")
	fill(t, from)
	text, _ := export(t, from, false)
	want := all(t, from)
	if _, err := transfer.Import(t.Context(), from, strings.NewReader(text), false); !errors.Is(err, transfer.ErrNotEmpty) {
		t.Errorf("a database with users took it: %v", err)
	}
	if _, err := transfer.Import(t.Context(), from, strings.NewReader(text), true); err != nil {
		t.Fatal(err)
	}
	if got := all(t, from); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %.2000v\nwant %.2000v", got, want)
	}
}

func TestMergeReplacesAndAddsAndRemovesNothing(t *testing.T) {
	from, to := newStore(t, ""), newStore(t, "")
	fill(t, from)
	ctx := t.Context()
	u := &store.User{JID: "ann@example.org", Name: "old", Password: "old"}
	must(t, to.CreateUser(ctx, u))
	must(t, to.PutContact(ctx, 0, &store.Contact{UserID: u.ID, Name: "only here", Subscription: "none"}))
	must(t, to.CreateUser(ctx, &store.User{JID: "only@here", Name: "x"}))
	text, _ := export(t, from, true)
	if _, err := transfer.Import(ctx, to, strings.NewReader(text), true); err != nil {
		t.Fatal(err)
	}
	got, err := to.User(ctx, "ann@example.org")
	if err != nil || got.Name != "ann\xe9" || !strings.HasPrefix(got.Password, canary) || got.Settings["stay_connected"] != "1" {
		t.Errorf("got %+v, %v", got, err)
	}
	if c, err := to.Contacts(ctx, u.ID); err != nil || len(c) != 301 {
		t.Errorf("%d contacts, %v", len(c), err)
	}
	if jids, err := to.ListUsers(ctx, "", 10); err != nil || len(jids) != 4 {
		t.Errorf("users %v, %v", jids, err)
	}
}

func TestImportThatWasCutShortIsFinishedByMerging(t *testing.T) {
	from, to := newStore(t, ""), newStore(t, "")
	fill(t, from)
	text, _ := export(t, from, true)
	if _, err := transfer.Import(t.Context(), to, strings.NewReader(text[:len(text)*2/3]), false); !errors.Is(err, transfer.ErrCut) {
		t.Fatalf("a cut file: %v", err)
	}
	if _, err := transfer.Import(t.Context(), to, strings.NewReader(text), true); err != nil {
		t.Fatal(err)
	}
	if got, want := all(t, to), all(t, from); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %.2000v\nwant %.2000v", got, want)
	}
}
