// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/screen"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// outcome is what became of one instance in a command on several.
type outcome struct {
	Instance string `json:"instance"`
	OK       bool   `json:"ok"`
	// Text says what was done, Error what could not be.
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"`
	// Details belong to the command, as the reload's result.
	Details any `json:"details,omitempty"`
	err     error
}

// selection is how such a command is told its instances.
type selection struct {
	all *bool
	// running: --all means those that run, not those that have a file.
	running bool
}

// selectFlags adds --all and names' completion to a command.
func (t *tool) selectFlags(c *cobra.Command, running bool) selection {
	what := "all instances that have a file"
	if running {
		what = "all instances that run"
	}
	c.ValidArgsFunction = t.completeNames
	return selection{all: c.Flags().Bool("all", false, what), running: running}
}

// choose returns the instances that a command is about.
func (t *tool) choose(ctx context.Context, s selection, args []string) ([]string, error) {
	switch {
	case *s.all && len(args) > 0:
		return nil, usageError("name instances or say --all, not both")
	case !*s.all && len(args) == 0:
		return nil, usageError("which instance? Name one or several, or say --all")
	case len(args) > 0:
		return args, t.known(args)
	case s.running:
		return t.running(ctx)
	}
	return t.targets(nil)
}

// running lists the instances that systemd runs.
func (t *tool) running(ctx context.Context) ([]string, error) {
	m, err := t.systemd(ctx)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	known, err := m.Known(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range known {
		if s, err := m.State(ctx, name); err == nil && s.Running() {
			out = append(out, name)
		}
	}
	return out, nil
}

// each does something with every instance, several at a time, shows what came
// of it in the instances' order, and returns all errors.
func (t *tool) each(ctx context.Context, list []string, doing string, fn func(ctx context.Context, name string) outcome) error {
	done := make([]outcome, len(list))
	stop := t.err.Progress(doing + " " + strings.Join(list, ", "))
	var wg sync.WaitGroup
	places := make(chan struct{}, 8)
	for n, name := range list {
		wg.Go(func() {
			places <- struct{}{}
			done[n] = fn(ctx, name)
			<-places
		})
	}
	wg.Wait()
	stop()
	return t.showOutcomes(list, done)
}

func (t *tool) showOutcomes(list []string, done []outcome) error {
	var errs []error
	for n := range done {
		o := &done[n]
		o.Instance, o.OK = list[n], o.err == nil
		if o.err != nil {
			o.Error = o.err.Error()
			errs = append(errs, asFailure(o.err))
		} else if !t.json {
			t.sayOutcome(*o)
		}
	}
	if t.json {
		errs = append(errs, t.printJSON(done))
	}
	if len(list) == 0 && !t.json {
		fmt.Fprintln(t.out, "There is no such instance: nothing to do.")
	}
	return errors.Join(errs...)
}

func (t *tool) sayOutcome(o outcome) {
	for _, line := range strings.Split(o.Text, "\n") {
		fmt.Fprintf(t.out, "%s: %s\n", t.out.Paint(screen.Bold, o.Instance), screen.Clean(line))
	}
}

// eachUnit is each for what needs systemd, with one connection for all.
func (t *tool) eachUnit(ctx context.Context, list []string, doing string, fn func(context.Context, *units.Manager, string) (string, error)) error {
	m, err := t.systemd(ctx)
	if err != nil {
		return cannot(doing+" "+strings.Join(list, ", "), err)
	}
	defer m.Close()
	return t.each(ctx, list, doing, func(ctx context.Context, name string) outcome {
		text, err := fn(ctx, m, name)
		return outcome{Text: text, err: err}
	})
}

// completeNames completes the arguments with the instances' names.
func (t *tool) completeNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return t.complete(args), cobra.ShellCompDirectiveNoFileComp
}

// completeOneName completes the first argument alone.
func (t *tool) completeOneName(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.complete(nil), cobra.ShellCompDirectiveNoFileComp
}
