// SPDX-License-Identifier: GPL-2.0-or-later

package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
)

// archived makes the message of a place.
func archived(seq int64, room bool, peer, resource, id string) store.Archived {
	return store.Archived{Seq: seq, Room: room, Peer: peer, Resource: resource, ID: id, Stanza: fmt.Appendf(nil, "<message>%d</message>", seq)}
}

// fillArchive gives the user an archive of 30 messages, and one of a room.
func fillArchive(t *testing.T, s store.Store, id int64) (own, room []store.Archived) {
	t.Helper()
	for i := range int64(30) {
		peer := []string{"ann@x", "Ann@x", "bob@x"}[i%3]
		own = append(own, archived(1000+2*i, false, peer, fmt.Sprint(i%2), fmt.Sprintf("id%d", i)))
	}
	for i := range int64(10) {
		room = append(room, archived(1001+2*i, true, "#room@x", fmt.Sprintf("nick%d", i%2), fmt.Sprintf("id%d", i)))
	}
	must(t, s.AddArchived(t.Context(), 0, id, own))
	must(t, s.AddArchived(t.Context(), 0, id, room))
	return own, room
}

func archivePages(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	own, room := fillArchive(t, s, u.ID)
	fillArchive(t, s, other.ID)
	pick := func(all []store.Archived, f func(store.Archived) bool) []store.Archived {
		return slices.DeleteFunc(slices.Clone(all), func(m store.Archived) bool { return !f(m) })
	}
	ann := pick(own, func(m store.Archived) bool { return m.Peer == "ann@x" })
	for name, c := range map[string]struct {
		q      store.ArchiveQuery
		newest bool
		limit  int
		want   []store.Archived
	}{
		"the oldest":            {store.ArchiveQuery{}, false, 7, own[:7]},
		"the newest":            {store.ArchiveQuery{}, true, 7, own[23:]},
		"all":                   {store.ArchiveQuery{}, false, 100, own},
		"behind one":            {store.ArchiveQuery{After: own[9].Seq}, false, 5, own[10:15]},
		"before one":            {store.ArchiveQuery{Before: own[9].Seq}, true, 5, own[4:9]},
		"between two":           {store.ArchiveQuery{After: own[3].Seq, Before: own[6].Seq}, false, 100, own[4:6]},
		"between two others":    {store.ArchiveQuery{After: own[3].Seq - 1, Before: own[6].Seq + 1}, true, 100, own[3:7]},
		"nothing":               {store.ArchiveQuery{After: own[29].Seq}, false, 100, nil},
		"one contact's":         {store.ArchiveQuery{Peer: "ann@x"}, false, 100, ann},
		"one contact's newest":  {store.ArchiveQuery{Peer: "ann@x"}, true, 3, ann[7:]},
		"one contact's, behind": {store.ArchiveQuery{Peer: "ann@x", After: ann[2].Seq}, false, 2, ann[3:5]},
		"one resource's":        {store.ArchiveQuery{Peer: "ann@x", Resource: "1"}, false, 100, pick(ann, func(m store.Archived) bool { return m.Resource == "1" })},
		"a room's":              {store.ArchiveQuery{Room: true, Peer: "#room@x"}, false, 100, room},
		"an occupant's":         {store.ArchiveQuery{Room: true, Peer: "#room@x", Resource: "nick0"}, true, 2, []store.Archived{room[6], room[8]}},
		"another room's":        {store.ArchiveQuery{Room: true, Peer: "#other@x"}, false, 100, nil},
		"a room's as contact's": {store.ArchiveQuery{Peer: "#room@x"}, false, 100, nil},
	} {
		got, err := s.Archived(t.Context(), u.ID, c.q, c.newest, c.limit)
		must(t, err)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v\nwant %v", name, seqs(got), seqs(c.want))
		}
		n, err := s.CountArchived(t.Context(), u.ID, c.q, c.limit)
		must(t, err)
		if n != len(c.want) {
			t.Errorf("%s: counted %d up to %d, want %d", name, n, c.limit, len(c.want))
		}
	}
}

func seqs(all []store.Archived) (seqs []int64) {
	for _, m := range all {
		seqs = append(seqs, m.Seq)
	}
	return seqs
}

func archiveByID(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	own, room := fillArchive(t, s, u.ID)
	for name, c := range map[string]struct {
		q    store.ArchiveQuery
		ids  []string
		want []store.Archived
	}{
		"two":                   {store.ArchiveQuery{}, []string{"id5", "id2"}, []store.Archived{own[2], own[5]}},
		"some are not there":    {store.ArchiveQuery{}, []string{"id29", "no such id", "ID1"}, own[29:]},
		"a room's of that name": {store.ArchiveQuery{Room: true, Peer: "#room@x"}, []string{"id2"}, room[2:3]},
		"another's":             {store.ArchiveQuery{Peer: own[1].Peer}, []string{"id0"}, nil},
		"none":                  {store.ArchiveQuery{}, nil, nil},
	} {
		got, err := s.ArchivedByID(t.Context(), u.ID, c.q, c.ids)
		must(t, err)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, seqs(got), seqs(c.want))
		}
	}
}

