// SPDX-License-Identifier: GPL-2.0-or-later

package blocking_test

import (
	"slices"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
)

func TestAddressesSurvive(t *testing.T) {
	want := []string{"a@b", "c.d", ""}
	e, err := xmpp.Parse([]byte(blocking.Element(blocking.Block, want).String()))
	if err != nil {
		t.Fatal(err)
	}
	if got := blocking.JIDs(e); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestBlockedStanzaIsRefused(t *testing.T) {
	r := blocking.Blocked(xmpp.NewMessage("chat", "me@x/a", "you@x"))
	if condition, _ := xmpp.ErrorOf(r); condition != xmpp.NotAcceptable || r.Child(xmpp.NSClient, "error").Child(blocking.NSErrors, "blocked") == nil {
		t.Errorf("got %s", r)
	}
	if r := blocking.Blocked(xmpp.NewMessage("error", "me@x/a", "you@x")); r != nil {
		t.Errorf("an error was answered with %s", r)
	}
}
