// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/spectrumctl/screen"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// The exit statuses, which scripts rely on.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitNotRunning   = 3
	exitNotPermitted = 4
)

// adminHint is the next step for who is not permitted something.
const adminHint = "use sudo, or have yourself added to the group " + systemd.AdminGroup + " and log in again"

// failure is what a command could not do, why, and what to do next.
type failure struct {
	// what completes "cannot …", "" for a sentence that stands alone.
	what string
	err  error
	// next is the next step, "" where there is none.
	next string
	// code is the exit status; 0 follows from err.
	code int
}

func (f *failure) Error() string {
	if f.what == "" {
		return f.err.Error()
	}
	return fmt.Sprintf("cannot %s: %v", f.what, f.err)
}

func (f *failure) Unwrap() error { return f.err }

// cannot is a failure that knows what was to be done.
func cannot(what string, err error) *failure { return &failure{what: what, err: err} }

// then adds the next step.
func (f *failure) then(format string, args ...any) *failure {
	f.next = fmt.Sprintf(format, args...)
	return f
}

func usageError(format string, args ...any) error {
	return &failure{err: fmt.Errorf(format, args...), code: exitUsage}
}

// asFailure marks an error of a command as one of its own.
func asFailure(err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{err: err}
}

// exitCode is the exit status of an error: the first one's if it is joined of
// several. What cobra itself found wrong is usage.
func exitCode(err error) int {
	if list, ok := err.(interface{ Unwrap() []error }); ok && len(list.Unwrap()) > 0 {
		return exitCode(list.Unwrap()[0])
	}
	outer, ok := errors.AsType[*failure](err)
	if !ok {
		return exitUsage
	}
	for f := outer; f != nil; f, _ = errors.AsType[*failure](f.err) {
		if f.code != 0 {
			return f.code
		}
	}
	switch {
	case errors.Is(err, api.ErrNotRunning):
		return exitNotRunning
	case notPermitted(err):
		return exitNotPermitted
	}
	return exitFailed
}

func notPermitted(err error) bool {
	return errors.Is(err, api.ErrNotPermitted) || errors.Is(err, units.ErrNotPermitted) || errors.Is(err, fs.ErrPermission)
}

// report shows an error, or each of a joined one, with the next step.
func (t *tool) report(err error) {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range list.Unwrap() {
			t.report(e)
		}
		return
	}
	text := strings.TrimRight(err.Error(), "\n")
	for i, line := range strings.Split(text, "\n") {
		if i == 0 {
			line = "spectrumctl: " + screen.Clean(line)
		} else {
			line = "  " + screen.Clean(line)
		}
		fmt.Fprintln(t.err, line)
	}
	if next := nextStep(err); next != "" {
		fmt.Fprintln(t.err, "  "+t.err.Paint(screen.Bold, next))
	}
}

// nextStep is what to do now, "" where there is nothing to say or the error's
// own text says it.
func nextStep(err error) string {
	outer, ok := errors.AsType[*failure](err)
	if !ok {
		return `"spectrumctl help" lists the commands`
	}
	for f := outer; f != nil; f, _ = errors.AsType[*failure](f.err) {
		if f.next != "" {
			return f.next
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return "use sudo" // a file is root's; no group helps
	}
	if notPermitted(err) && !strings.Contains(err.Error(), systemd.AdminGroup) {
		return adminHint
	}
	return ""
}
