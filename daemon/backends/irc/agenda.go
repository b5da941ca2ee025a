// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import "time"

// agenda is what a link has to do later: at most one entry of each kind. It
// starts no goroutines; the link's loop sleeps until next.
type agenda map[task]time.Time

// task names something that a link does at a time.
type task string

// set replaces the entry of that kind.
func (a agenda) set(t task, at time.Time) { a[t] = at }

// earlier sets the entry unless there is an earlier one.
func (a agenda) earlier(t task, at time.Time) {
	if old, ok := a[t]; !ok || at.Before(old) {
		a[t] = at
	}
}

func (a agenda) cancel(t task) { delete(a, t) }

// next is when something is due, if anything is.
func (a agenda) next() (at time.Time, ok bool) {
	for _, when := range a {
		if !ok || when.Before(at) {
			at, ok = when, true
		}
	}
	return at, ok
}

// due takes one entry whose time has come.
func (a agenda) due(now time.Time) (task, bool) {
	for t, when := range a {
		if !when.After(now) {
			delete(a, t)
			return t, true
		}
	}
	return "", false
}
