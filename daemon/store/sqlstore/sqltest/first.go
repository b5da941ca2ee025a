// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// FirstStart opens a database of the C++ version twice: the log of the first
// start says what is added, since there is no copy of a server's database.
func FirstStart(t *testing.T, open func(*slog.Logger) store.Store) {
	for _, first := range []bool{true, false} {
		var said bytes.Buffer
		d := open(slog.New(slog.NewTextHandler(&said, nil)))
		before, err := d.Status(t.Context())
		if err != nil || first != (len(before.Pending) > 1) {
			t.Fatalf("%+v, %v", before, err)
		}
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		const stays = "what is there stays as it is"
		for _, m := range before.Pending {
			if !strings.Contains(said.String(), m.Name) {
				t.Errorf("nothing was said of %s:\n%s", m.Name, said.String())
			}
		}
		if first != strings.Contains(said.String(), stays) {
			t.Errorf("first start %t: %s", first, said.String())
		}
	}
}

// Crowd uses a store that gets fewer connections than its pool would take,
// after limit.
func Crowd(t *testing.T, d store.Store, limit func()) {
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	limit()
	u := &store.User{JID: "a@example.org"}
	if err := d.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			if err := d.SetSetting(t.Context(), 0, u.ID, "s", store.SettingString, "v"); err != nil {
				t.Error(err)
			}
			if _, err := d.User(t.Context(), u.JID); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for tries := 0; ; tries++ { // the lease has connections of its own
		_, err := d.Claim(t.Context(), u.JID)
		if err == nil {
			return
		}
		if tries == 200 {
			t.Fatal(err)
		}
		<-tick.C
	}
}
