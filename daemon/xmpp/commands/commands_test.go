// SPDX-License-Identifier: GPL-2.0-or-later

package commands_test

import (
	"reflect"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

func TestRoundTrip(t *testing.T) {
	want := &commands.Command{
		Node: "register", SessionID: "1", Status: commands.Executing, Actions: []string{commands.Prev, commands.Complete},
		Default: commands.Complete, Notes: []commands.Note{{commands.Info, "a"}, {commands.Error, "b"}},
		Form: dataform.New(dataform.TypeForm, "t"),
	}
	if got := commands.Parse(want.Element()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	request := commands.Parse(commands.Command{Node: "n", Action: commands.Cancel}.Element())
	if request.Action != commands.Cancel || request.Form != nil || request.Status != "" {
		t.Errorf("%+v", request)
	}
	if commands.Parse(xmpp.New("urn:x", "command")) != nil {
		t.Error("a command out of nothing")
	}
}

func TestErrorReply(t *testing.T) {
	iq := xmpp.NewIQ("set", "a@b", "c", "1")
	for condition, want := range map[string]string{commands.SessionExpired: xmpp.NotAllowed, commands.BadAction: xmpp.BadRequest} {
		r := commands.ErrorReply(iq, condition, "why")
		if c, text := xmpp.ErrorOf(r); c != want || text != "why" || r.Child(xmpp.NSClient, "error").Child(commands.NS, condition) == nil {
			t.Errorf("%s: %v", condition, r)
		}
	}
	if commands.ErrorReply(xmpp.Result(iq), commands.BadAction, "") != nil {
		t.Error("reply to a result")
	}
}
