// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// dbFigures is what was measured of one database.
type dbFigures struct {
	name                string
	imported, importCPU time.Duration
	ready, listed       time.Duration
	login               time.Duration
	turns               float64
	crowd, cpu          time.Duration
	perUser             float64 // KiB
	queued              float64 // messages a second
}

// dbRow is a line of the table. goal is the text of what has to be reached;
// missed says whether it was not.
type dbRow struct {
	what   string
	value  func(*dbFigures) string
	goal   string
	missed func(*dbFigures) bool
}

var dbRows = []dbRow{
	{"start until READY", func(f *dbFigures) string { return seconds(f.ready) }, "under 3 s", func(f *dbFigures) bool { return f.ready >= 3*time.Second }},
	{"  of it: open, list all users", func(f *dbFigures) string { return fmt.Sprintf("%.0f ms", milli(f.listed)) }, "", nil},
	{"one login: database time", func(f *dbFigures) string { return fmt.Sprintf("%.2f ms", milli(f.login)) }, "under 5 ms", func(f *dbFigures) bool { return f.login >= 5*time.Millisecond }},
	{"one login: round trips", func(f *dbFigures) string {
		if f.turns == 0 {
			return "none"
		}
		return fmt.Sprintf("%.1f", f.turns)
	}, "", nil},
	{fmt.Sprintf("%d logins at once", dbCrowd), func(f *dbFigures) string { return seconds(f.crowd) }, "under 3 s", func(f *dbFigures) bool { return f.crowd >= 3*time.Second }},
	{"  processor time of it", func(f *dbFigures) string { return seconds(f.cpu) }, "", nil},
	{"memory for each user online", func(f *dbFigures) string { return fmt.Sprintf("%.0f KiB", f.perUser) }, "", nil},
	{"waiting messages a second", func(f *dbFigures) string { return fmt.Sprintf("%.0f", f.queued) }, "5000 (SQLite)", func(f *dbFigures) bool { return f.name == "SQLite" && f.queued < 5000 }},
	{"import of all of them", func(f *dbFigures) string { return seconds(f.imported) }, "", nil},
	{"  processor time of it", func(f *dbFigures) string { return seconds(f.importCPU) }, "", nil},
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// printFigures returns the goals that were missed.
func printFigures(w io.Writer, all []*dbFigures) (missed []string) {
	fmt.Fprintf(w, "\n%d users with %d contacts each%s", dbUsers, dbContacts, strings.Repeat(" ", 2))
	for _, f := range all {
		fmt.Fprintf(w, "%13s", f.name)
	}
	fmt.Fprintf(w, "   goal\n")
	for _, r := range dbRows {
		fmt.Fprintf(w, "%-33s", r.what)
		for _, f := range all {
			mark := " "
			if r.missed != nil && r.missed(f) {
				mark = "!"
				missed = append(missed, fmt.Sprintf("%s on %s is %s, not %s", strings.TrimSpace(r.what), f.name, r.value(f), r.goal))
			}
			fmt.Fprintf(w, "%12s%s", r.value(f), mark)
		}
		fmt.Fprintf(w, "  %s\n", r.goal)
	}
	return missed
}
