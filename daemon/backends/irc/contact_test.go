// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestContactsComeAndGo(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "Bob")
		alice.Roster(alice.ctx, []backend.Contact{{Name: "bob"}, {Name: "carol"}})
		// ISON, where there is no MONITOR, finds both at its first round.
		alice.expect("contact bob STATUS_ONLINE")
		alice.RemoveContact(alice.ctx, "carol")
		alice.join("#room", "alice")
		alice.expect("subject #room")
		bob.Join("#room")
		bob.Send("AWAY :for lunch")
		bob.Sync()
		alice.say("bob", "there?")
		alice.expect("contact bob STATUS_AWAY for lunch")
		bob.Say("alice", "now I am") // under the name that the contact has
		alice.expect("message bob/: now I am")
		bob.Send("QUIT")
		alice.expect("contact bob STATUS_NONE")
	})
}

func TestAwayInRooms(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		bob.Send("AWAY :for lunch")
		bob.Join("#room")
		alice.join("#room", "alice")
		alice.expect("participant #room/bob away") // by WHO
		alice.SetStatus(alice.ctx, backend.Status{Type: pbnetwork.StatusType_STATUS_DND, Text: "working"})
		alice.command("", "whois", "alice")
		bob.Send("WHOIS alice")
		bob.Expect(" 301 ", "working")
		alice.SetStatus(alice.ctx, backend.Status{Type: pbnetwork.StatusType_STATUS_ONLINE, Text: "back"})
		alice.command("", "whois", "alice")
		bob.Sync()
		bob.Send("PRIVMSG alice :are you?")
		bob.Sync()
		if strings.Contains(bob.Seen(), "301 bob alice :back") {
			t.Error("alice is away with the status of being there")
		}
	})
}

func TestCommands(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		bob.Join("#room")
		alice.join("#other", "alice")
		alice.expect("subject #other")
		for _, c := range []struct{ line, want string }{
			{"help", "whois NICK - who somebody is"},
			{"status", "Connected to 127.0.0.1 as alice"},
			{"whois bob", "bob of the test"},
			{"whois nobodyhere", "error: "},
			{"list", "#room (1)"},
			{"mode #other", "Modes of #other: +"},
			{"mode #other +s", "Sent"},
			{"invite #other bob", "Sent"},
			{"away fishing", "Sent"},
			{"nosuchcommand", `error: there is no command "nosuchcommand"`},
			{"kick", "error: usage: kick"},
			{"part #nowhere", "error: You are not in #nowhere"},
			{"raw PRIVMSG bob :raw words", "Sent"},
			{"msg bob in private", "Sent"},
		} {
			words := strings.Fields(c.line)
			if got := alice.command("", words[0], words[1:]...); !strings.Contains(got, c.want) {
				t.Errorf("%s: %q, want %q", c.line, got, c.want)
			}
		}
		bob.Expect("INVITE bob", "#other")
		bob.Expect("PRIVMSG bob :raw words")
		bob.Expect("PRIVMSG bob :in private")
		if got := alice.command("#other", "topic", "#other", "the", "news"); got != "Sent" {
			t.Errorf("topic: %q", got)
		}
		alice.expect("subject #other/alice: the news")
		alice.say("127.0.0.1", "status")
		alice.expect("delivered")
		alice.expect("message 127.0.0.1/: Connected to 127.0.0.1 as alice")
		for _, line := range []string{"/whois", "/me", "/", "/ "} {
			name := alice.say("bob", line) // answered, not crashed upon
			alice.expect("", name)
		}
		bob.Join("#other")
		alice.expect("participant #other/bob here")
		if got := alice.command("#other", "kick", "bob", "off", "you", "go"); got != "Sent" {
			t.Errorf("kick: %q", got)
		}
		alice.expect("participant #other/bob kicked by alice", "off you go")
		if got := alice.command("#other", "part"); got != "You have left #other" {
			t.Errorf("part: %q", got)
		}
		alice.expect("participant #other/alice gone me")
	})
}

func TestCTCP(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		bob.Say("alice", "\x01VERSION\x01")
		bob.Expect("NOTICE bob :\x01VERSION Spectrum 2")
		bob.Say("alice", "\x01PING 12345\x01")
		bob.Expect("NOTICE bob :\x01PING 12345\x01")
		answer := make(chan string, 1)
		go func() { answer <- alice.command("", "ctcp", "bob", "version") }()
		bob.Expect("PRIVMSG bob :\x01VERSION\x01")
		bob.Send("NOTICE alice :\x01VERSION testclient 1\x01")
		if got := <-answer; got != "VERSION: testclient 1" {
			t.Errorf("ctcp: %q", got)
		}
	})
}

func TestVCard(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		irctest.Dial(t, s.Addr(), "bob")
		card, err := alice.VCard(alice.ctx, "bob")
		if err != nil || card.FullName != "bob of the test" || card.Nickname != "bob" {
			t.Errorf("vCard of bob: %+v, %v", card, err)
		}
	})
}

func TestDisconnectAndReconnectCommands(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		alice.join("#room", "alice")
		alice.expect("subject #room")
		alice.command("", "reconnect")
		alice.expect("participant #room/alice here me")
		alice.command("", "disconnect")
		alice.expect("participant #room/alice gone me")
		if got := alice.command("", "status"); !strings.Contains(got, "Not connected") {
			t.Errorf("status: %q", got)
		}
		alice.command("", "reconnect")
		alice.expect("connected alice") // or alice_, where the server still has the old one
		alice.join("#room", "alice")
		alice.expect("participant #room/alice", "here me")
	})
}

func TestFormats(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		bob.Say("alice", "\x02bold\x0f and \x0304,01red\x03 plain")
		alice.expect("message bob/: bold and red plain")
		bob.Say("alice", "Gr\xfc\xdfe")
		alice.expect("message bob/: ", "Gr")
	})
}
