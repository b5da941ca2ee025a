// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// TestNickTooLong: a server that says so before it says its limit.
func TestNickTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, backend.Login{LegacyName: "averylongnick"})
		s.accept()
		s.expect("USER")
		s.send(":irc.example 432 * averylongnick :Nickname too long, max. 9 characters")
		if got := s.expect("NICK"); got != "NICK averylong" {
			t.Errorf("it tried %q", got)
		}
		s.send(":irc.example 433 * averylong :in use")
		if got := s.expect("NICK"); got != "NICK averylon_" {
			t.Errorf("it tried %q", got)
		}
		go s.drain()
		s.send(":irc.example 432 * averylon_ :Erroneous nickname")
		wantError(t, p, pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME)
	})
}

// TestNoNickIsFree: the search ends.
func TestNoNickIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.expect("USER")
		go s.drain()
		for range maxNickTries + 1 {
			s.send(":irc.example 433 * x :in use")
		}
		wantError(t, p, pbnetwork.ConnectionError_CONNECTION_ERROR_NAME_IN_USE)
	})
}

// TestRegain: where nothing tells that the wanted nick is free, it is tried
// every minute.
func TestRegain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.expect("USER")
		s.send(":irc.example 433 * alice :in use")
		s.expect("NICK alice_")
		s.send(":irc.example 001 alice_ :Welcome")
		s.send(":irc.example 422 alice_ :no MOTD")
		p.expect("connected alice_")
		for range 3 {
			s.expect("NICK alice")
			s.send(":irc.example 433 alice_ alice :in use")
		}
		s.expect("NICK alice")
		s.send(":alice_!u@h NICK alice")
		p.expect("connected alice ")
		time.Sleep(regainEvery + time.Second)
		s.send(":irc.example PING x")
		if line := s.expect("P"); strings.HasPrefix(line, "NICK") {
			t.Errorf("it still tries: %q", line)
		}
	})
}

// TestJoinNeverAnswered: the user is told, and others can be joined.
func TestJoinNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.expect("connected")
		for range joinsAtOnce {
			p.join("#void", "alice")
		}
		s.expect("JOIN #void")
		time.Sleep(joinTimeout)
		p.expect("joinfailed #void/alice remote-server-timeout")
		p.join("#room", "alice")
		s.letIn("alice")
		p.expect("participant #room/alice here me")
	})
}

// TestRejoinRefused: a user who may not come back is shown that he is out.
func TestRejoinRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.join("#room", "alice")
		s.letIn("alice")
		p.expect("participant #room/alice here me")
		s.conn.Close()
		s.accept()
		s.welcome("alice", "")
		s.expect("JOIN #room")
		s.send(":irc.example 474 alice #room :Cannot join channel (+b)")
		p.expect("participant #room/alice gone me", "Cannot join channel (+b)")
	})
}

// TestAwayIsAskedFor: without away-notify, every irc_away_timeout.
func TestAwayIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		n.config.Service.IRCAwayTimeout = time.Minute
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.join("#room", "alice")
		s.letIn("alice")
		p.expect("participant #room/alice here me")
		s.expect("WHO #room")
		s.expect("WHO #room")
		s.send(":irc.example 352 alice #room u h irc.example bob G@ :0 Bob")
		p.expect("participant #room/bob away")
		s.expect("WHO #room")
		s.send(":irc.example 352 alice #room u h irc.example bob H@ :0 Bob")
		p.expect("participant #room/bob here")
	})
}

// TestARefusedTopicIsToldInTheRoom: it was told by the network, elsewhere.
func TestARefusedTopicIsToldInTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.join("#room", "alice")
		s.letIn("alice")
		p.expect("participant #room/alice here me")
		if err := p.SetSubject(p.ctx, "#room", "mine"); err != nil {
			t.Fatal(err)
		}
		s.expect("TOPIC #room mine")
		s.send(":irc.example 482 alice #room :You're not a channel operator")
		p.expect("headline #room/: You're not a channel operator")
		s.send(":irc.example 482 alice #elsewhere :You're not a channel operator")
		p.expect("headline ", "#elsewhere: You're not")
	})
}

// TestContactsAwayStateIsAskedFor: the server tells it without a room in common
// only who wants that.
func TestContactsAwayStateIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		play(t, n, alice(""))
		s.accept()
		s.expect("CAP LS")
		s.send(":irc.example CAP * LS :away-notify extended-monitor other")
		if req := s.expect("CAP REQ"); !strings.Contains(req, "extended-monitor") {
			t.Errorf("asked for: %s", req)
		}
	})
}

func TestCommandsOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, fast())
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.join("#room", "alice")
		s.letIn("alice")
		p.expect("participant #room/alice here me")
		for line, want := range map[string]string{
			"ban bob":             "MODE #room +b bob!*@*",
			"ban #room *!*@evil":  "MODE #room +b *!*@evil",
			"identify hunter2":    "PRIVMSG NickServ :IDENTIFY hunter2",
			"nick alison":         "NICK alison",
			"join #other key":     "JOIN #other key",
			"raw MODE alice +i":   "MODE alice +i",
			"kick bob":            "KICK #room bob :",
			"invite carol":        "INVITE carol #room",
			"topic all the news":  "TOPIC #room :all the news",
			"topic #room another": "TOPIC #room another",
		} {
			words := strings.Fields(line)
			if got := p.command("#room", words[0], words[1:]...); strings.HasPrefix(got, "error") {
				t.Errorf("%s: %s", line, got)
			}
			if got := s.expect(want); got != want {
				t.Errorf("%s: sent %q, want %q", line, got, want)
			}
		}
		// A question without an answer.
		if got := p.command("", "whois", "bob"); got != "error: the network did not answer" {
			t.Errorf("whois: %q", got)
		}
		s.send(":irc.example 433 alice alison :Nickname is already in use")
		p.expect("headline irc.example/: The nick alison was refused")
		s.send(":irc.example 354 alice 1 2 3")
		p.expect("headline irc.example/: 1 2 3")
	})
}

// TestLogoutWhileConnecting ends at once.
func TestLogoutWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := scripted(t, nil)
		p := play(t, n, alice(""))
		p.logout()
		if err := <-p.ended; err != nil {
			t.Errorf("the session ended with %v", err)
		}
	})
}
