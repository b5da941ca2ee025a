// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/session"
)

// Whoever wrote from an IRC server with a port had no address where names are
// not escaped: his messages were dropped.
func TestEveryNameHasAnAddressThatLeadsBack(t *testing.T) {
	for name, wanted := range map[string][2]string{
		"nick@irc.example.org":      {`nick%irc.example.org@gw.example/bot`, `nick\40irc.example.org@gw.example/bot`},
		"nick@irc.example.org:6697": {`nick\40irc.example.org\3a6697@gw.example/bot`, `nick\40irc.example.org\3a6697@gw.example/bot`},
		"#room@127.0.0.1:+7000":     {`#room\40127.0.0.1\3a+7000@gw.example/bot`, `#room\40127.0.0.1\3a+7000@gw.example/bot`},
	} {
		for i, escape := range []bool{false, true} {
			a := session.Addresses{Transport: "gw.example", Escape: escape}
			j, err := a.JID(name, session.ContactResource)
			if err != nil || j.String() != wanted[i] {
				t.Errorf("%s, escape %v: %v, %v", name, escape, j, err)
			}
			if back := a.Name(j); back != name {
				t.Errorf("%s, escape %v: %s is the name %q", name, escape, j, back)
			}
		}
	}
}
