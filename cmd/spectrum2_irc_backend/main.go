// SPDX-License-Identifier: GPL-2.0-or-later

// Command spectrum2_irc_backend connects the users of a Spectrum 2 instance
// with IRC; see spectrum2_irc_backend(8).
package main

import (
	"os"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backends/irc"
)

// version is set when the program is linked.
var version = "devel"

func main() {
	backend.Version = version
	os.Exit(backend.Main(irc.New))
}
