// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

const (
	canary = "CanaryPassword4711"
	oldKey = "CanaryKey0815"
	newKey = "CanaryKey0816"
)

// Disk is what a kind of server keeps in files of its own.
type Disk struct {
	// Log begins the names of the files with changes that were made, which are
	// written over in time.
	Log []string
	// Anew is a format of the statement that writes a table anew, as in the
	// manual.
	Anew string
}

func (d Disk) isLog(name string) bool {
	return slices.ContainsFunc(d.Log, func(log string) bool { return strings.HasPrefix(name, log) })
}

// Secrets tests what somebody finds on a server's disk, and what becomes of
// passwords while the key is changed.
func Secrets(t *testing.T, k Kind, disk Disk) {
	t.Run("sealed passwords are in no file", func(t *testing.T) { sealedInNoFile(t, k) })
	t.Run("sealing leaves nothing readable", func(t *testing.T) { sealingLeavesNothing(t, k, disk) })
	t.Run("who unregistered is wiped", func(t *testing.T) { wiped(t, k, disk) })
	for name, test := range map[string]func(*testing.T, Kind){
		"key is changed while users come":      rekeyedUnderLoad,
		"change of the key is cut short":       rekeyCutShort,
		"node without the new key":             outdatedNode,
		"key is lost":                          keyLost,
		"key is changed without any passwords": rekeyedEmpty,
	} {
		t.Run(name, func(t *testing.T) { test(t, k) })
	}
}

// withCanary is a user whose every text is the mark.
func withCanary(t *testing.T, d store.Store, mark string) *store.User {
	t.Helper()
	u := &store.User{JID: mark + "@example.org", Name: mark, Password: mark, Settings: map[string]string{"photohash": mark}}
	must(t, d.CreateUser(t.Context(), u))
	for i := range 5 {
		must(t, d.PutContact(t.Context(), 0, &store.Contact{UserID: u.ID, Name: fmt.Sprint(mark, i), Nickname: mark, Groups: []string{mark}, Settings: map[string]string{"icon_hash": mark}}))
	}
	must(t, d.PutRoom(t.Context(), 0, store.Room{UserID: u.ID, Name: mark, Nickname: mark, Password: mark}))
	_, err := d.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: mark, Stanza: []byte(strings.Repeat(mark, 500))}, 0)
	must(t, err)
	must(t, d.AddArchived(t.Context(), 0, u.ID, []store.Archived{{Seq: 1, Peer: mark, Resource: mark, ID: mark, Stanza: []byte(strings.Repeat(mark, 50))}}))
	must(t, d.ChangePersonal(t.Context(), 0, u.ID, []store.Change{{Put: &store.Item{Kind: "pep", Node: mark, Item: mark, Value: []byte(strings.Repeat(mark, 500))}}}))
	return u
}

// withPasswords has passwords in it and nothing else of the mark.
func withPasswords(t *testing.T, d store.Store) {
	t.Helper()
	u := &store.User{JID: "ann@example.org", Password: canary}
	must(t, d.CreateUser(t.Context(), u))
	must(t, d.PutRoom(t.Context(), 0, store.Room{UserID: u.ID, Name: "#r", Password: canary + "room"}))
	u.Password = canary + "changed"
	must(t, d.UpdateUser(t.Context(), 0, u))
	if err := d.CreateUser(t.Context(), u); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second one: %v", err)
	}
	// The server logs statements that it refuses.
	u.Password = strings.Repeat(canary, 10000)
	u.Language = strings.Repeat("x", 1000)
	if err := d.UpdateUser(t.Context(), 0, u); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("a value that is too long: %v", err)
	}
}

// nowhere wants the text in no file but those whose names except is content
// with.
func nowhere(t *testing.T, s *dbtest.Server, text string, except func(string) bool) {
	t.Helper()
	found := traces(t, s, text)
	maps.DeleteFunc(found, func(name string, _ int) bool { return except(name) })
	if len(found) > 0 {
		t.Errorf("it is found in %v", found)
	}
}

func noFile(string) bool { return false }

