// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// job has systemd do something with an instance, waits for it, and explains a
// failure with what the service and the journal say.
func (t *tool) job(ctx context.Context, m *units.Manager, verb units.Verb, name string) error {
	err := m.Do(ctx, verb, name)
	var failed *units.JobError
	if !errors.As(err, &failed) {
		if err != nil {
			return cannot(fmt.Sprintf("%s %s", verb, name), err)
		}
		return nil
	}
	return t.explain(ctx, m, verb, name, failed)
}

// explain says why a job failed.
func (t *tool) explain(ctx context.Context, m *units.Manager, verb units.Verb, name string, failed *units.JobError) error {
	s, err := m.State(ctx, name)
	if err != nil {
		return cannot(fmt.Sprintf("%s %s", verb, name), errors.Join(failed, err))
	}
	text := failed.Error()
	if s.Result != "" && s.Result != "success" {
		text = "the service failed: " + s.Why()
	}
	if s.Text != "" {
		text += "; it said: " + s.Text
	}
	if lines := t.lastLines(ctx, s.Invocation); len(lines) > 0 {
		text += "\n" + strings.Join(lines, "\n")
	}
	f := cannot(fmt.Sprintf("%s %s", verb, name), errors.New(text))
	return f.then("more: spectrumctl logs %s", name)
}

// checkFile refuses an instance whose file has mistakes, with all of them. A
// file that the caller may not read is the service's to judge.
func (t *tool) checkFile(verb units.Verb, name string) error {
	_, _, err := readConfig(t.fileOf(name))
	if _, ok := errors.AsType[config.Errors](err); !ok {
		return nil
	}
	f := cannot(fmt.Sprintf("%s %s", verb, name), fmt.Errorf("its configuration has mistakes:\n%w", err))
	return f.then("mend them, then: spectrumctl check %s", name)
}

// loaded refuses an instance whose unit systemd cannot use.
func loaded(s units.State, verb units.Verb, name string) error {
	what, unit := fmt.Sprintf("%s %s", verb, name), systemd.ServiceUnit(name)
	switch s.Load {
	case "loaded":
		return nil
	case "masked":
		return cannot(what, fmt.Errorf("somebody masked %s", unit)).then("sudo systemctl unmask %s", unit)
	case "not-found":
		return cannot(what, errors.New("the unit spectrum2@.service is not installed")).
			then("install the package spectrum2, or run systemctl daemon-reload")
	}
	return cannot(what, fmt.Errorf("systemd cannot use %s (%s)", unit, s.Load)).then("systemd-analyze verify %s says why", unit)
}

// started is what is said after a start: what the service says of itself.
func started(ctx context.Context, m *units.Manager, word, name string) string {
	s, err := m.State(ctx, name)
	if err != nil || s.Text == "" {
		return word
	}
	return word + ": " + s.Text
}
