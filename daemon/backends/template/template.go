// SPDX-License-Identifier: GPL-2.0-or-later

// Package template is the example of a backend, written to be copied: a
// network that exists only in this process, with the contact echo, who sends
// everything back, and the room echoroom, where echobot does the same. It uses
// what most backends need from package backend; read it in the order
// template.go, session.go, echo.go, room.go, command.go.
//
// Everybody can log in, with any name and password but "wrong". Where the
// configuration says
//
//	[template]
//	code = 4711
//
// the login asks for that code, as networks do that send one by SMS.
package template

import (
	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// The network's inhabitants, by their legacy names.
const (
	echo     = "echo"
	echoRoom = "echoroom"
	echoBot  = "echobot"
)

// network is what all users of the process share: here only its settings. What
// belongs to one user belongs into his session.
type network struct {
	code string
}

// New makes the network from what the backend was started with.
func New(o backend.Options) (backend.Network, error) {
	n := &network{}
	// Keys of a backend's own are in Sections: every key may be given several
	// times, the last one counts here.
	if v := o.Config.Sections["template"]["code"]; len(v) > 0 {
		n.code = v[len(v)-1]
	}
	return n, nil
}

func (n *network) Describe() backend.Description {
	return backend.Description{
		Program: "spectrum2_template_backend",
		Version: backend.Version,
		Features: pbnetwork.Features{
			NeedPassword:     true,
			NeedRegistration: true,
			Receipts:         true,
			MUC:              true,
		},
	}
}

// NewSession must return at once; the work is done in Run.
func (n *network) NewSession(u *backend.User, login backend.Login) backend.Session {
	return &session{network: n, user: u, login: login, dropped: make(chan struct{}, 1)}
}
