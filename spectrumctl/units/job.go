// SPDX-License-Identifier: GPL-2.0-or-later

package units

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/systemd"
)

// Verb is what a job does with a unit.
type Verb string

// The verbs, as systemd calls them.
const (
	Start   Verb = "start"
	Stop    Verb = "stop"
	Restart Verb = "restart"
	Reload  Verb = "reload"
)

// JobError is a job that did not end well.
type JobError struct {
	Verb Verb
	Unit string
	// Result is systemd's: canceled, timeout, failed, dependency, skipped.
	Result string
}

func (e *JobError) Error() string {
	switch e.Result {
	case "canceled":
		return fmt.Sprintf("another request to systemd replaced the %s of %s", e.Verb, e.Unit)
	case "timeout":
		return fmt.Sprintf("the %s of %s took longer than systemd waits", e.Verb, e.Unit)
	case "dependency":
		return fmt.Sprintf("a unit that %s needs failed", e.Unit)
	case "skipped":
		return fmt.Sprintf("%s is not in a state for %s", e.Unit, e.Verb)
	}
	return fmt.Sprintf("%s failed", e.Unit)
}

// Do asks systemd for a job on the instance's service and waits until it is
// done. A job that ends otherwise is a *JobError; when ctx ends first, the job
// goes on.
func (m *Manager) Do(ctx context.Context, verb Verb, instance string) error {
	return m.DoUnit(ctx, verb, systemd.ServiceUnit(instance))
}

// DoUnit is Do for any unit.
func (m *Manager) DoUnit(ctx context.Context, verb Verb, unit string) error {
	done := make(chan string, 1)
	if err := m.submit(ctx, verb, unit, done); err != nil {
		return fmt.Errorf("ask systemd to %s %s: %w", verb, unit, classify(err))
	}
	select {
	case result := <-done:
		if result != "done" {
			return &JobError{Verb: verb, Unit: unit, Result: result}
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the %s of %s, which goes on: %w", verb, unit, context.Cause(ctx))
	}
}

func (m *Manager) submit(ctx context.Context, verb Verb, unit string, done chan<- string) error {
	var err error
	switch verb {
	case Start:
		_, err = m.conn.StartUnitContext(ctx, unit, "replace", done)
	case Stop:
		_, err = m.conn.StopUnitContext(ctx, unit, "replace", done)
	case Restart:
		_, err = m.conn.RestartUnitContext(ctx, unit, "replace", done)
	case Reload:
		_, err = m.conn.ReloadUnitContext(ctx, unit, "replace", done)
	default:
		err = fmt.Errorf("no job is called %q", verb)
	}
	return err
}
