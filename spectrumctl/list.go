// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/screen"
)

func listCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List all instances, also stopped and broken ones",
		Long: `List all instances: those that have a file, whether or not they run, and those
that systemd knows without one. A file with mistakes is "broken", a file whose
name cannot be an instance is "misnamed"; what is wrong stands below the table.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			stop := t.err.Progress("asking the instances")
			list, err := t.survey(c.Context())
			stop()
			if err != nil {
				return cannot("list the instances", err)
			}
			if t.json {
				return t.printJSON(list)
			}
			return t.printList(list)
		},
	}
}

// printList shows the table, and below it what is wrong.
func (t *tool) printList(list []*instance) error {
	if len(list) == 0 {
		if t.legend {
			fmt.Fprintf(t.out, "There is no instance in %s. Make one: spectrumctl new NAME\n", t.path(transportsDir))
		}
		return nil
	}
	table := &screen.Table{
		Head:  []string{"NAME", "JID", "MODE", "BACKEND", "STATE", "USERS", "BACKENDS", "MEMORY", "UPTIME"},
		Right: map[int]bool{5: true, 6: true, 7: true, 8: true},
	}
	for _, i := range list {
		table.Cells(screen.Cell{Text: i.Name}, screen.Cell{Text: i.JID}, screen.Cell{Text: i.Mode},
			screen.Cell{Text: shortBackend(i.Backend)}, screen.Cell{Text: i.State, Colour: colourOf(i.State)},
			screen.Cell{Text: count(i.Users)}, screen.Cell{Text: count(i.Backends)},
			screen.Cell{Text: screen.Bytes(i.Memory)}, screen.Cell{Text: i.uptime()})
	}
	if err := table.Write(t.out, t.legend); err != nil {
		return err
	}
	if t.legend {
		t.printProblems(list)
	}
	return nil
}

func (t *tool) printProblems(list []*instance) {
	first := true
	for _, i := range list {
		problems := i.Problems
		if i.State == stateReconnecting { // what is away
			problems = append([]string{i.Text}, problems...)
		}
		for _, p := range problems {
			if first {
				fmt.Fprintln(t.out)
				first = false
			}
			fmt.Fprintf(t.out, "%s: %s\n", t.out.Paint(screen.Bold, i.Name), screen.Clean(p))
		}
	}
}

func (i *instance) uptime() string {
	if i.Since == nil {
		return ""
	}
	return screen.Since(*i.Since)
}

func count(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func colourOf(state string) screen.Colour {
	switch state {
	case stateRunning:
		return screen.Green
	case stateFailed, stateBroken, stateMisnamed:
		return screen.Red
	case stateStopped:
		return screen.Dim
	}
	return screen.Yellow
}

// printJSON prints v as the whole output.
func (t *tool) printJSON(v any) error {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
