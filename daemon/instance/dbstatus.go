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
		var nodes []store.Node
		if x, ok := s.(store.Shared); ok {
			if nodes, err = x.Nodes(ctx); err != nil {
				return err
			}
		}
		return t.showStatus(st, sealed, nodes)
	})
}

func (t task) showStatus(st store.Status, sealed *store.SealState, nodes []store.Node) error {
	if t.JSON {
		return json.NewEncoder(t.Stdout).Encode(struct {
			store.Status
			Passwords *store.SealState `json:",omitempty"`
			Nodes     []store.Node     `json:",omitempty"`
		}{st, sealed, nodes})
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "Type:\t%s\nLocation:\t%s\nSchema:\t%d of %d\nUsers:\t%d\n", st.Type, st.Location, st.Version, st.Latest, st.Users)
	if sealed != nil {
		for n, line := range t.passwords(*sealed) {
			fmt.Fprintf(w, "%s\t%s\n", []string{"Passwords:", ""}[min(n, 1)], line)
		}
	}
	for n, node := range nodes {
		fmt.Fprintf(w, "%s\t%s\n", []string{"Machines:", ""}[min(n, 1)], nodeLine(node))
	}
	for n, m := range machines(nodes) {
		fmt.Fprintf(w, "%s\t%s, %s, %s\n", []string{"Machines:", ""}[min(n, 1)], m.Name, m.State, plural(m.Users, "user"))
	}
	for _, m := range st.Pending {
		fmt.Fprintf(w, "Pending:\t%d %s\n", m.Number, m.Name)
	}
	return w.Flush()
}

// nodeLine is a sentence on a main process that shares the database.
func nodeLine(n store.Node) string {
	if n.Left <= 0 {
		return fmt.Sprintf("%s has gone, and had %d users", n.Name, n.Users)
	}
	return fmt.Sprintf("%s has %d users; its lease lasts for %.1f s", n.Name, n.Users, n.Left.Seconds())
}

// machine is a main process on the database, as people see it.
type machine struct {
	Name string
	// State is running or gone.
	State string
	Users int
}

func machines(nodes []store.Node) (all []machine) {
	for _, n := range nodes {
		state := "running"
		if n.Left <= 0 {
			state = "gone"
		}
		all = append(all, machine{n.Name, state, n.Users})
	}
	return all
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
