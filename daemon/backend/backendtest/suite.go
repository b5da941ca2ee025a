// SPDX-License-Identifier: GPL-2.0-or-later

package backendtest

import (
	"fmt"
	"testing"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Harness is a backend under test, with what its network has for the tests.
type Harness struct {
	// Start starts the backend anew, for example with Start or Program. It must
	// hand o on.
	Start func(t *testing.T, o Options) *Main
	// Login is an account that can log in; n tells accounts apart.
	Login func(n int) *pbnetwork.Login
	// Refused is a login that the network refuses, nil where there is none.
	Refused *pbnetwork.Login
	// Contact takes messages, "" where there is none.
	Contact string
	// Echo: Contact sends every text back.
	Echo bool
	// Room can be joined by everybody and holds somebody already, "" where
	// there is none.
	Room string
}

// check is one property that every backend has.
type check struct {
	name string
	run  func(t *testing.T, h Harness, o Options)
}

var checks = []check{
	{"ready after the first ping", checkReady},
	{"login, logout and login again", checkLogin},
	{"a second login replaces the first", checkSecondLogin},
	{"a refused login says why", checkRefused},
	{"several users", checkUsers},
	{"messages keep their order", checkOrder},
	{"each message has one result", checkResults},
	{"a room's occupants, the user last", checkRoom},
	{"a change of nick", checkNick},
	{"a vCard request is answered", checkVCard},
	{"an unknown command is answered", checkCommand},
	{"a search is answered", checkSearch},
	{"what it announces can be shown", checkAnnounced},
	{"frames for unknown users", checkUnknownUser},
	{"unknown types are ignored", checkUnknownType},
	{"a frame that came before is dropped", checkDuplicate},
	{"frames are acknowledged", checkAcknowledged},
	{"EXIT ends it", checkExit},
	{"the connection's end ends it", checkHangup},
	{"garbage ends it", checkGarbage},
	{"an oversized frame ends it", checkOversized},
}

// Run checks that a backend keeps the protocol, in version 1 and in the
// extension.
func Run(t *testing.T, h Harness) {
	for level := range 2 {
		t.Run(fmt.Sprintf("level %d", level), func(t *testing.T) {
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) { c.run(t, h, Options{Level: level}) })
			}
		})
	}
}

// login logs account n in and returns its user.
func (h Harness) login(m *Main, n int) string {
	m.t.Helper()
	l := h.Login(n)
	m.Send(pbnetwork.WrapperMessage_TYPE_LOGIN, l)
	m.Connected(l.GetUser())
	return l.GetUser()
}
