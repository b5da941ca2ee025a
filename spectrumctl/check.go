// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

// report is what is wrong with one file.
type report struct {
	File     string           `json:"file"`
	Instance string           `json:"instance"`
	OK       bool             `json:"ok"`
	Errors   []config.Problem `json:"errors"`
	Warnings []config.Problem `json:"warnings"`
	jid      string
	ports    []clientPort
	err      error
}

func checkCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "check [NAME|FILE...]",
		Short: "Check configuration files, and say what to write instead",
		Long: `Check configuration files: every mistake with its line and what to write instead, and
what is worth knowing besides, of server mode's certificate too. An argument with a slash, or one that ends in
.cfg, is a file; another is an instance. Without one, all instances are checked.
The exit status is 1 if there is a mistake; warnings alone are none.`,
		Example:           "  spectrumctl check irc\n  spectrumctl check ./new.cfg",
		ValidArgsFunction: t.completeNamesAndFiles,
		RunE: func(c *cobra.Command, args []string) error {
			list, err := t.checkTargets(args)
			if err != nil {
				return cannot("check", err)
			}
			var reports []report
			for _, tr := range list {
				reports = append(reports, t.check(tr))
			}
			findTwins(reports)
			findSharedPorts(reports)
			return t.printReports(reports)
		},
	}
}

// checkTargets are the files behind the arguments, or all.
func (t *tool) checkTargets(args []string) ([]transport, error) {
	if len(args) == 0 {
		list, err := t.transports()
		if err == nil && len(list) == 0 {
			err = fmt.Errorf("there is no configuration file in %s", t.path(transportsDir))
		}
		return list, err
	}
	var list []transport
	for _, arg := range args {
		if strings.ContainsRune(arg, '/') || strings.HasSuffix(arg, ".cfg") {
			list = append(list, transport{name: strings.TrimSuffix(filepath.Base(arg), ".cfg"), file: arg})
			continue
		}
		if err := t.known([]string{arg}); err != nil {
			return nil, err
		}
		list = append(list, transport{name: arg, file: t.fileOf(arg)})
	}
	return list, nil
}

// check checks one file.
func (t *tool) check(tr transport) report {
	r := report{File: tr.file, Instance: tr.name, Errors: []config.Problem{}, Warnings: []config.Problem{}}
	c, warnings, err := readConfig(tr.file)
	r.Warnings = append(r.Warnings, warnings...)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		r.Errors = append(r.Errors, mistakes...)
	case err != nil:
		r.err = err
	default:
		r.OK, r.jid, r.ports = true, c.Service.JID, clientPorts(c)
		r.beyond(t, c)
	}
	return r
}

// findTwins warns where two of the files have one JID: the XMPP server takes
// only one of them.
func findTwins(reports []report) {
	first := map[string]string{}
	for i := range reports {
		r := &reports[i]
		if r.jid == "" {
			continue
		}
		if other, ok := first[r.jid]; ok {
			r.Warnings = append(r.Warnings, config.Problem{File: r.File, Key: "service.jid",
				Text: fmt.Sprintf("%s is the JID of %s, too: only one of them can run", r.jid, other)})
			continue
		}
		first[r.jid] = r.File
	}
}

func (t *tool) printReports(reports []report) error {
	var errs []error
	var bad []string
	for i := range reports {
		r := &reports[i]
		if r.err != nil {
			errs = append(errs, cannot("check "+r.File, r.err))
		} else if !r.OK {
			bad = append(bad, r.Instance)
		}
		if !t.json && r.err == nil {
			t.printReport(*r)
		}
	}
	if t.json {
		errs = append(errs, t.printJSON(reports))
	}
	if len(bad) > 0 {
		errs = append(errs, &failure{err: fmt.Errorf("%s cannot be used as it is", strings.Join(bad, ", ")), code: exitFailed})
	}
	return errors.Join(errs...)
}

func (t *tool) printReport(r report) {
	for _, p := range r.Errors {
		fmt.Fprintf(t.out, "%s %s\n", t.out.Paint(screen.Red, "error:"), screen.Clean(p.String()))
	}
	for _, p := range r.Warnings {
		fmt.Fprintf(t.out, "%s %s\n", t.out.Paint(screen.Yellow, "warning:"), screen.Clean(p.String()))
	}
	if t.legend {
		fmt.Fprintf(t.out, "%s: %s\n", r.File, verdict(len(r.Errors), len(r.Warnings)))
	}
}

// verdict is "no mistakes", or how many.
func verdict(mistakes, warnings int) string {
	text := "no mistakes"
	if mistakes > 0 {
		text = plural(mistakes, "mistake")
	}
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// completeNamesAndFiles completes instances, and files for who types a path.
func (t *tool) completeNamesAndFiles(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if strings.ContainsRune(typed, '/') || strings.HasPrefix(typed, ".") {
		return []string{"cfg"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return t.complete(args), cobra.ShellCompDirectiveNoFileComp
}