func sealedInNoFile(t *testing.T, k Kind) {
	s := k.New(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret(oldKey)}
	d := k.migrated(t, s, o)
	withPasswords(t, d)
	nowhere(t, s, canary, noFile)
	must(t, d.Close())
	must(t, s.Stop())
	nowhere(t, s, canary, noFile)
	nowhere(t, s, oldKey, noFile)

	must(t, s.Start())
	d = k.migrated(t, s, Options{Database: s.Database(t)})
	withPasswords(t, d)
	if found := traces(t, s, canary); len(found) == 0 {
		t.Error("without a key it is not found either: this test finds nothing")
	}
	nowhere(t, s, canary, func(name string) bool { return name != "log" })
}

// restart has the server write everything to its files.
func restart(t *testing.T, s *dbtest.Server) {
	t.Helper()
	must(t, s.Stop())
	must(t, s.Start())
}

func sealingLeavesNothing(t *testing.T, k Kind, disk Disk) {
	s := k.New(t)
	o := Options{Database: s.Database(t)}
	d := k.migrated(t, s, o)
	withPasswords(t, d)
	must(t, d.Close())
	restart(t, s)
	inTables := func() (n int) {
		for name := range traces(t, s, canary) {
			if !disk.isLog(name) {
				n++
			}
		}
		return n
	}
	if inTables() == 0 {
		t.Fatal("there is nothing to remove")
	}
	o.Key = config.NewSecret(oldKey)
	d = k.migrated(t, s, o)
	must(t, sealing(t, d).Seal(t.Context(), nil))
	must(t, d.Close())
	restart(t, s)
	if inTables() > 0 {
		t.Errorf("left readable: %v", traces(t, s, canary))
	}
	if u, err := k.migrated(t, s, o).User(t.Context(), "ann@example.org"); err != nil || u.Password != canary+"changed" {
		t.Errorf("got %+v, %v", u, err)
	}
}

// wiped is what the manual says of who unregistered: he is in no table at
// once, and after the statements that it names in no table's file; in the log
// of changes until that is written over.
func wiped(t *testing.T, k Kind, disk Disk) {
	s := k.New(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret(oldKey)}
	d := k.migrated(t, s, o)
	var gone *store.User
	for i := range 9 {
		if u := withCanary(t, d, fmt.Sprintf("%s-%d-", canary, i)); i == 4 {
			gone = u
		}
	}
	mark := gone.Password
	must(t, d.DeleteUser(t.Context(), 0, gone.ID))
	backup := filepath.Join(t.TempDir(), "backup")
	must(t, d.Backup(t.Context(), backup))
	rows, err := os.ReadFile(backup)
	if must(t, err); bytes.Contains(rows, []byte(mark)) || !bytes.Contains(rows, []byte(canary)) {
		t.Errorf("he is in a table still: %s", rows)
	}
	admin := s.SQL(t, o.Database)
	for _, table := range tablesOfUsers {
		if _, err := admin.Exec(fmt.Sprintf(disk.Anew, table)); err != nil {
			t.Fatal(err)
		}
	}
	must(t, d.Close())
	restart(t, s)
	nowhere(t, s, mark, disk.isLog)
	if len(traces(t, s, canary)) == 0 {
		t.Error("those who are there are not found either: this test finds nothing")
	}
}

// tablesOfUsers are those with something of users.
var tablesOfUsers = []string{
	"users", "users_settings", "buddies", "buddies_settings", "spectrum2_waiting", "spectrum2_rooms", "spectrum2_archive", "spectrum2_personal",
	"spectrum2_owners",
}

