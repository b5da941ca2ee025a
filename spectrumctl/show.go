// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

func showCommand(t *tool) *cobra.Command {
	var set bool
	c := &cobra.Command{
		Use:   "show NAME|FILE",
		Short: "Show the configuration in effect, and where each value is from",
		Long: `Show the configuration that an instance would be started with: every key with its
value and where that is from, the file's line or the default. Secrets are shown
as ***.`,
		Example:           "  spectrumctl show irc --set",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.completeNamesAndFiles,
		RunE: func(c *cobra.Command, args []string) error {
			list, err := t.checkTargets(args)
			if err != nil {
				return cannot("show "+args[0], err)
			}
			cfg, _, err := readConfig(list[0].file)
			if err != nil {
				return cannot("show "+args[0], err)
			}
			return t.printEntries(cfg.Effective(), set)
		},
	}
	c.Flags().BoolVar(&set, "set", false, "leave the defaults out")
	return c
}

func (t *tool) printEntries(entries []config.Entry, set bool) error {
	shown := []config.Entry{}
	for _, e := range entries {
		if !set || e.Origin != "default" {
			shown = append(shown, e)
		}
	}
	if t.json {
		return t.printJSON(shown)
	}
	table := &screen.Table{Head: []string{"KEY", "VALUE", "ORIGIN"}}
	for _, e := range shown {
		colour := screen.Plain
		if e.Origin == "default" {
			colour = screen.Dim
		}
		table.Cells(screen.Cell{Text: e.Key}, screen.Cell{Text: e.Value, Colour: colour},
			screen.Cell{Text: strings.TrimPrefix(e.Origin, t.path(transportsDir)+"/"), Colour: colour})
	}
	return table.Write(t.out, t.legend)
}
