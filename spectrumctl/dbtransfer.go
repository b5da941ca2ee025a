// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (t *tool) dbRestoreCommand() *cobra.Command {
	c := t.dbSubcommand("restore", "Put a backup in the database's place", dbRun{})
	c.Use = "restore NAME|FILE BACKUP"
	c.Long = `Put a backup in the database's place, after looking whether it is whole and can be
used. The instance must not run. The database as it was is kept in a file: beside it,
or of a database server in the instance's working directory.`
	c.Args = cobra.ExactArgs(2)
	c.ValidArgsFunction = t.completeNameThenFile
	c.RunE = func(c *cobra.Command, args []string) error {
		return t.dbRead(c, "restore", args[0], args[1], nil)
	}
	return c
}

func (t *tool) dbImportCommand() *cobra.Command {
	c := t.dbSubcommand("import", "Read an export into the database", dbRun{})
	c.Use = "import NAME|FILE EXPORT"
	c.Long = `Read an export, of whatever type of database, into the database. The instance must
not run. A file that was cut off or changed is refused before anything is done.`
	c.Args = cobra.ExactArgs(2)
	c.ValidArgsFunction = t.completeNameThenFile
	merge := c.Flags().Bool("merge", false, "there may be users in the database: the file's are added, and replace what has the same name")
	c.RunE = func(c *cobra.Command, args []string) error {
		var options []string
		if *merge {
			options = []string{"--merge"}
		}
		return t.dbRead(c, "import", args[0], args[1], options)
	}
	return c
}

// dbRead runs a verb that reads a file, which the caller opens: the service's
// user may not be allowed to.
func (t *tool) dbRead(c *cobra.Command, verb, arg, file string, options []string) error {
	f, err := os.Open(file)
	if err != nil {
		return cannot("run db "+verb+" for "+arg, err)
	}
	defer f.Close()
	return t.db(c.Context(), verb, arg, dbRun{stopped: true, options: options, stdin: f})
}

func (t *tool) completeNameThenFile(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return t.completeNamesAndFiles(c, args, typed)
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func (t *tool) dbExportCommand() *cobra.Command {
	c := t.dbSubcommand("export", "Write everything that is in the database to one file of JSON Lines", dbRun{})
	c.Long = `Write everything that is in the database, of whatever type, to one file of JSON
Lines: users with their settings, contacts, waiting messages, rooms, archives and
what their clients keep. The instance may run meanwhile. Only you can read the
file.`
	f := c.Flags()
	output := f.StringP("output", "o", "", "`file` to write, which must not exist, \"-\" for standard output (default: beside the database)")
	passwords := f.Bool("with-passwords", false, "write the passwords of users and rooms, too, readable")
	c.RunE = func(c *cobra.Command, args []string) error {
		var options []string
		if *passwords {
			options = []string{"--with-passwords"}
		}
		return t.dbExport(c, args[0], *output, options)
	}
	return c
}

// dbExport writes to the caller's file as the caller.
func (t *tool) dbExport(c *cobra.Command, arg, output string, options []string) error {
	if output == "" {
		return t.db(c.Context(), "export", arg, dbRun{options: options})
	}
	options = append(options, "--output", "-")
	if output == "-" {
		return t.db(c.Context(), "export", arg, dbRun{options: options})
	}
	what := "export " + arg
	if _, err := os.Lstat(output); err == nil {
		return cannot(what, fmt.Errorf("%s exists already", output))
	}
	f, err := os.CreateTemp(filepath.Dir(output), ".export-*") // 0600
	if err != nil {
		return cannot(what, err)
	}
	defer os.Remove(f.Name())
	if err := t.db(c.Context(), "export", arg, dbRun{options: options, stdout: f}); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return cannot(what, err)
	}
	if err := os.Link(f.Name(), output); err != nil { // never over another file
		return cannot(what, err)
	}
	if t.json {
		return t.printJSON(map[string]string{"export": output})
	}
	_, err = fmt.Fprintf(t.out, "The export is in %s.\n", output)
	return err
}
