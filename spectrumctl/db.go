// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
)

func dbCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "db",
		Short: "Look at an instance's database, copy it, encrypt its passwords",
		Long: `Look at an instance's database, migrate it, back it up and restore it, export and
import it, encrypt the passwords in it. The work is done by the program spectrum2,
as the user that the service runs as, so that nothing is left behind that the
service could not use.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError("db status, migrate, backup, restore, export, import, seal, unseal or rekey?")
		},
	}
	c.AddCommand(
		t.dbSubcommand("status", "Show the database's version and what would be migrated", dbRun{}),
		t.dbSubcommand("migrate", "Bring the database's tables to this program's version", dbRun{}),
		t.dbBackupCommand(),
		t.dbRestoreCommand(),
		t.dbExportCommand(),
		t.dbImportCommand(),
		t.dbSubcommand("seal", "Encrypt the passwords in the database with its key", dbRun{stopped: true}),
		t.dbSubcommand("unseal", "Bring the passwords back to the form that the C++ version reads", dbRun{stopped: true}),
		t.dbRekeyCommand(),
	)
	return c
}

// dbRun is how spectrum2 is run for a verb.
type dbRun struct {
	// stopped: the instance must not run.
	stopped bool
	options []string
	stdin   *os.File
	// stdout is the program's; nil is ours.
	stdout io.Writer
}

func (t *tool) dbSubcommand(verb, short string, r dbRun) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " NAME|FILE",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.completeNamesAndFiles,
		RunE: func(c *cobra.Command, args []string) error {
			return t.db(c.Context(), verb, args[0], r)
		},
	}
}

func (t *tool) dbBackupCommand() *cobra.Command {
	c := t.dbSubcommand("backup", "Write a consistent copy of the database, while the instance runs", dbRun{})
	output := c.Flags().StringP("output", "o", "", "`file` to write, which must not exist (default: beside the database)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *output == "" {
			return t.db(c.Context(), "backup", args[0], dbRun{})
		}
		path, err := filepath.Abs(*output)
		if err != nil {
			return cannot("back up "+args[0], err)
		}
		return t.db(c.Context(), "backup", args[0], dbRun{options: []string{"--output", path}})
	}
	return c
}

func (t *tool) dbRekeyCommand() *cobra.Command {
	c := t.dbSubcommand("rekey", "Encrypt the passwords with another key, while the instance runs", dbRun{})
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := t.handOverKeys(c.Context(), args[0]); err != nil {
			return err
		}
		return t.db(c.Context(), "rekey", args[0], dbRun{})
	}
	return c
}

// handOverKeys has a running instance read its configuration again: it has to
// know both keys before the first password is encrypted with the new one.
func (t *tool) handOverKeys(ctx context.Context, arg string) error {
	list, err := t.checkTargets([]string{arg})
	if err != nil {
		return cannot("change the key of "+arg, err)
	}
	if _, err := t.dbConfig(list[0].file); err != nil {
		return cannot("change the key of "+arg, err)
	}
	name := list[0].name
	_, err = ask(ctx, t, name, "give "+name+" the new key", t.askReload(name))
	if errors.Is(err, api.ErrNotRunning) {
		return nil
	}
	return err
}

// db runs spectrum2 as the service's user.
func (t *tool) db(ctx context.Context, verb, arg string, r dbRun) error {
	what := "run db " + verb + " for " + arg
	list, err := t.checkTargets([]string{arg})
	if err != nil {
		return cannot(what, err)
	}
	name := list[0].name
	cfg, err := t.dbConfig(list[0].file)
	if err != nil {
		return cannot(what, err)
	}
	if r.stopped {
		if err := t.mustBeStopped(ctx, name); err != nil {
			return cannot(what, err).then("stop it first: spectrumctl stop %s", name)
		}
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
	credentials, done, err := t.credentials(ctx, cfg, who)
	if err != nil {
		return cannot(what, err)
	}
	defer done()
	args := []string{"db", verb}
	if t.json {
		args = append(args, "--json")
	}
	cmd := exec.CommandContext(ctx, program, append(append(args, r.options...), file)...)
	cmd.Stdout = t.out.Writer
	if r.stdin != nil {
		cmd.Stdin = r.stdin
	}
	if r.stdout != nil {
		cmd.Stdout = r.stdout
	}
	cmd.Dir, cmd.Env = "/", t.dbEnv(credentials)
	who.apply(cmd)
	if err := t.runDaemon(cmd); err != nil {
		return cannot(what, err)
	}
	return nil
}

// mustBeStopped refuses an instance that answers.
func (t *tool) mustBeStopped(ctx context.Context, name string) error {
	c, err := t.client(ctx, name)
	if errors.Is(err, api.ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if _, err = c.Status(ctx); errors.Is(err, api.ErrNotRunning) {
		return nil
	} else if err != nil {
		return fmt.Errorf("find out whether %s runs: %w", name, err)
	}
	return fmt.Errorf("%s is running", name)
}

// dbEnv is the program's environment.
func (t *tool) dbEnv(credentials string) []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=" + t.getenv("LANG"),
		"CREDENTIALS_DIRECTORY=" + credentials,
	}
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
