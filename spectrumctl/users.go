// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

func usersCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "users [NAME...]",
		Short: "List the users that are logged in, or on their way",
		Long: `List the users that are logged in or on their way, with their account's state and
what it waits for. Without a name, those of all running instances.`,
		ValidArgsFunction: t.completeNames,
		RunE: func(c *cobra.Command, args []string) error {
			lists, err := gather(c.Context(), t, args, "list the users of", func(ctx context.Context, c *api.Client) ([]api.User, error) { return c.Users(ctx) })
			if t.json {
				return errors.Join(err, t.printJSON(lists.flat(func(name string, u api.User) any {
					return struct {
						Instance string `json:"instance"`
						api.User
					}{name, u}
				})))
			}
			return errors.Join(t.printUsers(lists), err)
		},
	}
}

func (t *tool) printUsers(lists answers[api.User]) error {
	table := &screen.Table{
		Head:  []string{"INSTANCE", "JID", "NAME", "STATE", "SINCE", "BACKEND", "CLIENTS", "CONTACTS", "ROOMS", "REASON"},
		Right: map[int]bool{4: true, 5: true, 6: true, 7: true, 8: true},
	}
	for _, l := range lists {
		for _, u := range l.items {
			state := screen.Cell{Text: u.State, Colour: screen.Yellow}
			if u.State == "online" {
				state.Colour = screen.Green
			}
			backend := ""
			if u.Backend > 0 {
				backend = strconv.Itoa(u.Backend)
			}
			table.Cells(screen.Cell{Text: l.name}, screen.Cell{Text: u.JID}, screen.Cell{Text: u.LegacyName}, state,
				screen.Cell{Text: screen.Since(u.Since)}, screen.Cell{Text: backend}, screen.Cell{Text: fmt.Sprint(u.Resources)},
				screen.Cell{Text: fmt.Sprint(u.Contacts)}, screen.Cell{Text: fmt.Sprint(u.Rooms)}, screen.Cell{Text: u.Text})
		}
	}
	return t.printTable(table, lists.names(), "No user is logged in.")
}

// printTable shows a table, or the sentence where it is empty. asked are the
// instances that answered.
func (t *tool) printTable(table *screen.Table, asked []string, empty string) error {
	if table.Len() == 0 {
		if t.legend && len(asked) > 0 {
			fmt.Fprintln(t.out, empty)
		}
		return nil
	}
	return table.Write(t.out, t.legend)
}
