// SPDX-License-Identifier: GPL-2.0-or-later

package controltest

import (
	"context"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/control/api"
)

// Sessions answers what Connect said; State.Mode decides whether it is asked.
func (i *Instance) Sessions(context.Context) []api.Session {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.sessions)
}

// Connect makes clients be connected.
func (i *Instance) Connect(sessions ...api.Session) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sessions = append(i.sessions, sessions...)
}

// EndSession disconnects them.
func (i *Instance) EndSession(_ context.Context, jid string) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := len(i.sessions)
	i.sessions = slices.DeleteFunc(i.sessions, func(s api.Session) bool {
		bare, _, _ := strings.Cut(s.JID, "/")
		return s.JID == jid || bare == jid
	})
	return before - len(i.sessions), nil
}
