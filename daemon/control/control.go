// SPDX-License-Identifier: GPL-2.0-or-later

// Package control serves an instance's control socket to spectrumctl: HTTP
// over a unix socket, JSON as control/api has it. It decides who may ask,
// bounds what is asked and how long it takes, and turns every refusal into a
// sentence. What the answers are, it leaves to the Instance.
package control

import (
	"context"

	"spectrum.im/spectrum2/daemon/control/api"
)

// Instance is what the control socket asks. All methods may be called
// concurrently, return when ctx ends, and may return an *api.Error to choose
// the code; another error's text is sent to the administrator as it is.
type Instance interface {
	Status(ctx context.Context) api.Status
	// Users are snapshots in any order; they must not wait for a session.
	Users(ctx context.Context) []api.User
	Backends(ctx context.Context) []api.Backend
	// Query runs an administrator's line ("get status"); the answer may have
	// several lines.
	Query(ctx context.Context, line string) (string, error)
	Register(ctx context.Context, r api.Registration) error
	Unregister(ctx context.Context, jid string) error
	// Reload reads the configuration again; on an error the old one stays and
	// the error names every mistake.
	Reload(ctx context.Context) (api.Reload, error)
}

// Clients is what an Instance in server mode has besides. The requests for it
// are answered as not found where the Instance does not have it, or is in
// gateway mode.
type Clients interface {
	// Sessions are snapshots in any order; they must not wait for a client.
	Sessions(ctx context.Context) []api.Session
	// EndSession ends the connection of a full JID, or all of a bare one, and
	// returns how many those were; none is no error.
	EndSession(ctx context.Context, jid string) (int, error)
}
