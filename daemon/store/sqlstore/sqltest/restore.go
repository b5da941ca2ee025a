// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// Restore tests that what Backup wrote brings everything back.
func Restore(t *testing.T, k Kind, c Cxx) {
	for name, test := range map[string]func(*testing.T, Kind, Cxx){
		"every byte":                       restoredWhole,
		"tables of the C++ version":        restoredCxx,
		"backup that is damaged":           restoreDamaged,
		"backup of something else":         restoreOther,
		"while a main process uses it":     restoreInUse,
		"values that have no room":         restoreNarrow,
		"killed anywhere":                  restoreKilled,
		"connection that is cut, anywhere": restoreCut,
	} {
		t.Run(name, func(t *testing.T) { test(t, k, c) })
	}
}

// replaced are the tables that a backup brings back.
var replaced = []string{
	"users", "buddies", "users_settings", "buddies_settings", "db_version", "spectrum2_meta", "spectrum2_waiting", "spectrum2_rooms", "spectrum2_archive", "spectrum2_personal",
}

// bytesOf are all rows as another program reads them.
func bytesOf(t *testing.T, s *dbtest.Server, database, prefix string) (all []string) {
	t.Helper()
	pool := s.SQL(t, database)
	defer pool.Close()
	for _, table := range replaced {
		where := ""
		if table == "spectrum2_meta" {
			where = " WHERE name <> 'nodes'" // a lock
		}
		rows, err := pool.QueryContext(context.Background(), "SELECT * FROM "+prefix+table+where)
		must(t, err)
		all = append(all, bytesOfRows(t, table, rows)...)
	}
	slices.Sort(all)
	return all
}

func bytesOfRows(t *testing.T, table string, rows *sql.Rows) (all []string) {
	t.Helper()
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	values, places := make([][]byte, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		must(t, rows.Scan(places...))
		line := table
		for i, v := range values {
			line += fmt.Sprintf(" %s=%q,%t", columns[i], v, v == nil)
		}
		all = append(all, line)
	}
	must(t, rows.Err())
	return all
}

// withEverything has something in each table, every byte among it.
func withEverything(t *testing.T, d store.Store) *store.User {
	t.Helper()
	ctx := t.Context()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, jid := range []string{"gone@example.org", "žofie@example.org", "bob@example.org"} {
		u := &store.User{JID: jid, Name: `a "b" \ c'`, Password: "hésło \\ '", Language: "cs"}
		must(t, d.CreateUser(ctx, u))
		must(t, d.SetSetting(ctx, 0, u.ID, "photohash", store.SettingString, "aa\nbb"))
		must(t, d.PutContact(ctx, 0, &store.Contact{UserID: u.ID, Name: "c 漢🐎", Nickname: "\u2028<&>", Subscription: "ask", Groups: []string{"A", "B"}, Settings: map[string]string{"icon_hash": "x"}}))
		must(t, d.PutRoom(ctx, 0, store.Room{UserID: u.ID, Name: "#r ", Nickname: "n", Password: "room's"}))
		_, err := d.Enqueue(ctx, 0, &store.Waiting{UserID: u.ID, Key: "k\x01", Stanza: every}, 0)
		must(t, err)
		must(t, d.AddArchived(ctx, 0, u.ID, []store.Archived{{Seq: 7, Peer: "p", ID: "i", Stanza: every}, {Seq: 1 << 60, Room: true, Peer: "r", ID: "i", Stanza: []byte{}}}))
		must(t, d.ChangePersonal(ctx, 0, u.ID, []store.Change{{Put: &store.Item{Kind: "pep", Node: "n", Item: "i", Value: []byte{0, 255, '\\', 'x'}}}}))
	}
	gone, err := d.User(ctx, "gone@example.org")
	must(t, err)
	must(t, d.DeleteUser(ctx, 0, gone.ID))
	bob, err := d.User(ctx, "bob@example.org")
	must(t, err)
	must(t, d.SetOnline(ctx, claim(t, d, bob.JID), bob.ID, true))
	return bob
}

func backupOf(t *testing.T, d store.Store) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup")
	must(t, d.Backup(t.Context(), path))
	return path
}

