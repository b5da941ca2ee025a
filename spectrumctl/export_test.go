// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"io"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/screen"
)

// Tree is the command tree, for the test that holds it against the manual.
func Tree() *cobra.Command {
	quiet := screen.New(io.Discard, true, func(string) string { return "" })
	root := (&tool{out: quiet, err: quiet}).rootCommand()
	root.InitDefaultVersionFlag()
	return root
}

// CannotRead is the look at what a user may read, for any user.
var CannotRead = cannotRead
