// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"spectrum.im/spectrum2/daemon/store"
)

func (t task) status(ctx context.Context) error {
	return t.with(ctx, false, func(s store.Store) error {
		st, err := s.Status(ctx)
		if err != nil {
			return err
		}
		var sealed *store.SealState
		if x, ok := s.(store.Sealing); ok {
			state, err := x.SealState(ctx)
			if err != nil {
				return err
			}
			sealed = &state
		}
		return t.showStatus(st, sealed)
	})
}

func (t task) showStatus(st store.Status, sealed *store.SealState) error {
	if t.JSON {
		return json.NewEncoder(t.Stdout).Encode(struct {
			store.Status
			Passwords *store.SealState `json:",omitempty"`
		}{st, sealed})
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "Type:\t%s\nLocation:\t%s\nSchema:\t%d of %d\nUsers:\t%d\n", st.Type, st.Location, st.Version, st.Latest, st.Users)
	if sealed != nil {
		for n, line := range t.passwords(*sealed) {
			fmt.Fprintf(w, "%s\t%s\n", []string{"Passwords:", ""}[min(n, 1)], line)
		}
	}
	for _, m := range st.Pending {
		fmt.Fprintf(w, "Pending:\t%d %s\n", m.Number, m.Name)
	}
	return w.Flush()
}

// passwords are sentences on how they are kept, with the next step.
func (t task) passwords(s store.SealState) (lines []string) {
	add := func(n int, how string) {
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%d %s", n, how))
		}
	}
	key := t.cfg.Database.EncryptionKey.IsSet()
	add(s.Sealed, "encrypted")
	switch {
	case t.cfg.Database.EncryptionKeyOld.IsSet():
		add(s.Older, "encrypted with the old key: spectrumctl db rekey "+t.cfg.Instance)
	default:
		add(s.Older, "encrypted with another key than database.encryption_key")
	}
	seal := ": spectrumctl db seal " + t.cfg.Instance
	if !key {
		seal = ": set database.encryption_key (spectrumctl secret set), then" + seal[1:]
	}
	add(s.Scrambled, "as the C++ version obscured them, which its key undoes"+seal)
	add(s.Plain, "readable"+seal)
	if len(lines) == 0 {
		lines = []string{"none"}
	}
	return lines
}

func (t task) migrate(ctx context.Context) error {
	return t.with(ctx, false, func(s store.Store) error {
		before, err := s.Status(ctx)
		if err != nil {
			return err
		}
		backup, err := s.Migrate(ctx)
		if err != nil {
			return err
		}
		answer := map[string]any{"applied": len(before.Pending), "backup": backup}
		switch {
		case len(before.Pending) == 0:
			return t.say(answer, "The database is up to date.")
		case backup == "":
			return t.say(answer, fmt.Sprintf("Migrated to schema %d.", before.Latest))
		}
		return t.say(answer, fmt.Sprintf("Migrated to schema %d.", before.Latest), "The database as it was is in "+backup+".")
	})
}
