// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

func queryCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "query NAME LINE",
		Short: "Send an administrator's line, as over chat",
		Long: `Send an administrator's line to a running instance, as an admin_jid may over chat,
and print the answer. "help" lists the commands and variables.`,
		Example:           "  spectrumctl query irc get status\n  spectrumctl query irc 'register me@example.org nick'",
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: t.completeOneName,
		RunE: func(c *cobra.Command, args []string) error {
			name, line := args[0], strings.Join(args[1:], " ")
			if _, err := t.targets(args[:1]); err != nil {
				return err
			}
			text, err := ask(c.Context(), t, name, "ask "+name, func(ctx context.Context, c *api.Client) (string, error) { return c.Query(ctx, line) })
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(api.Answer{Text: text})
			}
			for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
				fmt.Fprintln(t.out, screen.Clean(l))
			}
			if strings.HasPrefix(text, "Error: ") {
				return &failure{err: fmt.Errorf("%s refused the line", name)}
			}
			return nil
		},
	}
}
