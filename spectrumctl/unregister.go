// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
)

func unregisterCommand(t *tool) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "unregister NAME JID",
		Short: "Remove a user and everything kept about him",
		Long: `Remove a user from a running instance: he is logged out, the transport's contacts are
taken out of his contact list, and everything kept about him is deleted. On a
terminal it asks first.`,
		Example:           "  spectrumctl unregister irc me@example.org",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: t.completeOneName,
		RunE: func(c *cobra.Command, args []string) error {
			return t.unregister(c.Context(), args[0], args[1], yes)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func (t *tool) unregister(ctx context.Context, name, jid string, yes bool) error {
	if _, err := t.targets([]string{name}); err != nil {
		return err
	}
	what := "unregister " + jid + " from " + name
	if !yes && t.interactive() {
		a := t.asker()
		defer a.done()
		sure, err := a.confirm(fmt.Sprintf("Remove %s from %s, with everything kept about him?", jid, name))
		if err != nil {
			return cannot(what, err)
		}
		if !sure {
			return &failure{err: fmt.Errorf("%s stays registered", jid)}
		}
	}
	_, err := ask(ctx, t, name, what, func(ctx context.Context, c *api.Client) (api.None, error) { return api.None{}, c.Unregister(ctx, jid) })
	if err != nil {
		return err
	}
	return t.showOutcomes([]string{name}, []outcome{{Text: jid + " is unregistered"}})
}
