// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import "time"

// Times are the durations that tests of real processes shorten; 0 leaves one
// as it is.
type Times struct {
	Ping, Start, Hello, Write, Frame, Exit, Term, Abort, Idle, Stable, Retry time.Duration
}

// Shorten changes a Manager's durations before Run.
func Shorten(m *Manager, t Times) {
	for _, d := range []struct {
		to   *time.Duration
		from time.Duration
	}{
		{&m.t.ping, t.Ping}, {&m.t.start, t.Start}, {&m.t.hello, t.Hello}, {&m.t.write, t.Write}, {&m.t.frame, t.Frame},
		{&m.t.exit, t.Exit}, {&m.t.term, t.Term}, {&m.t.abort, t.Abort}, {&m.t.idle, t.Idle}, {&m.t.stable, t.Stable},
		{&m.t.retry, t.Retry}, {&m.t.retryX, t.Retry},
	} {
		if d.from > 0 {
			*d.to = d.from
		}
	}
}

// Exported for the tests.
var (
	Token       = token
	SplitWords  = splitWords
	FindProgram = findProgram
	Forwardable = forwardable
)
