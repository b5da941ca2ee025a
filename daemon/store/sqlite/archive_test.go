// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// TestArchivePagesAreRanges: no page of an archive, no look-up and no purge
// may look at the whole of it.
func TestArchivePagesAreRanges(t *testing.T) {
	s := open(t, sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Prefix: "p_"})
	defer s.Close()
	migrate(t, s)
	for name, c := range map[string]struct {
		q    store.ArchiveQuery
		tail string
		ids  bool
		want string
	}{
		"page":          {store.ArchiveQuery{After: 1}, " ORDER BY seq LIMIT 50", false, "user_id=? AND room=? AND seq>? AND seq<?"},
		"newest":        {store.ArchiveQuery{Before: 9}, " ORDER BY seq DESC LIMIT 50", false, "user_id=? AND room=? AND seq>? AND seq<?"},
		"contact":       {store.ArchiveQuery{Peer: "p"}, " ORDER BY seq LIMIT 50", false, "p_spectrum2_archive_peer (user_id=? AND room=? AND peer=? AND seq>? AND seq<?)"},
		"room by id":    {store.ArchiveQuery{Room: true, Peer: "p"}, "", true, "p_spectrum2_archive_uid (user_id=? AND room=? AND uid=? AND peer=?)"},
		"owner's by id": {store.ArchiveQuery{}, "", true, "p_spectrum2_archive_uid (user_id=? AND room=? AND uid=?"},
	} {
		plan, err := sqlite.ArchivePlan(t.Context(), s, c.q, c.tail, c.ids)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, c.want) || strings.Contains(plan, "SCAN p_") || strings.Contains(plan, "TEMP B-TREE") && !c.ids {
			t.Errorf("%s: %s", name, plan)
		}
	}
}

// TestUserRemovedByOldVersion: the C++ version knows nothing of the archive.
func TestUserRemovedByOldVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	s := open(t, sqlite.Options{Path: path, Prefix: "p_"})
	defer s.Close()
	migrate(t, s)
	u := &store.User{JID: "a@example.org"}
	if err := s.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := s.AddArchived(t.Context(), 0, u.ID, []store.Archived{{Seq: 1, Peer: "p", ID: "1"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangePersonal(t.Context(), 0, u.ID, []store.Change{{Put: &store.Item{Kind: "k", Node: "n", Item: "i"}}}); err != nil {
		t.Fatal(err)
	}
	change(t, path, fmt.Sprintf("DELETE FROM p_users WHERE id = %d", u.ID))
	n, err := s.CountArchived(t.Context(), u.ID, store.ArchiveQuery{}, 10)
	if err != nil || n != 0 {
		t.Errorf("%d messages left, %v", n, err)
	}
	if size, err := s.PersonalSize(t.Context(), u.ID); err != nil || size.Items != 0 {
		t.Errorf("%d items left, %v", size.Items, err)
	}
}

// TestUserWithALongArchiveIsRemoved: more messages than one transaction takes.
func TestUserWithALongArchiveIsRemoved(t *testing.T) {
	s := open(t, sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql")})
	defer s.Close()
	migrate(t, s)
	u := &store.User{JID: "a@example.org"}
	if err := s.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	var messages []store.Archived
	for i := range int64(2000) {
		messages = append(messages, store.Archived{Seq: i + 1, Room: i%2 == 0, Peer: "p", ID: fmt.Sprint(i)})
	}
	if err := s.AddArchived(t.Context(), 0, u.ID, messages); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteUser(t.Context(), 0, u.ID); err != nil {
		t.Fatal(err)
	}
	if owners, err := s.ArchiveOwners(t.Context(), 0, 10); err != nil || len(owners) != 0 {
		t.Errorf("archives of %v, %v", owners, err)
	}
}
