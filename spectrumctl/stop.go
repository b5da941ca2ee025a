// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/systemd/generator"
	"spectrum.im/spectrum2/spectrumctl/units"
)

func stopCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "stop NAME... | --all",
		Short: "Stop instances and wait until they are down",
		Long: `Stop instances and wait until they are down. Their users are logged out of the
legacy network. An instance that does not run is left alone.`,
		Example: "  spectrumctl stop irc",
	}
	s := t.selectFlags(c, true)
	c.RunE = func(c *cobra.Command, args []string) error {
		list, err := t.choose(c.Context(), s, args)
		if err != nil {
			return err
		}
		return t.eachUnit(c.Context(), list, "stop", t.stop)
	}
	return c
}

// stop stops one.
func (t *tool) stop(ctx context.Context, m *units.Manager, name string) (string, error) {
	s, err := m.State(ctx, name)
	if err != nil {
		return "", cannot("stop "+name, err)
	}
	if !s.Running() {
		return "was not running", nil
	}
	if err := t.job(ctx, m, units.Stop, name); err != nil {
		return "", err
	}
	if m.AnyEnabled(ctx, generator.AllClientSockets(name)) {
		return "stopped; the next client starts it again, unless: spectrumctl disable --now " + name, nil
	}
	return "stopped", nil
}