func archivedOnce(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	own, room := fillArchive(t, s, u.ID)
	must(t, s.AddArchived(t.Context(), 0, u.ID, own[:3]))
	again := room[4]
	again.Seq, again.Stanza = 5000, []byte("other")
	elsewhere := again
	elsewhere.Peer, elsewhere.Seq = "#other@x", 5002
	must(t, s.AddArchived(t.Context(), 0, u.ID, []store.Archived{again, elsewhere}))
	got, err := s.Archived(t.Context(), u.ID, store.ArchiveQuery{Room: true, Peer: "#room@x"}, false, 100)
	must(t, err)
	if !reflect.DeepEqual(got, room) {
		t.Errorf("the room has %v, want %v", seqs(got), seqs(room))
	}
	got, err = s.Archived(t.Context(), u.ID, store.ArchiveQuery{}, false, 100)
	must(t, err)
	if !reflect.DeepEqual(got, own) {
		t.Errorf("the user has %v, want %v", seqs(got), seqs(own))
	}
	if last, err := s.LastArchived(t.Context(), u.ID); err != nil || last != 5002 {
		t.Errorf("the last is %d, %v", last, err)
	}
}

func archiveOddValues(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	long := strings.Repeat("é", store.KeyLength/2)
	m := store.Archived{Seq: 1, Peer: long, Resource: "it's \"%_\\ 漢🐎", ID: long, Stanza: []byte("<body>" + strings.Repeat("🐎'", 9000) + "</body>")}
	must(t, s.AddArchived(t.Context(), 0, u.ID, []store.Archived{m}))
	got, err := s.Archived(t.Context(), u.ID, store.ArchiveQuery{Peer: long, Resource: m.Resource}, false, 10)
	must(t, err)
	if !reflect.DeepEqual(got, []store.Archived{m}) {
		t.Errorf("got %d messages of %v", len(got), seqs(got))
	}
	must(t, s.AddArchived(t.Context(), 0, u.ID, nil))
}

func archivePurged(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other, none := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org"), addUser(t, s, "c@example.org")
	own, room := fillArchive(t, s, u.ID)
	fillArchive(t, s, other.ID)
	ctx := t.Context()
	if owners, err := s.ArchiveOwners(ctx, 0, 10); err != nil || !slices.Equal(owners, []int64{u.ID, other.ID}) {
		t.Errorf("archives of %v, %v", owners, err)
	}
	if owners, err := s.ArchiveOwners(ctx, u.ID, 10); err != nil || !slices.Equal(owners, []int64{other.ID}) {
		t.Errorf("archives after the first of %v, %v", owners, err)
	}
	if owners, err := s.ArchiveOwners(ctx, 0, 1); err != nil || len(owners) != 1 {
		t.Errorf("one of the archives: %v, %v", owners, err)
	}
	total := 0
	for range 4 {
		n, err := s.PurgeArchived(ctx, u.ID, own[8].Seq, 6)
		must(t, err)
		total += n
		if n > 6 {
			t.Errorf("%d at once", n)
		}
	}
	if want := 8 + 8; total != want {
		t.Errorf("%d purged, want %d", total, want)
	}
	got, err := s.Archived(ctx, u.ID, store.ArchiveQuery{}, false, 100)
	must(t, err)
	left, err := s.Archived(ctx, u.ID, store.ArchiveQuery{Room: true, Peer: "#room@x"}, false, 100)
	must(t, err)
	if !reflect.DeepEqual(got, own[8:]) || !reflect.DeepEqual(left, room[8:]) {
		t.Errorf("left: %v, %v", seqs(got), seqs(left))
	}
	if n, err := s.CountArchived(ctx, other.ID, store.ArchiveQuery{}, 100); err != nil || n != len(own) {
		t.Errorf("the other user has %d, %v", n, err)
	}
	if last, err := s.LastArchived(ctx, none.ID); err != nil || last != 0 {
		t.Errorf("an empty archive ends at %d, %v", last, err)
	}
	if n, err := s.PurgeArchived(ctx, 999, 1<<62, 10); err != nil || n != 0 {
		t.Errorf("of nobody's archive %d purged, %v", n, err)
	}
}

func archiveAllOrNone(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	must(t, s.DeleteUser(t.Context(), 0, u.ID))
	err := s.AddArchived(t.Context(), 0, u.ID, []store.Archived{archived(1, false, "p", "", "i")})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("for a removed user: %v, want ErrNotFound", err)
	}
	if n, err := s.CountArchived(t.Context(), u.ID, store.ArchiveQuery{}, 10); err != nil || n != 0 {
		t.Errorf("%d messages of a removed user, %v", n, err)
	}
}
