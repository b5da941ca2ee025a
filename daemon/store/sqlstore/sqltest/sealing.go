// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
)

func sealing(t *testing.T, d store.Store) store.Sealing {
	t.Helper()
	x, ok := d.(store.Sealing)
	if !ok {
		t.Fatal("it cannot seal")
	}
	return x
}

func expectState(t *testing.T, d store.Store, want store.SealState) {
	t.Helper()
	if got, err := sealing(t, d).SealState(t.Context()); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// kept is the users' passwords as they are in the table.
func kept(t *testing.T, k Kind, database string) (all []string) {
	t.Helper()
	rows, err := k.Shared(t).SQL(t, database).QueryContext(context.Background(), "SELECT password FROM users ORDER BY id")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var p string
		must(t, rows.Scan(&p))
		all = append(all, p)
	}
	return all
}

func checkPasswords(t *testing.T, d store.Store) {
	t.Helper()
	checkAnn(t, d)
	if bob, err := d.User(t.Context(), "bob@example.org"); err != nil || bob.Password != "hunter22" {
		t.Errorf("got %+v, %v", bob, err)
	}
	if r, err := d.Rooms(t.Context(), 1); err != nil || len(r) != 1 || r[0].Password != "of the room" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func sealAndBack(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret("key of C++"), Node: "tool"}
	c.fill(t, s, o.Database, "", cxxDisguise)
	d := k.migrated(t, s, o)
	must(t, d.PutRoom(t.Context(), 0, store.Room{UserID: 1, Name: "#r", Password: "of the room"}))
	expectState(t, d, store.SealState{Scrambled: 3})
	before := kept(t, k, o.Database)

	other := k.open(t, s, Options{Database: o.Database, Key: o.Key, Node: "instance"})
	token := claim(t, other, "ann@example.org")
	if err := sealing(t, d).Seal(t.Context(), nil); !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "node instance") {
		t.Errorf("while an instance runs: %v", err)
	}
	must(t, other.Unclaim(t.Context(), "ann@example.org", token))
	must(t, other.Close())

	told := 0
	must(t, sealing(t, d).Seal(t.Context(), func(done, all int) {
		if told = done; all != 3 {
			t.Errorf("%d of %d", done, all)
		}
	}))
	expectState(t, d, store.SealState{On: true, Sealed: 3})
	if told != 3 {
		t.Errorf("told of %d", told)
	}
	checkPasswords(t, d)
	for _, p := range kept(t, k, o.Database) {
		if !strings.HasPrefix(p, "$spectrum2$1$") {
			t.Errorf("kept as %q", p)
		}
	}
	u, err := d.User(t.Context(), "bob@example.org")
	must(t, err)
	u.Password = strings.Repeat("漢", 200) // sealed, it needs the wider column
	must(t, d.UpdateUser(t.Context(), 0, u))
	u.Password = "hunter22"
	must(t, d.UpdateUser(t.Context(), 0, u))
	rekey(t, k, d, o)

	must(t, sealing(t, d).SetKeys(t.Context(), o.Key, config.NewSecret("the next key")))
	must(t, sealing(t, d).Unseal(t.Context(), nil))
	expectState(t, d, store.SealState{Scrambled: 3})
	if after := kept(t, k, o.Database); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("the C++ version finds %q, not %q", after, before)
	}
	checkPasswords(t, k.migrated(t, s, o))
	if err := sealing(t, k.migrated(t, s, Options{Database: o.Database})).Seal(t.Context(), nil); !errors.Is(err, store.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

// rekey changes to "the next key" while another store has both keys, and back.
func rekey(t *testing.T, k Kind, d store.Store, o Options) {
	t.Helper()
	next := config.NewSecret("the next key")
	if err := sealing(t, d).SetKeys(t.Context(), next, config.NewSecret("neither")); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("with neither key: %v", err)
	}
	must(t, sealing(t, d).SetKeys(t.Context(), next, o.Key))
	expectState(t, d, store.SealState{On: true, Changing: true, Older: 3})
	checkPasswords(t, d)
	must(t, sealing(t, d).Rekey(t.Context(), nil))
	expectState(t, d, store.SealState{On: true, Sealed: 3})
	checkPasswords(t, d)
	if _, err := k.open(t, k.Shared(t), o).Migrate(t.Context()); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("with the key from before: %v", err)
	}
	must(t, sealing(t, d).SetKeys(t.Context(), o.Key, next))
	must(t, sealing(t, d).Rekey(t.Context(), nil))
	checkPasswords(t, k.migrated(t, k.Shared(t), o))
}
