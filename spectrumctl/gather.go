// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"

	"spectrum.im/spectrum2/daemon/control/api"
)

// answers are lists that several instances gave.
type answers[T any] []answerOf[T]

type answerOf[T any] struct {
	name  string
	items []T
}

// names are the instances that answered.
func (a answers[T]) names() []string {
	var out []string
	for _, l := range a {
		out = append(out, l.name)
	}
	return out
}

// flat makes one list of all, for JSON.
func (a answers[T]) flat(fn func(name string, item T) any) []any {
	out := []any{}
	for _, l := range a {
		for _, item := range l.items {
			out = append(out, fn(l.name, item))
		}
	}
	return out
}

// gather asks the named instances for a list each; without names, all, and
// those that do not run are left out unless none does.
func gather[T any](ctx context.Context, t *tool, args []string, what string, fn func(context.Context, *api.Client) ([]T, error)) (answers[T], error) {
	wanted, err := t.targets(args)
	if err != nil {
		return nil, err
	}
	var out answers[T]
	var errs, down []error
	for _, name := range wanted {
		items, err := ask(ctx, t, name, what+" "+name, fn)
		switch {
		case err == nil:
			out = append(out, answerOf[T]{name, items})
		case errors.Is(err, api.ErrNotRunning) && len(args) == 0:
			down = append(down, err)
		default:
			errs = append(errs, err)
		}
	}
	if len(out) == 0 && len(errs) == 0 {
		errs = down
	}
	return out, errors.Join(errs...)
}
