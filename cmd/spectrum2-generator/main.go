// SPDX-License-Identifier: GPL-2.0-or-later

// Command spectrum2-generator is a generator of systemd's: PID 1 runs it at
// boot and at daemon-reload with the directories to write to.
package main

import (
	"fmt"
	"os"

	"spectrum.im/spectrum2/daemon/systemd/generator"
)

func main() {
	if len(os.Args) != 2 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: spectrum2-generator NORMAL-DIR [EARLY-DIR LATE-DIR] (systemd runs it, see systemd.generator(7))")
		os.Exit(2)
	}
	log := generator.Log()
	defer log.Close()
	if err := generator.Run(generator.Transports, os.Args[1], log); err != nil {
		fmt.Fprintln(log, "<3>spectrum2-generator:", err)
		os.Exit(1)
	}
}
