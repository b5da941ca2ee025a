// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
)

func dbCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "db",
		Short: "Look at, migrate or back up an instance's database",
		Long: `Look at, migrate or back up an instance's database. The work is done by the program
spectrum2, as the user that the service runs as, so that nothing is left behind
that the service could not use.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError("db status, db migrate or db backup?")
		},
	}
	c.AddCommand(
		t.dbSubcommand("status", "Show the database's version and what would be migrated"),
		t.dbSubcommand("migrate", "Bring the database's tables to this program's version"),
		t.dbBackupCommand(),
	)
	return c
}

func (t *tool) dbSubcommand(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " NAME|FILE",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.completeNamesAndFiles,
		RunE: func(c *cobra.Command, args []string) error {
			return t.db(c, verb, args[0], nil)
		},
	}
}

func (t *tool) dbBackupCommand() *cobra.Command {
	c := t.dbSubcommand("backup", "Write a consistent copy of the database, while the instance runs")
	output := c.Flags().StringP("output", "o", "", "`file` to write, which must not exist (default: beside the database)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *output == "" {
			return t.db(c, "backup", args[0], nil)
		}
		path, err := filepath.Abs(*output)
		if err != nil {
			return cannot("back up "+args[0], err)
		}
		return t.db(c, "backup", args[0], []string{"--output", path})
	}
	return c
}

// db runs spectrum2 as the service's user.
func (t *tool) db(c *cobra.Command, verb, arg string, more []string) error {
	what := "run db " + verb + " for " + arg
	list, err := t.checkTargets([]string{arg})
	if err != nil {
		return cannot(what, err)
	}
	cfg, _, err := readConfig(list[0].file)
	if err != nil {
		return cannot(what, err)
	}
	file, err := filepath.Abs(list[0].file)
	if err != nil {
		return cannot(what, err)
	}
	program, err := t.daemon()
	if err != nil {
		return cannot(what, err)
	}
	who, err := serviceUser(cfg.Service.WorkingDir)
	if err != nil {
		return cannot(what, err)
	}
	args := []string{"db", verb}
	if t.json {
		args = append(args, "--json")
	}
	cmd := exec.CommandContext(c.Context(), program, append(append(args, more...), file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, t.out.Writer, t.err.Writer
	cmd.Dir, cmd.Env = "/", t.dbEnv(list[0].name)
	who.apply(cmd)
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return cannot(what, fmt.Errorf("spectrum2 ended with %w, and said why above", exit))
	} else if err != nil {
		return cannot(what, err)
	}
	return nil
}

// dbEnv is the program's environment: the service's credentials are where
// systemd keeps them while it runs.
func (t *tool) dbEnv(instance string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=" + t.getenv("LANG")}
	dir := t.getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		dir = t.path("/run/credentials/spectrum2@" + instance + ".service")
	}
	return append(env, "CREDENTIALS_DIRECTORY="+dir)
}

// daemon finds the program spectrum2: beside this one, or in the PATH.
func (t *tool) daemon() (string, error) {
	if self, err := os.Executable(); err == nil {
		if p, err := exec.LookPath(filepath.Join(filepath.Dir(self), "spectrum2")); err == nil {
			return p, nil
		}
	}
	p, err := t.lookPath("spectrum2")
	if err != nil {
		return "", fmt.Errorf("the program spectrum2 is not installed: %w", err)
	}
	return p, nil
}
