// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/units"
)

func enableCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "enable NAME... | --all",
		Short: "Have instances started with the system",
		Long: `Have instances started with the system. With --now they are started at once, too.
With --on-demand, systemd listens on the ports of instances in server mode, and
the first client starts them. Only root may: use sudo.`,
		Example: "  sudo spectrumctl enable --now irc\n  sudo spectrumctl enable --now --on-demand msn",
	}
	s := t.selectFlags(c, false)
	now := c.Flags().Bool("now", false, "start them at once, too; with --on-demand, listen at once")
	onDemand := c.Flags().Bool("on-demand", false, "server mode: start them when the first client connects")
	c.RunE = func(c *cobra.Command, args []string) error {
		list, err := t.choose(c.Context(), s, args)
		if err != nil {
			return err
		}
		t.freshen(c.Context())
		return t.eachUnit(c.Context(), list, "enable", func(ctx context.Context, m *units.Manager, name string) (string, error) {
			if *onDemand {
				return t.enableOnDemand(ctx, m, name, *now)
			}
			return t.enable(ctx, m, name, *now)
		})
	}
	return c
}

// enable enables one, and starts it if wanted.
func (t *tool) enable(ctx context.Context, m *units.Manager, name string, now bool) (string, error) {
	changed, err := m.Enable(ctx, name)
	if err != nil {
		return "", rootOnly(cannot("enable "+name, err))
	}
	text := "starts with the system from now on"
	if !changed {
		text = "started with the system already"
	} else if err := m.DaemonReload(ctx); err != nil {
		return "", rootOnly(cannot("tell systemd about "+name, err))
	}
	if !now {
		return text, nil
	}
	more, err := t.start(ctx, m, name)
	return text + "\n" + more, err
}

// rootOnly adds the next step where the group is not enough.
func rootOnly(f *failure) *failure {
	if notPermitted(f.err) {
		return f.then("only root may: use sudo")
	}
	return f
}
