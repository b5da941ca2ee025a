// SPDX-License-Identifier: GPL-2.0-or-later

// Command spectrum2_template_backend is the example of a backend: an echo
// contact and an echo room; see spectrum2_template_backend(8).
package main

import (
	"os"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backends/template"
)

// version is set when the program is linked.
var version = "devel"

func main() {
	backend.Version = version
	os.Exit(backend.Main(template.New))
}
