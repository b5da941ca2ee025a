// SPDX-License-Identifier: GPL-2.0-or-later

// Package irc is the IRC backend: it keeps users on one IRC network
// (service.irc_server) or on any that they join rooms of. It knows IRC and the
// SDK, and nothing of XMPP beyond the names that the SDK uses.
//
// Each user's connection with a network is a link, a state machine that one
// goroutine owns; a reader and a writer move its lines. What the server says
// is handled by one function for each command (handlers), what the user wants
// arrives as functions that the loop carries out.
package irc

import (
	"fmt"
	"net"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Program is the name that the backend goes by.
const Program = "spectrum2_irc_backend"

// Network is the IRC backend of one instance.
type Network struct {
	config *config.Config
	addr   addressing
	// dial connects to configured networks, public to those that users name.
	dial, public dialer
	pacing       *dialPacing
}

var _ backend.Network = (*Network)(nil)

// New makes the backend. It fails on a configuration with which no user could
// ever log in.
func New(o backend.Options) (backend.Network, error) {
	n := &Network{
		config: o.Config, addr: addressing{single: len(o.Config.Service.IRCServer) > 0},
		dial: (&net.Dialer{}).DialContext, public: publicDialer.DialContext, pacing: &dialPacing{},
	}
	if n.addr.single {
		if _, err := networkSettings(o.Config, o.Config.Service.IRCServer); err != nil {
			return nil, fmt.Errorf("read service.irc_server: %w", err)
		}
	}
	return n, nil
}

// Describe says what the backend can. A password is never needed; a
// registration only where there is one network, for it holds the nick.
func (n *Network) Describe() backend.Description {
	return backend.Description{
		Program: Program, Version: backend.Version,
		Features: pbnetwork.Features{
			MUC: true, NeedPassword: false, NeedRegistration: n.addr.single,
			DisableJIDEscaping: true, SendBuddiesOnLogin: true,
		},
	}
}

// NewSession is one user's login.
func (n *Network) NewSession(u *backend.User, login backend.Login) backend.Session {
	return n.newSession(u, login)
}
