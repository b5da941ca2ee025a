// SPDX-License-Identifier: GPL-2.0-or-later

// Command spectrumctl controls the Spectrum 2 transports of a machine. See
// spectrumctl(1).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"spectrum.im/spectrum2/spectrumctl"
)

// version is the package's; the linker sets it.
var version = "devel"

func main() {
	spectrumctl.Version = version
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := spectrumctl.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(status)
}
