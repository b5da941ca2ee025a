// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/screen"
)

func adoptCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "adopt",
		Short: "Take over an installation of the C++ version",
		Long: `Look at an installation of the C++ version: its files in /etc/spectrum2/transports,
working directories, logs, databases, libpurple's accounts.xml and old services.
Say what is there and what has to be done, and with --yes do it: files get names
that instances may have, each further domain (vhost) a file of its own, and the
service's user gets the directories and databases. What is changed is kept with
the suffix .cxx. What accounts.xml says and the configuration does not is written
there, where a backend of this version takes libpurple's place. Run again, it does
what is left. The C++ version has to be stopped. Databases are migrated at the
first start, after a copy (SQLite).`,
		Example: "  sudo spectrumctl adopt\n  sudo spectrumctl adopt --yes",
		Args:    cobra.NoArgs,
	}
	f := c.Flags()
	yes := f.Bool("yes", false, "do it")
	dry := f.Bool("dry-run", false, "only say what would be done (the default)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *yes && *dry {
			return usageError("--yes or --dry-run?")
		}
		return t.adopt(c.Context(), *yes)
	}
	return c
}

// adoption is one thing that was found, with what it takes to take it over.
type adoption struct {
	// What it is: a file of the old installation, or the installation itself.
	What string `json:"what"`
	// Instances are the names of those that come of it.
	Instances []string `json:"instances"`
	Found     []string `json:"found"`
	// Steps are to be done, or with --yes were.
	Steps []string `json:"steps"`
	// Notes are for the administrator to see to.
	Notes []string `json:"notes"`
	do    []func() error
	// finished is how many of the steps are done.
	finished int
	// databases are those of the instances, in their order; "" is none.
	databases []string
}

func (a *adoption) found(format string, args ...any) {
	a.Found = append(a.Found, fmt.Sprintf(format, args...))
}

func (a *adoption) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

func (a *adoption) step(do func() error, format string, args ...any) {
	a.Steps = append(a.Steps, fmt.Sprintf(format, args...))
	a.do = append(a.do, do)
}

func (t *tool) adopt(ctx context.Context, yes bool) error {
	all, err := t.findOld(ctx)
	if err != nil {
		return cannot("look at the installation", err)
	}
	var failed error
	if yes {
		failed = runSteps(all)
	}
	if t.json {
		return errors.Join(failed, t.printJSON(map[string]any{"done": yes && failed == nil, "found": all}))
	}
	steps := t.showAdoptions(all)
	switch {
	case failed != nil:
		return failed
	case len(all) == 0:
		fmt.Fprintf(t.out, "There is no configuration in %s.\n", t.path(transportsDir))
	case steps == 0:
		fmt.Fprintln(t.out, "Nothing has to be done.")
	case yes:
		fmt.Fprintln(t.out, "Done. Next: spectrumctl check, then spectrumctl start NAME.")
	default:
		fmt.Fprintln(t.out, "Nothing was changed. To do it: sudo spectrumctl adopt --yes")
	}
	return nil
}

// runSteps stops at the first that fails: running the command again goes on
// there.
func runSteps(all []*adoption) error {
	for _, a := range all {
		for n, do := range a.do {
			if err := do(); err != nil {
				return cannot(a.Steps[n], err).then("then again: sudo spectrumctl adopt --yes")
			}
			a.finished++
		}
	}
	return nil
}

func (t *tool) showAdoptions(all []*adoption) (steps int) {
	for _, a := range all {
		fmt.Fprintln(t.out, t.out.Paint(screen.Bold, screen.Clean(a.What)))
		for _, s := range a.Found {
			fmt.Fprintln(t.out, "  "+screen.Clean(s))
		}
		for n, s := range a.Steps {
			verb := "to do"
			if n < a.finished {
				verb = "done"
			}
			fmt.Fprintln(t.out, "  "+t.out.Paint(screen.Green, verb+": ")+screen.Clean(s))
		}
		for _, s := range a.Notes {
			fmt.Fprintln(t.out, "  "+t.out.Paint(screen.Yellow, "note: ")+screen.Clean(s))
		}
		steps += len(a.Steps)
	}
	return steps
}
