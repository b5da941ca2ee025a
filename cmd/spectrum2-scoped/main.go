// SPDX-License-Identifier: GPL-2.0-or-later

// Command spectrum2-scoped is the broker that puts backends into their scopes.
// D-Bus starts it on demand, as root without capabilities or network; it ends
// by itself when nobody has asked for a minute.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"spectrum.im/spectrum2/daemon/systemd/scoped"
)

const idle = time.Minute

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "spectrum2-scoped: D-Bus starts it; it takes no arguments (see spectrum2(8))")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: untimed}))
	if err := scoped.Run(ctx, idle, log); err != nil {
		fmt.Fprintln(os.Stderr, "<3>spectrum2-scoped:", err)
		os.Exit(1)
	}
}

// untimed leaves out the time, which the journal has anyway.
func untimed(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
