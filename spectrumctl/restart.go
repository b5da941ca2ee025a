// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/units"
)

func restartCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "restart NAME... | --all",
		Short: "Restart instances and wait until they are up again",
		Long: `Restart instances and wait until they are up again; one that does not run is
started. With --all, only those that run are restarted. A file with mistakes is
refused while the old configuration goes on.`,
		Example: "  spectrumctl restart irc",
	}
	s := t.selectFlags(c, true)
	c.RunE = func(c *cobra.Command, args []string) error {
		list, err := t.choose(c.Context(), s, args)
		if err != nil {
			return err
		}
		t.freshen(c.Context())
		return t.eachUnit(c.Context(), list, "restart", t.restart)
	}
	return c
}

// restart restarts one.
func (t *tool) restart(ctx context.Context, m *units.Manager, name string) (string, error) {
	s, err := m.State(ctx, name)
	if err != nil {
		return "", cannot("restart "+name, err)
	}
	if err := loaded(s, units.Restart, name); err != nil {
		return "", err
	}
	if err := t.checkFile(units.Restart, name); err != nil {
		return "", err
	}
	if err := t.job(ctx, m, units.Restart, name); err != nil {
		return "", err
	}
	return started(ctx, m, "restarted", name), nil
}
