// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"spectrum.im/spectrum2/daemon/config"
)

// Version is the version that --version shows, and a Description may have. A
// program sets it before Main.
var Version = "devel"

// Open makes the network of a backend from what it was started with. An error
// ends the process; its text is for the administrator.
type Open func(Options) (Network, error)

// ErrUsage is the cause of an error of Run about the arguments.
var ErrUsage = errors.New("usage")

// Main is the whole main function of a backend; it returns its exit status: 0
// after an orderly end, 1 after a failure, 2 after wrong arguments.
func Main(open Open) int {
	// The main process may go away and come back: its end of the log's pipe
	// must not end this process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := Run(ctx, open, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrUsage):
		return 2
	}
	return 1
}

// Run is a backend's process: it reads the arguments of the main process
// (without the program's name), connects to it, and serves until it is told
// to end. Log lines go to stderr, an error too, before it is returned.
func Run(ctx context.Context, open Open, args []string, stdout, stderr io.Writer) error {
	a, err := parseArguments(args)
	if err != nil {
		fmt.Fprintf(stderr, "<3>msg=%q\n", err.Error())
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if a.help || a.version {
		fmt.Fprint(stdout, about(a))
		return nil
	}
	lines := newLogWriter(stderr)
	defer lines.close()
	c, _, err := config.LoadBackend(a.config, a.rest)
	if err != nil {
		log := slog.New(newLogHandler(lines, slog.LevelInfo))
		log.Error("cannot read the configuration", "file", a.config, "err", err)
		return err
	}
	log := slog.New(newLogHandler(lines, levelOf(c)))
	if err := start(ctx, open, a, c, log); err != nil {
		log.Error("the backend ends", "err", err)
		return err
	}
	log.Info("the backend ends")
	return nil
}

// start opens the network, then the connection.
func start(ctx context.Context, open Open, a arguments, c *config.Config, log *slog.Logger) error {
	token, err := readToken(a.tokenFD)
	if err != nil {
		return err
	}
	n, err := open(Options{Config: c, ID: a.id, Log: log})
	if err != nil {
		return fmt.Errorf("open the network: %w", err)
	}
	conn, err := dial(ctx, a)
	if err != nil {
		return fmt.Errorf("connect to the main process: %w", err)
	}
	serving := Serving{Config: c, Log: log}
	if a.socket != "" {
		serving.Hello = helloOf(n.Describe(), a, c, token)
	}
	return Serve(ctx, conn, n, serving)
}

func about(a arguments) string {
	name := filepath.Base(os.Args[0])
	if a.version {
		return name + " " + Version + "\n"
	}
	return "usage: " + name + ` --host HOST --port PORT [--section.key=value…] CONFIG

A Spectrum 2 backend. It is started by a Spectrum 2 main process and is of no
use without one; see spectrum2-backend(7).
`
}
