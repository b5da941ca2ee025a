// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

func sessionsCommand(t *tool) *cobra.Command {
	var end string
	c := &cobra.Command{
		Use:   "sessions [NAME...]",
		Short: "List the clients connected to instances in server mode, or end one",
		Long: `List the clients that are connected to instances in server mode. Without a name,
those of all running ones. With --end, one client's connection is ended, or all
of an account; it may connect again.`,
		Example:           "  spectrumctl sessions msn\n  spectrumctl sessions msn --end me@msn.example.org/phone",
		ValidArgsFunction: t.completeNames,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("end") {
				return t.endSession(c.Context(), args, end)
			}
			return t.sessions(c.Context(), args)
		},
	}
	c.Flags().StringVar(&end, "end", "", "end the connection of this `JID`, a full one; of a bare one, all")
	cobra.CheckErr(c.RegisterFlagCompletionFunc("end", cobra.NoFileCompletions))
	return c
}

// sessions lists; of all instances, those in gateway mode have none.
func (t *tool) sessions(ctx context.Context, args []string) error {
	lists, err := gather(ctx, t, args, "list the clients of", func(ctx context.Context, c *api.Client) ([]api.Session, error) {
		list, err := c.Sessions(ctx)
		if len(args) == 0 && errors.Is(err, api.ErrNotFound) {
			return nil, nil
		}
		return list, err
	})
	if t.json {
		return errors.Join(err, t.printJSON(lists.flat(func(name string, s api.Session) any {
			return struct {
				Instance string `json:"instance"`
				api.Session
			}{name, s}
		})))
	}
	return errors.Join(t.printSessions(lists), err)
}

func (t *tool) printSessions(lists answers[api.Session]) error {
	table := &screen.Table{
		Head:  []string{"INSTANCE", "JID", "CLIENT", "ADDRESS", "VIA", "TLS", "SINCE", "STATE"},
		Right: map[int]bool{6: true},
	}
	for _, l := range lists {
		for _, s := range l.items {
			state := screen.Cell{Text: "connected", Colour: screen.Green}
			if s.Detached {
				state = screen.Cell{Text: "away", Colour: screen.Yellow}
			}
			table.Cells(screen.Cell{Text: l.name}, screen.Cell{Text: s.JID}, screen.Cell{Text: strings.TrimSpace(s.Client + " " + s.Version)},
				screen.Cell{Text: s.Address}, screen.Cell{Text: s.Transport}, screen.Cell{Text: strings.TrimPrefix(s.TLS, "TLS ")},
				screen.Cell{Text: screen.Since(s.Since)}, state)
		}
	}
	return t.printTable(table, lists.names(), "No client is connected.")
}

func (t *tool) endSession(ctx context.Context, args []string, jid string) error {
	if len(args) != 1 && (t.socket == "" || len(args) > 1) {
		return usageError("--end is about one instance: spectrumctl sessions NAME --end JID")
	}
	if jid == "" {
		return usageError("--end needs a client's JID: \"spectrumctl sessions\" lists them")
	}
	wanted, err := t.targets(args)
	if err != nil {
		return err
	}
	name := wanted[0]
	n, err := ask(ctx, t, name, "end "+jid+" of "+name, func(ctx context.Context, c *api.Client) (int, error) { return c.EndSession(ctx, jid) })
	if err != nil {
		return err
	}
	return t.showOutcomes([]string{name}, []outcome{{Text: "ended " + plural(n, "connection") + " of " + jid, Details: api.Ended{Ended: n}}})
}
