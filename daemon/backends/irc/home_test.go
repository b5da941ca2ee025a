// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// TestNameCarriesNetwork is server mode's nick@network: that network checks the
// password, and the session lasts as long as it.
func TestNameCarriesNetwork(t *testing.T) {
	s := irctest.StartErgo(t, irctest.Options{Accounts: map[string]string{"alice": "secret"}})
	n := network(t, nil, map[string]map[string][]string{s.Addr(): fast()})
	bob := irctest.Dial(t, s.Addr(), "bob")
	bob.Join("#room")

	alice := play(t, n, backend.Login{LegacyName: "alice@" + s.Addr(), Password: "secret"})
	alice.expect("connected alice", "AUTHENTICATED")
	alice.join("#room@"+s.Addr(), "alice")
	alice.expect("participant #room@" + s.Addr() + "/alice here me")
	bob.Say("alice", "hello")
	alice.expect("message bob@" + s.Addr() + "/: hello")
	name := alice.say("bob@"+s.Addr(), "good day")
	bob.Expect("PRIVMSG bob :good day")
	alice.expect("delivered " + name)

	// The network is not left with its last room.
	alice.LeaveRoom(alice.ctx, "#room@"+s.Addr())
	bob.Expect("alice", "PART")
	bob.Say("alice", "still here?")
	alice.expect("message bob@" + s.Addr() + "/: still here?")

	wrong := play(t, n, backend.Login{LegacyName: "alice@" + s.Addr(), Password: "guessed"})
	if err := wantError(t, wrong, pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED); !strings.Contains(err.Text, "refused") {
		t.Errorf("the user is told %q", err.Text)
	}
}

// TestNickWithoutAccount: a password for a nick that nobody registered is no
// obstacle, and proves nothing.
func TestNickWithoutAccount(t *testing.T) {
	s := irctest.StartErgo(t, irctest.Options{})
	n := network(t, []string{s.Addr()}, map[string]map[string][]string{s.Addr(): fast()})
	play(t, n, backend.Login{LegacyName: "romeo", Password: "whatever"}).expect("connected romeo", "ADMITTED")
}

// TestMessageRightBehindTheJoin is a client that joins, says one thing and goes.
func TestMessageRightBehindTheJoin(t *testing.T) {
	s := irctest.StartErgo(t, irctest.Options{})
	n := network(t, []string{s.Addr()}, nil)
	bob := irctest.Dial(t, s.Addr(), "bob")
	bob.Join("#room")
	alice := play(t, n, backend.Login{LegacyName: "alice"})
	alice.expect("connected alice")
	alice.join("#room", "alice")
	name := alice.say("#room", "but soft!")
	bob.Expect("PRIVMSG #room :but soft!")
	alice.expect("delivered " + name)
}

// TestWhoWritesAndLeavesHasWritten: what the pace held back goes out before the
// QUIT.
func TestWhoWritesAndLeavesHasWritten(t *testing.T) {
	s := irctest.StartErgo(t, irctest.Options{})
	n := network(t, []string{s.Addr()}, nil)
	bob := irctest.Dial(t, s.Addr(), "bob")
	bob.Join("#room")
	alice := play(t, n, backend.Login{LegacyName: "alice"})
	alice.expect("connected alice")
	alice.join("#room", "alice")
	alice.expect("participant #room/alice here me")
	for i := range 8 { // more than go out at once
		alice.say("#room", "line "+strconv.Itoa(i))
	}
	alice.end()
	for i := range 8 {
		bob.Expect("PRIVMSG #room :line " + strconv.Itoa(i))
	}
	bob.Expect("alice", "QUIT")
}

// TestOnlyPublicOrNamedNetworks: users cannot make the transport connect to its
// own machine or network.
func TestOnlyPublicOrNamedNetworks(t *testing.T) {
	s := irctest.StartNgircd(t, irctest.Options{})
	n := network(t, nil, nil)
	alice := play(t, n, backend.Login{LegacyName: "alice@" + s.Addr()})
	if err := wantError(t, alice, pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_SETTINGS); !strings.Contains(err.Text, "is not a public server") {
		t.Errorf("the user is told %q", err.Text)
	}
	many := play(t, n, backend.Login{LegacyName: "me"})
	many.expect("connected me")
	many.join("#room@"+s.Addr(), "alice")
	many.expect("joinfailed #room@"+s.Addr()+"/alice", "is not a public server")

	listed := network(t, nil, nil)
	listed.config.Sections["irc"] = map[string][]string{"network": {"irc.example.org"}}
	other := play(t, listed, backend.Login{LegacyName: "alice@irc.example.net"})
	if err := wantError(t, other, pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME); !strings.Contains(err.Text, "certain networks only: irc.example.org") {
		t.Errorf("the user is told %q", err.Text)
	}

	for addr, want := range map[string]bool{
		"192.0.2.1": true, "2001:db8::1": true, "8.8.8.8": true, "127.0.0.1": false, "10.1.2.3": false, "169.254.169.254": false,
		"100.64.1.1": false, "::1": false, "fe80::1": false, "fd00::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "::ffff:0:127.0.0.1": false, "fec0::1": false, "64:ff9b::7f00:1": false, "0.0.0.0": false,
	} {
		if got := public(netip.MustParseAddr(addr).Unmap()); got != want {
			t.Errorf("%s counts as public: %v, want %v", addr, got, want)
		}
	}
}
