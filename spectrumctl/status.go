// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/screen"
	"spectrum.im/spectrum2/spectrumctl/units"
)

func statusCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "status [NAME...]",
		Short: "Show how instances are, in detail",
		Long: `Show how instances are, in detail; without a name, all of them. The exit status
is 3 if one of them does not run.`,
		ValidArgsFunction: t.completeNames,
		RunE: func(c *cobra.Command, args []string) error {
			wanted, err := t.targets(args)
			if err != nil {
				return cannot("show the status", err)
			}
			list := t.inspectAll(c.Context(), wanted)
			if t.json {
				err = t.printJSON(list)
			} else {
				t.printStatus(list)
			}
			return errors.Join(err, notRunning(list))
		},
	}
}

// inspectAll looks at the named instances, one after the other.
func (t *tool) inspectAll(ctx context.Context, wanted []string) []*instance {
	m, err := units.Connect(ctx, t.root, t.getenv)
	if err == nil {
		defer m.Close()
	}
	stop := t.err.Progress("asking the instances")
	defer stop()
	var list []*instance
	for _, name := range wanted {
		if t.socket != "" {
			list = append(list, t.inspectSocket(ctx, name))
			continue
		}
		list = append(list, t.inspect(ctx, m, transport{name: name, file: t.fileOf(name)}))
	}
	return list
}

// inspectSocket looks at the instance behind --socket and nothing else.
func (t *tool) inspectSocket(ctx context.Context, name string) *instance {
	i := &instance{Name: name, State: stateStopped, Problems: []string{}}
	c := api.Dial(t.socket)
	defer c.Close()
	i.ask(ctx, c)
	return i
}

// notRunning is the exit status of status.
func notRunning(list []*instance) error {
	var down []string
	for _, i := range list {
		switch i.State {
		case stateStopped, stateFailed, stateBroken, stateMisnamed:
			down = append(down, i.Name)
		}
	}
	if len(down) == 0 {
		return nil
	}
	verb := "is"
	if len(down) > 1 {
		verb = "are"
	}
	return &failure{err: fmt.Errorf("%s %s not running", strings.Join(down, ", "), verb), code: exitNotRunning}
}

func (t *tool) printStatus(list []*instance) {
	for n, i := range list {
		if n > 0 {
			fmt.Fprintln(t.out)
		}
		head := i.Name
		if i.JID != "" {
			head += ": " + i.JID + ", " + i.Mode + ", " + shortBackend(i.Backend)
		}
		fmt.Fprintln(t.out, t.out.Paint(screen.Bold, screen.Clean(head)))
		for _, line := range i.lines() {
			if line[1] == "" {
				continue
			}
			value := screen.Clean(line[1])
			if line[0] == "State" {
				value = t.out.Paint(colourOf(i.State), i.State) + strings.TrimPrefix(value, i.State)
			}
			fmt.Fprintf(t.out, "%10s: %s\n", line[0], value)
		}
	}
}

// lines are the details, label and value; empty values are left out.
func (i *instance) lines() [][2]string {
	state := i.State
	if i.Since != nil {
		state += " since " + i.Since.Local().Format(time.DateTime) + " (" + i.uptime() + ")"
	}
	memory := screen.Bytes(i.Memory)
	if memory != "" && i.Limit > 0 {
		memory += " of " + screen.Bytes(i.Limit)
	}
	out := [][2]string{{"State", state}, {"Status", i.Text}}
	if s := i.Status; s != nil {
		out = append(out, [2]string{"Users", fmt.Sprint(s.Users)}, [2]string{"Backends", backendsLine(*s)},
			[2]string{"Messages", fmt.Sprintf("%d from XMPP, %d to XMPP", s.FromXMPP, s.ToXMPP)})
		if s.Link != nil {
			out = append(out, [2]string{"Link", linkLine(*s.Link)})
		}
		out = append(out, [2]string{"Clients on", strings.Join(s.Listeners, ", ")})
		if s.Certificate != nil {
			out = append(out, [2]string{"TLS", certificateLine(*s.Certificate)}, [2]string{"SHA-256", s.Certificate.Fingerprint})
		}
		out = append(out, [2]string{"Build", s.Build})
	}
	out = append(out, [2]string{"Memory", memory}, [2]string{"Boot", bootLine(i.Enabled, i.OnDemand)}, [2]string{"File", i.File})
	if i.PID > 0 {
		out = append(out, [2]string{"PID", fmt.Sprint(i.PID)})
	}
	if s := i.Status; s != nil && len(s.NeedRestart) > 0 {
		out = append(out, [2]string{"Changed", "needs restart: " + strings.Join(s.NeedRestart, ", ")})
	}
	for _, p := range i.Problems {
		out = append(out, [2]string{"Problem", p})
	}
	return out
}

func backendsLine(s api.Status) string {
	if s.Crashed == 0 {
		return fmt.Sprint(s.Backends)
	}
	return fmt.Sprintf("%d (%d crashed since the start)", s.Backends, s.Crashed)
}

func linkLine(l api.Link) string {
	if l.Text != "" {
		return l.Text
	}
	if l.Connected {
		return "connected to " + l.Address
	}
	return "not connected to " + l.Address
}

func bootLine(enabled *bool, onDemand bool) string {
	switch {
	case enabled == nil:
		return ""
	case *enabled:
		return "enabled"
	case onDemand:
		return "on demand: its first client starts it"
	}
	return "disabled: it does not start with the system"
}
