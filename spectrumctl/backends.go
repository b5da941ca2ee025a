// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

func backendsCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "backends [NAME...]",
		Short: "List the backend processes",
		Long: `List the backend processes with their users and memory. Without a name, those of all
running instances. PROTOCOL is "v1" for a backend of the C++ version's protocol,
else the level of the extension that it speaks.`,
		ValidArgsFunction: t.completeNames,
		RunE: func(c *cobra.Command, args []string) error {
			lists, err := gather(c.Context(), t, args, "list the backends of", func(ctx context.Context, c *api.Client) ([]api.Backend, error) { return c.Backends(ctx) })
			if t.json {
				return errors.Join(err, t.printJSON(lists.flat(func(name string, b api.Backend) any {
					return struct {
						Instance string `json:"instance"`
						api.Backend
					}{name, b}
				})))
			}
			return errors.Join(t.printBackends(lists), err)
		},
	}
}

func (t *tool) printBackends(lists answers[api.Backend]) error {
	table := &screen.Table{
		Head:  []string{"INSTANCE", "ID", "PID", "PROGRAM", "STATE", "USERS", "MEMORY", "AGE", "PROTOCOL", "SCOPE"},
		Right: map[int]bool{1: true, 2: true, 5: true, 6: true, 7: true},
	}
	for _, l := range lists {
		for _, b := range l.items {
			state := screen.Cell{Text: b.State, Colour: screen.Yellow}
			if b.State == "ready" {
				state.Colour = screen.Green
			}
			protocol := "v1"
			if b.Level > 0 {
				protocol = fmt.Sprintf("level %d", b.Level)
			}
			table.Cells(screen.Cell{Text: l.name}, screen.Cell{Text: fmt.Sprint(b.ID)}, screen.Cell{Text: fmt.Sprint(b.PID)},
				screen.Cell{Text: shortBackend(b.Program)}, state, screen.Cell{Text: fmt.Sprint(b.Users)},
				screen.Cell{Text: screen.Bytes(uint64(max(b.Memory, 0)))}, screen.Cell{Text: screen.Since(b.Since)},
				screen.Cell{Text: protocol}, screen.Cell{Text: b.Scope})
		}
	}
	return t.printTable(table, lists.names(), "No backend runs.")
}
