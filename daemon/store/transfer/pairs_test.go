// SPDX-License-Identifier: GPL-2.0-or-later

package transfer_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/store/transfer"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// types open an empty database of each type, with a key or without.
var types = map[string]func(t *testing.T, key string) (store.Store, error){
	"sqlite3": func(t *testing.T, key string) (store.Store, error) {
		return sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Key: config.NewSecret(key)})
	},
	"postgresql": func(t *testing.T, key string) (store.Store, error) {
		s := dbtest.PostgreSQL(t)
		return postgres.Open(t.Context(), postgres.Options{Server: s.Socket(), Port: s.Port(), User: dbtest.User, Password: config.NewSecret(dbtest.Password),
			Database: s.Database(t), Prefix: "p_", Key: config.NewSecret(key)})
	},
	"mysql": func(t *testing.T, key string) (store.Store, error) {
		s := dbtest.MariaDB(t)
		return mysql.Open(t.Context(), mysql.Options{Server: s.Socket(), User: dbtest.User, Password: config.NewSecret(dbtest.Password),
			Database: s.Database(t), Prefix: "m_", Key: config.NewSecret(key)})
	},
}

func storeOf(t *testing.T, typ, key string) store.Store {
	t.Helper()
	s, err := types[typ](t, key)
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
		_, err = s.Migrate(t.Context())
	}
	must(t, err)
	return s
}