// restore puts a file in the place of the database.
func restore(t *testing.T, d store.Store, from string) (kept string, err error) {
	t.Helper()
	f, err := os.Open(from)
	must(t, err)
	defer f.Close()
	keep := filepath.Join(t.TempDir(), "kept")
	there, err := d.(store.Restorer).Restore(t.Context(), f, keep)
	if _, statErr := os.Stat(keep); (statErr == nil) != there {
		t.Errorf("kept: %t, %v", there, statErr)
	}
	if !there {
		keep = ""
	}
	return keep, err
}

// same fails if the rows are not those wanted.
func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Fatalf("%s:\n%s", what, difference(want, got))
	}
}

func restoredWhole(t *testing.T, k Kind, _ Cxx) {
	s := k.Shared(t)
	key := config.NewSecret(oldKey)
	o := Options{Database: s.Database(t), Prefix: "icq_", Key: key}
	d := k.migrated(t, s, o)
	bob := withEverything(t, d)
	backup, want := backupOf(t, d), bytesOf(t, s, o.Database, "icq_")
	must(t, d.Close())

	// over what became of it
	d = k.migrated(t, s, o)
	must(t, d.DeleteUser(t.Context(), 0, bob.ID))
	addUser(t, d, "later@example.org")
	must(t, d.SetSetting(t.Context(), 0, bob.ID-1, "more", store.SettingString, "x"))
	must(t, d.Close())
	later := bytesOf(t, s, o.Database, "icq_")
	d = k.open(t, s, o)
	kept, err := restore(t, d, backup)
	must(t, err)
	same(t, "restored", want, bytesOf(t, s, o.Database, "icq_"))
	_, err = d.Migrate(t.Context())
	must(t, err)
	expectState(t, d, store.SealState{On: true, Sealed: 4})
	if u, err := d.User(t.Context(), bob.JID); err != nil || u.ID != bob.ID || u.Password != bob.Password || !u.Online {
		t.Errorf("got %+v, %v", u, err)
	}
	if again := addUser(t, d, "again@example.org"); again.ID <= bob.ID+1 {
		t.Errorf("the id %d is given twice", again.ID)
	}
	must(t, d.Close())
	_, err = restore(t, k.open(t, s, o), kept)
	must(t, err)
	same(t, "what was kept", later, bytesOf(t, s, o.Database, "icq_"))

	// on a new server, with another prefix
	o = Options{Database: s.Database(t), Prefix: "new_", Key: key}
	d = k.open(t, s, o)
	if kept, err := restore(t, d, backup); err != nil || kept != "" {
		t.Errorf("kept %q, %v", kept, err)
	}
	same(t, "in an empty database", want, bytesOf(t, s, o.Database, "new_"))
	_, err = d.Migrate(t.Context())
	must(t, err)
	if eve := addUser(t, d, "eve@example.org"); eve.ID <= bob.ID {
		t.Errorf("eve is number %d", eve.ID)
	}
	_, err = d.Claim(t.Context(), bob.JID) // whom another node had
	must(t, err)
}

// restoredCxx: a backup from before the first start, over what is ours now and
// sealed; then what was sealed into the tables of the C++ version.
func restoredCxx(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret("key of C++")}
	c.fill(t, s, o.Database, "", cxxDisguise)
	before := backupOf(t, k.open(t, s, o))
	d := k.migrated(t, s, o)
	want := bytesOf(t, s, o.Database, "")
	must(t, sealing(t, d).Seal(t.Context(), nil))
	must(t, d.PutRoom(t.Context(), 0, store.Room{UserID: 1, Name: "#r"}))
	sealed, sealedRows := backupOf(t, d), bytesOf(t, s, o.Database, "")
	must(t, d.Close())
	_, err := restore(t, k.open(t, s, o), before)
	must(t, err)
	same(t, "from before the first start", want, bytesOf(t, s, o.Database, ""))
	d = k.migrated(t, s, o)
	checkAnn(t, d)
	expectState(t, d, store.SealState{Scrambled: 2})
	must(t, d.Close())

	o.Database = s.Database(t)
	c.fill(t, s, o.Database, "", plain)
	d = k.open(t, s, o)
	_, err = restore(t, d, sealed)
	must(t, err)
	same(t, "into tables of the C++ version", sealedRows, bytesOf(t, s, o.Database, ""))
	_, err = d.Migrate(t.Context())
	must(t, err)
	checkAnn(t, d)
	expectState(t, d, store.SealState{On: true, Sealed: 2})
}

