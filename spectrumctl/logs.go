// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// logOptions are what logs is told.
type logOptions struct {
	follow       bool
	user         string
	backend      int
	lines        string
	since, until string
	priority     string
}

func logsCommand(t *tool) *cobra.Command {
	var o logOptions
	c := &cobra.Command{
		Use:   "logs [NAME...]",
		Short: "Show what instances and their backends logged",
		Long: `Show what instances and their backends logged, out of the journal, by journalctl.
Without a name, that of all instances. --user shows one user's lines alone,
--backend those of one backend's process.`,
		Example: "  spectrumctl logs -f irc\n  spectrumctl logs irc --user me@example.org --since today",
		RunE: func(c *cobra.Command, args []string) error {
			return t.logs(c, o, args)
		},
		ValidArgsFunction: t.completeNames,
	}
	f := c.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with what is logged from now on")
	f.StringVar(&o.user, "user", "", "only lines about this user's `JID`")
	f.IntVar(&o.backend, "backend", 0, "only lines of the backend with this `number`")
	f.StringVarP(&o.lines, "lines", "n", "", "the last `N` lines, or \"all\"")
	f.StringVar(&o.since, "since", "", "from this `time` on, as journalctl has it (today, -1h, 2026-01-31 12:00)")
	f.StringVar(&o.until, "until", "", "up to this `time`")
	f.StringVarP(&o.priority, "priority", "p", "", "only this `level` and worse (err, warning, info, debug)")
	for _, name := range []string{"user", "backend", "lines", "since", "until"} {
		cobra.CheckErr(c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
	cobra.CheckErr(c.RegisterFlagCompletionFunc("priority", cobra.FixedCompletions(
		[]string{"err", "warning", "notice", "info", "debug"}, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// logs executes journalctl, which has the terminal then.
func (t *tool) logs(c *cobra.Command, o logOptions, args []string) error {
	if c.Flags().Changed("backend") && o.backend < 1 {
		return usageError("--backend wants a backend's number: \"spectrumctl backends\" shows them")
	}
	if err := t.known(args); err != nil {
		return err
	}
	m, err := units.Connect(c.Context(), t.root, t.getenv)
	if errors.Is(err, units.ErrNoSystemd) {
		return cannot("show the journal", err).then("look at the log file instead: %s", t.logFiles(args))
	}
	if err == nil {
		m.Close()
	}
	cmd, err := t.journalctl(c.Context(), o.journalArgs(args, t.json)...)
	if err != nil {
		return cannot("show the journal", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.in, t.out.Writer, t.err.Writer
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil, c.Context().Err() != nil:
		return nil
	case errors.As(err, &exit):
		return cannot("show the journal", fmt.Errorf("journalctl ended with %w", exit)).
			then("reading it takes root or the group systemd-journal: use sudo")
	}
	return cannot("show the journal", err)
}

// journalArgs are journalctl's. Units are alternatives to each other; the
// fields narrow them.
func (o logOptions) journalArgs(instances []string, json bool) []string {
	var args []string
	if len(instances) == 0 {
		args = append(args, "--unit="+systemd.ServiceUnit("*"))
	}
	for _, name := range instances {
		args = append(args, "--unit="+systemd.ServiceUnit(name))
	}
	for _, opt := range [][2]string{{"--lines=", o.lines}, {"--since=", o.since}, {"--until=", o.until}, {"--priority=", o.priority}} {
		if opt[1] != "" {
			args = append(args, opt[0]+opt[1])
		}
	}
	if o.follow {
		args = append(args, "--follow")
	}
	if json {
		args = append(args, "--output=json")
	}
	if o.user != "" {
		bare, _, _ := strings.Cut(o.user, "/")
		args = append(args, "SPECTRUM2_USER="+strings.ToLower(bare))
	}
	if o.backend > 0 {
		args = append(args, "SPECTRUM2_BACKEND="+strconv.Itoa(o.backend))
	}
	return args
}

// logFiles names the log files of the instances, or where they are.
func (t *tool) logFiles(instances []string) string {
	var files []string
	for _, name := range instances {
		if c, _, err := readConfig(t.fileOf(name)); err == nil && c.Logging.File != "" {
			files = append(files, c.Logging.File)
		}
	}
	if len(files) == 0 {
		return "/var/log/spectrum2/JID/spectrum2.log"
	}
	return strings.Join(files, ", ")
}
