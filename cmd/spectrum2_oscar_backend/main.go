// SPDX-License-Identifier: GPL-2.0-or-later

// Command spectrum2_oscar_backend connects the users of a Spectrum 2 instance
// with ICQ and AIM; see spectrum2_oscar_backend(8).
package main

import (
	"os"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backends/oscar"
)

// version is set when the program is linked.
var version = "devel"

func main() {
	backend.Version = version
	os.Exit(backend.Main(oscar.New))
}
