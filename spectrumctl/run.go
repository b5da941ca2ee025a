// SPDX-License-Identifier: GPL-2.0-or-later

// Package spectrumctl is the administrator's tool: a table of commands, one
// file each. It asks systemd over D-Bus, the instances over their control
// sockets, and reads the configuration files; databases and XMPP it leaves to
// the spectrum2 program.
package spectrumctl

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/screen"
)

// Version is what --version prints. The program sets it before Run.
var Version = "devel"

// tool is one run of spectrumctl: its streams, its environment, its global
// flags.
type tool struct {
	in       io.Reader
	out, err *screen.Screen
	env      []string

	// root is put before the paths of the system: for tests.
	root   string
	socket string
	// direct: systemd is not asked whether an instance runs.
	direct  bool
	json    bool
	legend  bool
	noColor bool
}

// Run runs one command line and returns the exit status: 0 done, 1 failed, 2
// usage, 3 not running, 4 not permitted. args are those after the program's
// name, env is as os.Environ has it. When ctx ends, so does what is waited for.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	t := &tool{in: stdin, env: env}
	t.out = screen.New(stdout, false, t.getenv)
	t.err = screen.New(stderr, false, t.getenv)
	root := t.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(t.out)
	root.SetErr(t.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	t.report(err)
	return exitCode(err)
}

// getenv reads the run's environment, not the process's.
func (t *tool) getenv(name string) string {
	for i := len(t.env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(t.env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// rootCommand builds the command tree out of the table.
func (t *tool) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "spectrumctl",
		Short: "Control Spectrum 2 transports",
		Long: `spectrumctl controls the transports of this machine. Each is an instance: one
file NAME.cfg in /etc/spectrum2/transports, one service spectrum2@NAME.`,
		Example:       "  spectrumctl new irc\n  spectrumctl start irc\n  spectrumctl list",
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usageError("which command? \"spectrumctl help\" lists them")
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	t.globalFlags(root)
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title + ":"})
		for _, build := range g.commands {
			c := build(t)
			c.GroupID = g.id
			guard(c)
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID(groups[len(groups)-1].id)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError("%v: \"%s --help\" lists the options", err, c.CommandPath())
	})
	return root
}

func (t *tool) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.BoolVar(&t.json, "json", false, "print JSON for programs instead of tables")
	noLegend := f.Bool("no-legend", false, "leave out column heads and notes")
	f.BoolVar(&t.noColor, "no-color", false, "never use colour (as NO_COLOR in the environment)")
	f.StringVar(&t.socket, "socket", "", "control socket's `path`, instead of where the instance's is looked for")
	f.StringVar(&t.root, "root", t.getenv("SPECTRUM2_ROOT"), "directory put before the system's paths")
	cobra.CheckErr(f.MarkHidden("root"))
	cobra.CheckErr(root.MarkPersistentFlagFilename("socket"))
	root.PersistentPreRun = func(*cobra.Command, []string) {
		t.legend = !*noLegend
		t.out = screen.New(t.out.Writer, t.noColor, t.getenv)
		t.err = screen.New(t.err.Writer, t.noColor, t.getenv)
	}
}

// guard tells what a command could not do from what it was asked wrongly:
// cobra's own errors and those of Args are usage errors, those of RunE are
// failures.
func guard(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if check(c, args) != nil {
				return usageError("these are not the arguments that it takes: %s", c.UseLine())
			}
			return nil
		}
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error { return asFailure(run(c, args)) }
	}
	for _, sub := range c.Commands() {
		guard(sub)
	}
}
