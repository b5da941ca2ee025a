// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/transfer"
)

// moved: an export of this server is imported into an empty database again.
func moved(t *testing.T, k Kind) {
	s := k.Shared(t)
	from := k.migrated(t, s, Options{Database: s.Database(t)})
	ctx := t.Context()
	u := addUser(t, from, "a@example.org")
	must(t, from.SetSetting(ctx, 0, u.ID, "stay_connected", store.SettingBoolean, "1"))
	must(t, from.PutContact(ctx, 0, &store.Contact{UserID: u.ID, Name: "c 漢🐎", Subscription: "ask", Groups: []string{"A", "B"}, Settings: map[string]string{"icon_hash": "x"}}))
	_, err := from.Enqueue(ctx, 0, &store.Waiting{UserID: u.ID, Key: "k", Stanza: []byte("<message/>"), At: time.UnixMilli(1700000000123).UTC()}, 0)
	must(t, err)
	must(t, from.PutRoom(ctx, 0, store.Room{UserID: u.ID, Name: "#r", Nickname: "n", Password: "pw"}))
	must(t, from.AddArchived(ctx, 0, u.ID, []store.Archived{{Seq: 7, Peer: "p", ID: "i", Stanza: []byte("<message/>")}, {Seq: 8, Room: true, Peer: "r", ID: "i", Stanza: []byte{}}}))
	must(t, from.ChangePersonal(ctx, 0, u.ID, []store.Change{{Put: &store.Item{Kind: "pep", Node: "n", Item: "i", Value: []byte{0, 255}}}}))
	var file bytes.Buffer
	_, err = transfer.Export(ctx, from, &file, transfer.Options{JID: "icq.example.org", Passwords: true})
	must(t, err)

	to := k.migrated(t, s, Options{Database: s.Database(t), Prefix: "new_", Key: config.NewSecret("k")})
	_, err = transfer.Import(ctx, to, &file, false)
	must(t, err)
	if a, b := everythingOf(t, from, u.JID), everythingOf(t, to, u.JID); !reflect.DeepEqual(a, b) {
		t.Errorf("exported %+v\nimported %+v", a, b)
	}
}

// everythingOf reads all of a user, without numbers.
func everythingOf(t *testing.T, d store.Store, jid string) []any {
	t.Helper()
	ctx := t.Context()
	u, err := d.User(ctx, jid)
	must(t, err)
	contacts, err := d.Contacts(ctx, u.ID)
	must(t, err)
	for i := range contacts {
		contacts[i].ID, contacts[i].UserID = 0, 0
	}
	waiting, err := d.Waiting(ctx, u.ID, 10)
	must(t, err)
	for i := range waiting {
		waiting[i].ID, waiting[i].UserID = 0, 0
	}
	rooms, err := d.Rooms(ctx, u.ID)
	must(t, err)
	for i := range rooms {
		rooms[i].UserID = 0
	}
	own, err := d.Archived(ctx, u.ID, store.ArchiveQuery{}, false, 10)
	must(t, err)
	room, err := d.Archived(ctx, u.ID, store.ArchiveQuery{Room: true, Peer: "r"}, false, 10)
	must(t, err)
	items, err := d.PersonalItems(ctx, u.ID, "", "")
	must(t, err)
	if len(contacts) != 1 || len(waiting) != 1 || len(rooms) != 1 || len(own) != 1 || len(room) != 1 || len(items) != 1 {
		t.Errorf("%d contacts, %d messages, %d rooms, %d and %d archived, %d items", len(contacts), len(waiting), len(rooms), len(own), len(room), len(items))
	}
	u.ID = 0
	return []any{*u, contacts, waiting, rooms, own, room, items}
}