// rekeyedUnderLoad: users log in and register while the key is changed, and
// back.
func rekeyedUnderLoad(t *testing.T, k Kind) {
	const users = 1200
	s := k.Shared(t)
	first, second := config.NewSecret(oldKey), config.NewSecret(newKey)
	o := Options{Database: s.Database(t), Key: first, Node: "instance"}
	d := k.migrated(t, s, o)
	for i := range users {
		must(t, d.CreateUser(t.Context(), &store.User{JID: fmt.Sprintf("u%d@example.org", i), Password: fmt.Sprint(canary, i)}))
	}
	must(t, sealing(t, d).SetKeys(t.Context(), second, first))
	ctx, stop := context.WithCancel(t.Context())
	done, came := make(chan error, 1), 0
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			err = comeAndGo(t, d, came)
			came++
		}
		done <- err
	}()
	o.Key, o.Node = second, "tool"
	tool := k.migratedWith(t, s, o, first)
	last := 0
	must(t, sealing(t, tool).Rekey(t.Context(), func(done, all int) { last = done }))
	stop()
	if err := <-done; err != nil {
		t.Fatalf("while the key was changed: %v", err)
	}
	if last < users || came == 0 {
		t.Errorf("%d were changed, %d came meanwhile", last, came)
	}
	expectState(t, tool, store.SealState{On: true, Sealed: users + came})
	must(t, d.Close())
	must(t, tool.Close())
	d = k.migrated(t, s, o)
	for i := range users {
		if u, err := d.User(t.Context(), fmt.Sprintf("u%d@example.org", i)); err != nil || u.Password != fmt.Sprint(canary, i) {
			t.Fatalf("user %d: %+v, %v", i, u, err)
		}
	}
}

// comeAndGo is a registration, the change of a password and a login.
func comeAndGo(t *testing.T, d store.Store, n int) error {
	u := &store.User{JID: fmt.Sprintf("new%d@example.org", n), Password: "first"}
	if err := d.CreateUser(t.Context(), u); err != nil {
		return err
	}
	u.Password = canary
	if err := d.UpdateUser(t.Context(), 0, u); err != nil {
		return err
	}
	for _, jid := range []string{u.JID, fmt.Sprintf("u%d@example.org", n%1200)} {
		if got, err := d.User(t.Context(), jid); err != nil || !strings.HasPrefix(got.Password, canary) {
			return fmt.Errorf("login of %s: %w", jid, err)
		}
	}
	return nil
}

// rekeyCutShort: whoever has both keys reads every password, and a second try
// finishes it.
func rekeyCutShort(t *testing.T, k Kind) {
	const users = 1100 // more than two pages
	s := k.Shared(t)
	first, second := config.NewSecret(oldKey), config.NewSecret(newKey)
	o := Options{Database: s.Database(t), Key: first, Node: "tool"}
	d := k.migrated(t, s, o)
	for i := range users {
		must(t, d.CreateUser(t.Context(), &store.User{JID: fmt.Sprintf("u%d@example.org", i), Password: canary}))
	}
	must(t, sealing(t, d).SetKeys(t.Context(), second, first))
	ctx, cancel := context.WithCancel(t.Context())
	if err := sealing(t, d).Rekey(ctx, func(int, int) { cancel() }); err == nil {
		t.Error("it was not cut short")
	}
	must(t, d.Close())
	for _, key := range []config.Secret{first, second} {
		o.Key = key
		if _, err := k.open(t, s, o).Migrate(t.Context()); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("with one key alone: %v", err)
		}
	}
	d = k.migratedWith(t, s, o, first)
	st, err := sealing(t, d).SealState(t.Context())
	if err != nil || st.Sealed == 0 || st.Older == 0 || st.Sealed+st.Older != users || !st.Changing {
		t.Errorf("cut short: %+v, %v", st, err)
	}
	for i := range users {
		if u, err := d.User(t.Context(), fmt.Sprintf("u%d@example.org", i)); err != nil || u.Password != canary {
			t.Fatalf("user %d: %v", i, err)
		}
	}
	must(t, sealing(t, d).Rekey(t.Context(), nil))
	expectState(t, d, store.SealState{On: true, Sealed: users})
	must(t, d.Close())
	expectState(t, k.migrated(t, s, o), store.SealState{On: true, Sealed: users})
}

