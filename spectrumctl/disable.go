// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/systemd/generator"
	"spectrum.im/spectrum2/spectrumctl/units"
)

func disableCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "disable NAME... | --all",
		Short: "Do not have instances started with the system",
		Long: `Do not have instances started with the system any more. With --now they are
stopped at once, too. Only root may: use sudo.`,
		Example: "  sudo spectrumctl disable --now irc",
	}
	s := t.selectFlags(c, false)
	now := c.Flags().Bool("now", false, "stop them at once, too")
	c.RunE = func(c *cobra.Command, args []string) error {
		list, err := t.chooseToDisable(c.Context(), s, args)
		if err != nil {
			return err
		}
		return t.eachUnit(c.Context(), list, "disable", func(ctx context.Context, m *units.Manager, name string) (string, error) {
			return t.disable(ctx, m, name, *now)
		})
	}
	return c
}

// chooseToDisable is choose, but an instance whose file is gone can be
// disabled.
func (t *tool) chooseToDisable(ctx context.Context, s selection, args []string) ([]string, error) {
	list, err := t.choose(ctx, s, args)
	if err == nil || len(args) == 0 {
		return list, err
	}
	m, sysErr := t.systemd(ctx)
	if sysErr != nil {
		return nil, err
	}
	defer m.Close()
	known, sysErr := m.Known(ctx)
	if sysErr != nil || slices.ContainsFunc(args, func(a string) bool { return !slices.Contains(known, a) }) {
		return nil, err
	}
	return args, nil
}

// disable disables one, and stops it if wanted.
func (t *tool) disable(ctx context.Context, m *units.Manager, name string, now bool) (string, error) {
	changed, err := m.Disable(ctx, name, generator.AllClientSockets(name))
	if err != nil {
		return "", rootOnly(cannot("disable "+name, err))
	}
	text := "does not start with the system any more"
	if !changed {
		text = "did not start with the system"
	} else if err := m.DaemonReload(ctx); err != nil {
		return "", rootOnly(cannot("tell systemd about "+name, err))
	}
	if !now {
		return text, nil
	}
	more, err := t.stop(ctx, m, name)
	if err == nil {
		err = t.stopSockets(ctx, m, name)
	}
	return text + "\n" + more, err
}
