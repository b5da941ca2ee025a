// SPDX-License-Identifier: GPL-2.0-or-later

// Package controltest has an instance for tests of the control socket and of
// what asks it: one that registers, unregisters and reloads, in memory.
package controltest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control/api"
)

// Instance implements control.Instance. The zero value has no users; set the
// fields before it is served.
type Instance struct {
	// State is what Status answers, with the number of users filled in.
	State api.Status
	// Processes are the backends.
	Processes []api.Backend
	// Reloading answers Reload; nil: nothing changed.
	Reloading func(ctx context.Context) (api.Reload, error)

	mu       sync.Mutex
	users    []api.User
	sessions []api.Session
	given    map[string]config.Secret
}

// UseCredentials implements control.Credentials.
func (i *Instance) UseCredentials(given map[string]config.Secret) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.given = given
}

// Credentials are those that UseCredentials was last called with.
func (i *Instance) Credentials() map[string]config.Secret {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.given
}

// Status answers State.
func (i *Instance) Status(context.Context) api.Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.State
	s.Users, s.Backends = len(i.users), len(i.Processes)
	return s
}

// Change changes State while the instance is served.
func (i *Instance) Change(change func(*api.Status)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(&i.State)
}

// Users answers who was registered.
func (i *Instance) Users(context.Context) []api.User {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.users)
}

// Add makes users be there.
func (i *Instance) Add(users ...api.User) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.users = append(i.users, users...)
}

// Backends answers Processes.
func (i *Instance) Backends(context.Context) []api.Backend { return slices.Clone(i.Processes) }

// Query knows "get status" and nothing else.
func (i *Instance) Query(ctx context.Context, line string) (string, error) {
	if line == "panic" {
		panic("asked to")
	}
	if line != "get status" {
		return "Error: Unknown variable or command", nil
	}
	s := i.Status(ctx)
	return fmt.Sprintf("Running (%d users connected using %d backends)", s.Users, s.Backends), nil
}

// Register adds an online user.
func (i *Instance) Register(_ context.Context, r api.Registration) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.indexLocked(r.JID) >= 0 {
		return &api.Error{Code: api.CodeExists, Text: r.JID + " is registered already"}
	}
	text := ""
	if r.Password != "" {
		text = fmt.Sprintf("password of %d bytes", len(r.Password))
	}
	i.users = append(i.users, api.User{JID: r.JID, LegacyName: r.LegacyName, State: "online", Backend: 1, Text: text, Since: time.Now()})
	return nil
}

// Unregister removes one.
func (i *Instance) Unregister(_ context.Context, jid string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := i.indexLocked(jid)
	if n < 0 {
		return &api.Error{Code: api.CodeNotFound, Text: jid + " is not registered"}
	}
	i.users = slices.Delete(i.users, n, n+1)
	return nil
}

func (i *Instance) indexLocked(jid string) int {
	return slices.IndexFunc(i.users, func(u api.User) bool { return u.JID == jid })
}

// Reload does what Reloading says.
func (i *Instance) Reload(ctx context.Context) (api.Reload, error) {
	if i.Reloading == nil {
		return api.Reload{}, nil
	}
	return i.Reloading(ctx)
}