// outdatedNode: a main process that nobody has told of the new key writes no
// password that could never be read again.
func outdatedNode(t *testing.T, k Kind) {
	s := k.Shared(t)
	first, second := config.NewSecret(oldKey), config.NewSecret(newKey)
	o := Options{Database: s.Database(t), Key: first, Node: "a"}
	outdated := k.migrated(t, s, o)
	ann := &store.User{JID: "ann@example.org", Password: canary}
	must(t, outdated.CreateUser(t.Context(), ann))
	o.Key, o.Node = second, "b"
	d := k.migratedWith(t, s, o, first)
	refused := func(when string) {
		t.Helper()
		bob := &store.User{JID: "bob@example.org", Password: canary}
		if err := outdated.CreateUser(t.Context(), bob); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("%s, a registration: %v", when, err)
		}
		if err := outdated.UpdateUser(t.Context(), 0, ann); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("%s, another password: %v", when, err)
		}
		if err := outdated.PutRoom(t.Context(), 0, store.Room{UserID: ann.ID, Name: "#r", Password: canary}); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("%s, a room: %v", when, err)
		}
		must(t, outdated.PutRoom(t.Context(), 0, store.Room{UserID: ann.ID, Name: "#open"}))
	}
	refused("while it is changed")
	if u, err := outdated.User(t.Context(), ann.JID); err != nil || u.Password != canary {
		t.Errorf("a login while it is changed: %v", err)
	}
	must(t, sealing(t, d).Rekey(t.Context(), nil))
	refused("afterwards")
	if _, err := outdated.User(t.Context(), ann.JID); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("a login afterwards: %v", err)
	}
	must(t, sealing(t, outdated).SetKeys(t.Context(), second, first))
	must(t, outdated.UpdateUser(t.Context(), 0, ann))
	expectState(t, d, store.SealState{On: true, Sealed: 1})
}

// keyLost: nothing is destroyed by trying others, or none.
func keyLost(t *testing.T, k Kind) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret(oldKey)}
	d := k.migrated(t, s, o)
	must(t, d.CreateUser(t.Context(), &store.User{JID: "ann@example.org", Password: canary}))
	must(t, d.Close())
	for _, c := range []struct {
		key, older string
		want       error
	}{{"", "", store.ErrNoKey}, {newKey, "", store.ErrWrongKey}, {newKey, "neither", store.ErrWrongKey}, {"", oldKey, store.ErrNoKey}} {
		other := o
		other.Key = config.NewSecret(c.key)
		if _, err := k.openWith(t, s, other, config.NewSecret(c.older)).Migrate(t.Context()); !errors.Is(err, c.want) || strings.Contains(err.Error(), "Canary") {
			t.Errorf("with %q and %q: %v", c.key, c.older, err)
		}
	}
	if u, err := k.migrated(t, s, o).User(t.Context(), "ann@example.org"); err != nil || u.Password != canary {
		t.Errorf("with the key again: %+v, %v", u, err)
	}
}

func rekeyedEmpty(t *testing.T, k Kind) {
	s := k.Shared(t)
	first, second := config.NewSecret(oldKey), config.NewSecret(newKey)
	o := Options{Database: s.Database(t), Key: first}
	d := k.migrated(t, s, o)
	must(t, sealing(t, d).SetKeys(t.Context(), second, first))
	must(t, sealing(t, d).Rekey(t.Context(), nil))
	must(t, sealing(t, d).SetKeys(t.Context(), second, config.Secret{}))
	must(t, d.CreateUser(t.Context(), &store.User{JID: "ann@example.org", Password: canary}))
	must(t, d.Close())
	o.Key = second
	if u, err := k.migrated(t, s, o).User(t.Context(), "ann@example.org"); err != nil || u.Password != canary {
		t.Errorf("got %+v, %v", u, err)
	}
}

// openWith opens a store with an older key too.
func (k Kind) openWith(t *testing.T, s *dbtest.Server, o Options, older config.Secret) store.Store {
	t.Helper()
	o.OldKey = older
	return k.open(t, s, o)
}

func (k Kind) migratedWith(t *testing.T, s *dbtest.Server, o Options, older config.Secret) store.Store {
	t.Helper()
	o.OldKey = older
	return k.migrated(t, s, o)
}
