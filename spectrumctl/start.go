// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/units"
)

func startCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "start NAME... | --all",
		Short: "Start instances and wait until they are up",
		Long: `Start instances and wait until systemd says that they are up. A file with mistakes
is refused before anything is started. Where systemd has not seen the file's
last change yet, it is told to reload first.`,
		Example: "  spectrumctl start irc\n  spectrumctl start --all",
	}
	s := t.selectFlags(c, false)
	c.RunE = func(c *cobra.Command, args []string) error {
		list, err := t.choose(c.Context(), s, args)
		if err != nil {
			return err
		}
		t.freshen(c.Context())
		return t.eachUnit(c.Context(), list, "start", t.start)
	}
	return c
}

// start starts one.
func (t *tool) start(ctx context.Context, m *units.Manager, name string) (string, error) {
	s, err := m.State(ctx, name)
	if err != nil {
		return "", cannot("start "+name, err)
	}
	if err := loaded(s, units.Start, name); err != nil {
		return "", err
	}
	if s.Reachable() {
		return started(ctx, m, "runs already", name), nil
	}
	if err := t.checkFile(units.Start, name); err != nil {
		return "", err
	}
	if err := t.job(ctx, m, units.Start, name); err != nil {
		return "", err
	}
	return started(ctx, m, "started", name), nil
}