func restoreDamaged(t *testing.T, k Kind, _ Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t)}
	d := k.migrated(t, s, o)
	withEverything(t, d)
	backup := backupOf(t, d)
	must(t, d.Close())
	want := bytesOf(t, s, o.Database, "")
	good, err := os.ReadFile(backup)
	must(t, err)
	lines := bytes.SplitAfter(good, []byte("\n"))
	lines = lines[:len(lines)-1]
	join := func(parts ...[][]byte) []byte { return bytes.Join(slices.Concat(parts...), nil) }
	for name, damaged := range map[string]struct {
		file []byte
		says string
	}{
		"cut off":              {good[:len(good)-10], fmt.Sprintf("line %d: the file was cut off", len(lines))},
		"cut off after a line": {join(lines[:5]), "line 6: the file was cut off"},
		"a line is missing":    {join(lines[:3], lines[4:]), "are missing"},
		"a line is changed":    {bytes.Replace(good, []byte(`"cs"`), []byte(`"de"`), 1), "was changed"},
		"a line is no JSON":    {join(lines[:3], [][]byte{[]byte("{\"table\"\n")}, lines[4:]), "line 4: it is damaged"},
		"more after the end":   {append(slices.Clone(good), lines[2]...), "after the last line"},
		"a text":               {[]byte("no backup\n"), "not a backup"},
		"nothing":              {nil, "not a backup"},
		"an earlier version's": {bytes.Replace(good, []byte(`"format":1,`), nil, 1), "an earlier version wrote it"},
	} {
		file := filepath.Join(t.TempDir(), "damaged")
		must(t, os.WriteFile(file, damaged.file, 0o600))
		if _, err := restore(t, k.open(t, s, o), file); err == nil || !strings.Contains(err.Error(), damaged.says) || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, want, bytesOf(t, s, o.Database, ""))
	}
}

func restoreOther(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret(oldKey)}
	d := k.migrated(t, s, o)
	withEverything(t, d)
	good, err := os.ReadFile(backupOf(t, d))
	must(t, err)
	must(t, d.Close())
	st, err := k.open(t, s, o).Status(t.Context())
	must(t, err)
	file := filepath.Join(t.TempDir(), "other")
	for says, change := range map[string][2]string{
		"spectrumctl db export":           {`"type":"` + st.Type + `"`, `"type":"sqlite3"`},
		"install the newer version":       {fmt.Sprintf(`"schema":%d`, st.Version), `"schema":99`},
		"it has format 2":                 {`"format":1`, `"format":2`},
		"database.encryption_key is not ": {},
	} {
		must(t, os.WriteFile(file, bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1), 0o600))
		to := Options{Database: s.Database(t), Key: o.Key}
		if change[0] == "" {
			to.Key = config.NewSecret(newKey)
		}
		c.fill(t, s, to.Database, "", plain)
		if _, err := restore(t, k.open(t, s, to), file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
		if st, err := k.open(t, s, to).Status(t.Context()); err != nil || st.Version != 0 || st.Users != 2 {
			t.Errorf("%s: it was changed: %+v, %v", says, st, err)
		}
	}
}

func restoreInUse(t *testing.T, k Kind, _ Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Node: "instance"}
	d := k.migrated(t, s, o)
	withEverything(t, d)
	backup, want := backupOf(t, d), bytesOf(t, s, o.Database, "")
	o.Node = "tool"
	tool := k.open(t, s, o)
	if _, err := restore(t, tool, backup); !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "node instance") {
		t.Errorf("while it runs: %v", err)
	}
	same(t, "refused", want, bytesOf(t, s, o.Database, ""))
	must(t, d.Close())
	_, err := restore(t, tool, backup)
	must(t, err)
}

// restoreNarrow: what the tables of an existing database would cut is refused.
func restoreNarrow(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	d := k.migrated(t, s, Options{Database: s.Database(t)})
	bob := withEverything(t, d)
	must(t, d.SetSetting(t.Context(), 0, bob.ID, "long", store.SettingString, strings.Repeat("x", 256)))
	backup := backupOf(t, d)
	o := Options{Database: s.Database(t)}
	c.fill(t, s, o.Database, "", plain)
	must(t, k.migrated(t, s, o).Close())
	before := bytesOf(t, s, o.Database, "")
	if _, err := restore(t, k.open(t, s, o), backup); err == nil || !strings.Contains(err.Error(), "not take") || strings.Contains(err.Error(), "xxx") {
		t.Errorf("got %v", err)
	}
	same(t, "refused", before, bytesOf(t, s, o.Database, ""))
}
