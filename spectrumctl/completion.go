// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import "github.com/spf13/cobra"

func completionCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion for a shell",
		Long: `Print the completion for a shell. The packages install it; by hand, for bash:

  spectrumctl completion bash > /usr/share/bash-completion/completions/spectrumctl`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(c *cobra.Command, args []string) error {
			switch root := c.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(t.out, true)
			case "zsh":
				return root.GenZshCompletion(t.out)
			default:
				return root.GenFishCompletion(t.out, true)
			}
		},
	}
}