// everyKind makes users with everything that each type of database can keep.
func everyKind(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	u := &store.User{JID: "ann@пример.example", Name: "ann 🐎 'x' \\ \"y\"", Password: canary + " ž 🐎 \\ '\"", Language: "en", Encoding: "cp1250",
		LastLogin: noon, VIP: true, Online: true, Settings: map[string]string{"photohash": "aabb", "storage": `<x a="1">漢🐎</x>`}}
	must(t, s.CreateUser(ctx, u))
	must(t, s.SetSetting(ctx, 0, u.ID, "stay_connected", store.SettingBoolean, "1"))
	for i, sub := range []string{"to", "from", "both", "ask", "none"} {
		must(t, s.PutContact(ctx, 0, &store.Contact{UserID: u.ID, Name: "contact " + sub + " 🐎%_\\", Subscription: sub, Nickname: "Zoë\t🐎\u2028",
			Groups: []string{"Friends", `W"ö'rk\`, "a,b;c", " 🐎 "}, Flags: int64(i), Settings: map[string]string{"icon_hash": fmt.Sprint(i), "other": "ž"}}))
	}
	for i := range 12 {
		w := store.Waiting{UserID: u.ID, Key: fmt.Sprint("key 🐎 ", i), Stanza: []byte(fmt.Sprintf("<message>%d 🐎</message>", i)), At: noon.Add(time.Duration(i) * time.Millisecond)}
		_, err := s.Enqueue(ctx, 0, &w, 0)
		must(t, err)
	}
	must(t, s.PutRoom(ctx, 0, store.Room{UserID: u.ID, Name: "#rüm 🐎", Nickname: "n 🐎", Password: canary}))
	var messages []store.Archived
	for i := range int64(30) {
		messages = append(messages, store.Archived{Seq: i/2 + 1, Room: i%2 == 1, Peer: "p@example.org", Resource: "r 🐎", ID: fmt.Sprint(i), Stanza: []byte{'<', 0, 255, byte(i)}})
	}
	must(t, s.AddArchived(ctx, 0, u.ID, messages))
	must(t, s.ChangePersonal(ctx, 0, u.ID, []store.Change{{Put: &store.Item{Kind: "pep", Node: "urn:xmpp:bookmarks:1", Item: "i", Order: 7, Value: []byte{0, 255}}}}))
	must(t, s.CreateUser(ctx, &store.User{JID: "bob@example.org"}))
}

// TestBetweenAllTypes: whatever a database holds is the same in one of each
// other type, and an export of that is the same file.
func TestBetweenAllTypes(t *testing.T) {
	for from := range types {
		source := storeOf(t, from, "")
		everyKind(t, source)
		text, n := export(t, source, true)
		if want := (transfer.Counts{Users: 2, Contacts: 5, Waiting: 12, Rooms: 1, Archived: 30, Personal: 1}); n != want {
			t.Errorf("exported %+v", n)
		}
		for to := range types {
			t.Run(from+" to "+to, func(t *testing.T) {
				target := storeOf(t, to, "another key")
				if _, err := transfer.Import(t.Context(), target, strings.NewReader(text), false); err != nil {
					t.Fatal(err)
				}
				if got, want := all(t, target), all(t, source); !reflect.DeepEqual(got, want) {
					t.Errorf("got  %.3000v\nwant %.3000v", got, want)
				}
				again, _ := export(t, target, true)
				if a, b := withoutHeader(text), withoutHeader(again); a != b {
					t.Errorf("an export of the import is another one:\n%s\nnot\n%s", b, a)
				}
			})
		}
	}
}

// withoutHeader leaves out the lines that name the database and the sum.
func withoutHeader(text string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[1:len(lines)-2], "")
}

// TestOldTextsFindTheirWayOntoAServer: SQLite takes any bytes and words.
func TestOldTextsFindTheirWayOntoAServer(t *testing.T) {
	from := newStore(t, "")
	u := &store.User{JID: "a@example.org", Name: "a", Password: "p", Settings: map[string]string{"storage": "\x00\xff"}}
	must(t, from.CreateUser(t.Context(), u))
	must(t, from.PutContact(t.Context(), 0, &store.Contact{UserID: u.ID, Name: "c", Subscription: "unsubscribed", Nickname: "Jos\xe9", Groups: []string{"caf\xe9"}}))
	text, _ := export(t, from, true)
	for _, to := range []string{"postgresql", "mysql"} {
		target := storeOf(t, to, "")
		if _, err := transfer.Import(t.Context(), target, strings.NewReader(text), false); err != nil {
			t.Fatalf("%s: %v", to, err)
		}
		got, err := target.User(t.Context(), u.JID)
		must(t, err)
		c, err := target.Contacts(t.Context(), got.ID)
		if err != nil || len(c) != 1 || c[0].Subscription != "none" || c[0].Nickname != "Jos\uFFFD" || len(c[0].Groups) != 1 || c[0].Groups[0] != "caf\uFFFD" {
			t.Errorf("%s: %+v, %v", to, c, err)
		}
	}
}

// TestBrokenFilesNameTheirLine: wherever a file was damaged.
func TestBrokenFilesNameTheirLine(t *testing.T) {
	lines := strings.SplitAfter(small(t), "\n")
	text := strings.Join(lines, "")
	for i := 1; i < len(lines)-1; i++ {
		damaged := strings.Join(lines[:i], "") + "x" + strings.Join(lines[i:], "")
		if _, _, err := transfer.Check(strings.NewReader(damaged)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d of the export: ", i+1)) {
			t.Errorf("damaged in line %d: %v", i+1, err)
		}
		cut := text[:len(strings.Join(lines[:i], ""))+3]
		if _, _, err := transfer.Check(strings.NewReader(cut)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d of the export: ", i+1)) {
			t.Errorf("cut in line %d: %v", i+1, err)
		}
	}
	if _, _, err := transfer.Check(bytes.NewBufferString(text + "x")); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d of the export: ", len(lines))) {
		t.Errorf("something at the end: %v", err)
	}
}

// TestRefusedValueNamesItsLine: a database may not take what another had.
func TestRefusedValueNamesItsLine(t *testing.T) {
	from := newStore(t, "")
	u := &store.User{JID: "a@example.org", Name: "a"}
	must(t, from.CreateUser(t.Context(), u))
	must(t, from.PutContact(t.Context(), 0, &store.Contact{UserID: u.ID, Name: strings.Repeat("x", 300), Subscription: "both"}))
	text, _ := export(t, from, true)
	for _, to := range []string{"postgresql", "mysql"} {
		_, err := transfer.Import(t.Context(), storeOf(t, to, ""), strings.NewReader(text), false)
		if err == nil || !strings.Contains(err.Error(), "line") || !strings.Contains(err.Error(), "3 of the export") || !strings.Contains(err.Error(), "longer than the column") {
			t.Errorf("%s: %v", to, err)
		}
	}
}
