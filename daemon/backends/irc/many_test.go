// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
)

// TestManyNetworks is one user on two servers, each for as long as he is in a
// room there.
func TestManyNetworks(t *testing.T) {
	one, two := irctest.StartNgircd(t, irctest.Options{}), irctest.StartInspircd(t, irctest.Options{TLS: true})
	first, second := one.Addr(), two.TLSAddr()
	n := network(t, nil, map[string]map[string][]string{
		first: fast(), second: fast("fingerprint", two.Fingerprint),
	})
	alice := play(t, n, backend.Login{LegacyName: "me", Password: "never sent"})
	alice.expect("connected me", "ADMITTED")
	bob := irctest.Dial(t, one.Addr(), "bob")
	carol := irctest.Dial(t, two.Addr(), "carol")
	bob.Join("#room")
	carol.Join("#room")

	alice.join("#room@"+first, "alice")
	alice.expect("participant #room@"+first+"/bob here", "MODERATOR")
	alice.expect("participant #room@" + first + "/alice here me")
	alice.join("#room@"+second, "alison")
	alice.expect("participant #room@" + second + "/alison here me")
	carol.Expect("alison", "JOIN")

	bob.Say("#room", "on one")
	alice.expect("message #room@" + first + "/bob: on one")
	carol.Say("alison", "on two")
	alice.expect("message carol@" + second + "/: on two")
	name := alice.say("carol@"+second, "I hear you")
	carol.Expect("PRIVMSG carol :I hear you")
	alice.expect("delivered " + name)
	name = alice.say("nick@other.example", "hello")
	alice.expect("refused "+name, "join a room there first")

	if got := alice.command("", "status"); !strings.Contains(got, "which network?") {
		t.Errorf("status without a network: %q", got)
	}
	if got := alice.command("", "status", first); !strings.Contains(got, "as alice") {
		t.Errorf("status of the first: %q", got)
	}
	if got := alice.command("#room@"+second, "status"); !strings.Contains(got, "as alison") {
		t.Errorf("status of the second: %q", got)
	}
	alice.say(second, "status")
	alice.expect("message "+second+"/: Connected", "as alison")

	bob.Sync()
	alice.LeaveRoom(alice.ctx, "#room@"+first)
	bob.Expect("alice", "PART")
	alice.join("#room@"+first, "alice")
	alice.expect("participant #room@" + first + "/alice here me")

	carol.Send("KICK #room alison :bye")
	alice.expect("participant #room@"+second+"/alison kicked by carol me", "bye")
	alice.join("#room@127.0.0.1:1", "alice")
	alice.expect("joinfailed #room@127.0.0.1:1/alice remote-server-timeout")
	alice.join("#room@bad host", "alice")
	alice.expect("joinfailed #room@bad host/alice item-not-found")
	alice.join("noat", "alice")
	alice.expect("joinfailed noat/alice item-not-found")
}

// TestManyNetworksEnd is that a network without a room is left, and not left
// by who stays connected.
func TestManyNetworksEnd(t *testing.T) {
	s := irctest.StartNgircd(t, irctest.Options{})
	n := network(t, nil, map[string]map[string][]string{s.Addr(): fast()})
	bob := irctest.Dial(t, s.Addr(), "bob")
	bob.Join("#room")
	for name, stay := range map[string]string{"goes": "0", "stays": "1"} {
		p := play(t, n, backend.Login{LegacyName: name, Settings: map[string]string{"stay_connected": stay}})
		p.join("#room@"+s.Addr(), name)
		p.expect("participant #room@" + s.Addr() + "/" + name + " here me")
		p.LeaveRoom(p.ctx, "#room@"+s.Addr())
		if stay == "1" {
			bob.Expect(name, "PART")
			if got := p.command("", "status"); !strings.Contains(got, "as stays") {
				t.Errorf("status of one who stays: %q", got)
			}
			continue
		}
		bob.Expect(name, "PART")
		for !strings.Contains(p.command("", "status"), "not connected to any") {
			bob.Sync() // its link is ending
		}
	}
}
