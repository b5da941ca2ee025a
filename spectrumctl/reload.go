// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/units"
)

func reloadCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "reload NAME... | --all",
		Short: "Have instances read their configuration again",
		Long: `Have running instances read their configuration again. The file is read whole: with
a mistake in it, the old configuration stays and every mistake is printed. What
cannot change in a running instance is named: "needs restart: service.port".`,
		Example: "  spectrumctl reload irc",
	}
	s := t.selectFlags(c, true)
	c.Flags().BoolVar(&t.direct, "control-only", false, "use the control socket alone, without systemd (what its unit does)")
	c.RunE = func(c *cobra.Command, args []string) error {
		list, err := t.reloadTargets(c.Context(), s, args)
		if err != nil {
			return err
		}
		var m *units.Manager
		if !t.direct && t.socket == "" {
			if m, err = units.Connect(c.Context(), t.root, t.getenv); err == nil {
				defer m.Close()
			}
		}
		return t.each(c.Context(), list, "reload", func(ctx context.Context, name string) outcome {
			return t.reload(ctx, m, name)
		})
	}
	return c
}

// reloadTargets is choose; over the control socket alone, the instances that
// run are those that answer.
func (t *tool) reloadTargets(ctx context.Context, s selection, args []string) ([]string, error) {
	if t.socket != "" && len(args) == 0 {
		return t.targets(nil)
	}
	if !*s.all {
		if t.direct && len(args) > 0 {
			return args, nil // systemd's word that it exists
		}
		return t.choose(ctx, s, args)
	}
	if len(args) > 0 {
		return t.choose(ctx, s, args)
	}
	list, err := t.running(ctx)
	if errors.Is(err, units.ErrNoSystemd) {
		return t.answering(), nil
	}
	return list, err
}

// answering lists the instances with a control socket.
func (t *tool) answering() []string {
	list, _ := t.transports()
	var out []string
	for _, name := range names(list) {
		if c, err := dialFirst(name, api.SocketPaths(t.root, name, t.getenv)); err == nil {
			c.Close()
			out = append(out, name)
		}
	}
	return out
}

// reload reloads one, through systemd if it runs the instance, so that the job
// is seen there.
func (t *tool) reload(ctx context.Context, m *units.Manager, name string) outcome {
	if m != nil {
		if s, err := m.State(ctx, name); err == nil && s.Reachable() {
			return t.reloadUnit(ctx, m, name)
		}
	}
	r, err := ask(ctx, t, name, "reload "+name, t.askReload(name))
	if err != nil {
		return outcome{err: err}
	}
	return outcome{Text: reloadText(r), Details: r}
}

// reloadUnit has systemd reload the service and asks the instance what it
// did.
func (t *tool) reloadUnit(ctx context.Context, m *units.Manager, name string) outcome {
	jobErr := m.Do(ctx, units.Reload, name)
	var failed *units.JobError
	if jobErr != nil && !errors.As(jobErr, &failed) {
		return outcome{err: cannot("reload "+name, jobErr)}
	}
	s, err := ask(ctx, t, name, "see what the reload of "+name+" did", func(ctx context.Context, c *api.Client) (api.Status, error) { return c.Status(ctx) })
	last := s.LastReload
	switch {
	case failed != nil && (err != nil || last == nil || last.Error == nil):
		return outcome{err: t.explain(ctx, m, units.Reload, name, failed)}
	case failed != nil:
		return outcome{err: cannot("reload "+name, last.Error).then("the old configuration stays in force")}
	case err != nil || last == nil || last.Result == nil:
		return outcome{Text: "reloaded"} // done, and nobody permitted us to see what
	}
	return outcome{Text: reloadText(*last.Result), Details: *last.Result}
}

// reloadText is what a reload did, for people.
func reloadText(r api.Reload) string {
	lines := []string{"reloaded, nothing changed"}
	inForce := slices.DeleteFunc(slices.Clone(r.Changed), func(key string) bool { return slices.Contains(r.NeedRestart, key) })
	if len(inForce) > 0 {
		lines[0] = "reloaded: " + strings.Join(inForce, ", ")
	} else if len(r.NeedRestart) > 0 {
		lines[0] = "reloaded"
	}
	if len(r.NeedRestart) > 0 {
		lines = append(lines, "needs restart: "+strings.Join(r.NeedRestart, ", "))
	}
	for _, w := range r.Warnings {
		lines = append(lines, "warning: "+w)
	}
	return strings.Join(lines, "\n")
}
