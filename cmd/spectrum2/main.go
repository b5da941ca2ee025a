// SPDX-License-Identifier: GPL-2.0-or-later

// Command spectrum2 is the main process of one instance, see spectrum2(8).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"spectrum.im/spectrum2/daemon/instance"
	"spectrum.im/spectrum2/daemon/systemd"
)

// version is set when the program is linked.
var version = "devel"

func main() {
	if len(os.Args) > 1 && os.Args[1] == systemd.StubCommand {
		fmt.Fprintln(os.Stderr, "spectrum2:", systemd.RunStub(os.Args[2:]))
		os.Exit(1)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	status := instance.Main(ctx, instance.Process{
		Args: os.Args[1:], Version: version, Hangup: hangup, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	cancel()
	os.Exit(status)
}
