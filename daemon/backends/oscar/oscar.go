// SPDX-License-Identifier: GPL-2.0-or-later

// Package oscar is the ICQ and AIM backend: it keeps users on one server that
// speaks OSCAR, such as open-oscar-server. It knows OSCAR and the SDK, and
// nothing of XMPP beyond the names that the SDK uses.
//
// A user's session is a link to BOS, the network's main service, which the
// goroutine of Session.Run reads: each SNAC goes to who waits for it or to a
// handler (table). Further services (buddy icons, chat rooms) are links of
// their own. Whatever is sent goes through the limiter, which keeps within the
// server's rate limits. What a server sends is read by cursor, which believes
// numbers and lengths only as far as there are bytes; package wire's decoder is
// not used for it.
package oscar

import (
	"errors"
	"fmt"
	"log/slog"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Program is the name that the backend goes by.
const Program = "spectrum2_oscar_backend"

// Network is the OSCAR backend of one instance.
type Network struct {
	settings settings
	dial     dialer
	maps     classMaps
	handlers table
	logins   loginGate
	icons    iconCache
}

var _ backend.Network = (*Network)(nil)

// New makes the backend. It fails on a configuration with which no user could
// ever log in.
func New(o backend.Options) (backend.Network, error) {
	s, warnings, err := readSettings(o.Config)
	if err != nil {
		return nil, fmt.Errorf("read the network's settings: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for _, w := range warnings {
		log.Warn("a setting has no effect", "setting", w.setting, "reason", w.reason)
	}
	return newNetwork(s), nil
}

func newNetwork(s settings) *Network {
	return &Network{settings: s, dial: dialFrom, handlers: handlers()}
}

// handlers is what BOS may send unasked, by what it is about.
func handlers() table {
	all := table{}
	for _, some := range []table{
		serviceHandlers(), contactHandlers(), messageHandlers(), feedbagHandlers(),
		iconHandlers(),
	} {
		for k, h := range some {
			all[k] = h
		}
	}
	return all
}

// errNoServer: the servers of old are gone, so there is no default.
var errNoServer = errors.New("no server is configured: set host in [oscar], or server in [purple]")

// Describe says what the backend can.
func (n *Network) Describe() backend.Description {
	return backend.Description{
		Program: Program, Version: backend.Version,
		Features: pbnetwork.Features{NeedPassword: true, NeedRegistration: true, MUC: true, Authorization: true},
		Search:   searchForm(), Commands: commandSpecs(),
	}
}

// NewSession is one user's login.
func (n *Network) NewSession(u *backend.User, login backend.Login) backend.Session {
	return n.newSession(u, login)
}
