// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// servers are the real ones that everything has to work with.
var servers = map[string]func(testing.TB, irctest.Options) *irctest.Server{
	"ngircd": irctest.StartNgircd, "inspircd": irctest.StartInspircd, "ergo": irctest.StartErgo,
}

// everywhere runs a test against each server, with a user alice logged in
// there.
func everywhere(t *testing.T, test func(t *testing.T, s *irctest.Server, alice *player)) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, irctest.Options{})
			n := network(t, []string{s.Addr()}, map[string]map[string][]string{s.Addr(): fast()})
			alice := play(t, n, backend.Login{LegacyName: "alice"})
			alice.expect("connected alice", "ADMITTED")
			test(t, s, alice)
		})
	}
}

func TestRoom(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		bob.Join("#room")
		bob.Send("TOPIC #room :about everything")
		bob.Expect("TOPIC", "about everything")

		alice.join("#room", "alice")
		alice.expect("participant #room/bob here", "MODERATOR")
		alice.expect("participant #room/alice here me", "PARTICIPANT NONE")
		alice.expect("subject #room/bob: about everything")
		bob.Expect("alice", "JOIN")

		bob.Say("#room", "hello alice")
		alice.expect("message #room/bob: hello alice")
		bob.Say("#room", "\x01ACTION waves\x01")
		alice.expect("message #room/bob: /me waves")

		name := alice.say("#room", "hello bob")
		alice.expect("delivered " + name)
		alice.expect("message #room/alice: hello bob")
		bob.Expect("alice!", "PRIVMSG #room :hello bob")
		alice.say("#room", "/me bows")
		bob.Expect("PRIVMSG #room :\x01ACTION bows\x01")
		alice.expect("message #room/alice: /me bows")

		bob.Send("MODE #room +t")
		alice.SetSubject(alice.ctx, "#room", "not mine to say")
		alice.expect("headline #room/: ")
		bob.Send("MODE #room -t")
		bob.Expect("MODE #room")
		alice.SetSubject(alice.ctx, "#room", "something else")
		bob.Expect("TOPIC #room", "something else")
		alice.expect("subject #room/alice: something else")

		bob.Send("MODE #room +v alice")
		alice.expect("participant #room/alice here me", "PARTICIPANT MEMBER")
		bob.Send("MODE #room +o-v alice alice")
		alice.expect("participant #room/alice here me", "MODERATOR ADMIN")
		bob.Send("NICK robert")
		alice.expect("participant #room/bob now robert")
		alice.ChangeNick(alice.ctx, "#room", "alicia")
		alice.expect("participant #room/alice now alicia me")
		alice.expect("nick #room/alicia")
		bob.Expect("alice", "NICK", "alicia")

		bob.Send("PART #room :so long")
		alice.expect("participant #room/robert gone", "so long")
		bob.Join("#room")
		alice.expect("participant #room/robert here")
		bob.Send("QUIT :for good")
		alice.expect("participant #room/robert gone", "for good")

		irctest.Dial(t, s.Addr(), "carol")
		alice.ChangeNick(alice.ctx, "#room", "carol")
		alice.expect("joinfailed #room/carol conflict:")
		alice.expect("participant #room/alicia here me")
		alice.LeaveRoom(alice.ctx, "#room")
		refused := alice.say("#room", "anybody?")
		alice.expect("refused "+refused, "You are not in #room")
	})
}

func TestKickAndBan(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		bob.Join("#room")
		alice.join("#room", "alice")
		alice.expect("subject #room")
		bob.Send("KICK #room alice :behave")
		alice.expect("participant #room/alice kicked by bob me", "behave")

		alice.join("#room", "alice")
		alice.expect("subject #room")
		bob.Send("MODE #room +b alice!*@*")
		bob.Send("KICK #room alice :out")
		alice.expect("participant #room/alice banned by bob me", "out")
		alice.join("#room", "alice")
		alice.expect("joinfailed #room/alice forbidden:")
	})
}

func TestJoinFailures(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		for channel, mode := range map[string]string{"#key": "+k secret", "#invite": "+i", "#full": "+l 1"} {
			bob.Join(channel)
			bob.Send("MODE %s %s", channel, mode)
		}
		bob.Sync()
		for channel, condition := range map[string]string{
			"#key": "not-authorized", "#invite": "registration-required", "#full": "service-unavailable",
			"nochannel": "item-not-found", "0": "item-not-found", "": "item-not-found", "#a b": "item-not-found",
		} {
			alice.join(channel, "alice")
			alice.expect("joinfailed " + channel + "/alice " + condition + ":")
		}
		alice.JoinRoom(alice.ctx, "#key", "alice", "secret")
		alice.expect("participant #key/alice here me")
		bob.Send("INVITE alice #invite")
		alice.expect("message bob/: bob invites you to #invite")
		alice.join("#invite", "alice")
		alice.expect("participant #invite/alice here me")
	})
}

func TestPrivateMessages(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		bob.Say("alice", "psst")
		alice.expect("message bob/: psst")
		name := alice.say("bob", "what is it?")
		bob.Expect("PRIVMSG bob :what is it?")
		alice.expect("delivered " + name)

		bob.Join("#room")
		alice.join("#room", "alice")
		alice.expect("subject #room")
		name = alice.sayTo("#room", "bob", "from here")
		bob.Expect("PRIVMSG bob :from here")
		alice.expect("delivered " + name)
		bob.Say("alice", "to there")
		alice.expect("private #room/bob: to there")
		alice.say("bob", "as a contact")
		bob.Expect("as a contact")
		bob.Say("alice", "as such")
		alice.expect("message bob/: as such")

		name = alice.say("nobodyhere", "hello?")
		alice.expect("refused "+name, "item-not-found")
		bob.Send("MODE #room +m")
		alice.expect("participant #room/alice here me", "VISITOR")
		name = alice.say("#room", "may I?")
		alice.expect("refused "+name, "forbidden")
	})
}

func TestLongMessage(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		text := strings.TrimSpace(strings.Repeat("Grüße aus Köln ", 80))
		name := alice.say("bob", text)
		var got []string
		for len(strings.Join(got, " ")) < len(text) {
			line := bob.Expect("PRIVMSG bob :")
			if len(line)+2 > 512 {
				t.Errorf("a line of %d bytes arrived", len(line)+2)
			}
			_, part, _ := strings.Cut(line, "PRIVMSG bob :")
			got = append(got, part)
		}
		if strings.Join(got, " ") != text {
			t.Errorf("the message arrived as %q", got)
		}
		alice.expect("delivered " + name)
		alice.say("bob", "one\n\ntwo\r\nQUIT :injected")
		bob.Expect("PRIVMSG bob :one")
		bob.Expect("PRIVMSG bob :two")
		bob.Expect("PRIVMSG bob :QUIT :injected")
	})
}

func TestNickTaken(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, irctest.Options{})
			holder := irctest.Dial(t, s.Addr(), "alice")
			n := network(t, []string{s.Addr()}, map[string]map[string][]string{s.Addr(): fast()})
			alice := play(t, n, backend.Login{LegacyName: "alice"})
			alice.expect("connected alice_ ")
			alice.join("#room", "alice")
			alice.expect("nick #room/alice_")
			alice.expect("participant #room/alice_ here me")
			holder.Join("#room")
			holder.Send("QUIT")
			alice.expect("participant #room/alice_ now alice me")
			alice.expect("nick #room/alice")
			alice.expect("connected alice ")
		})
	}
}

func TestReconnect(t *testing.T) {
	everywhere(t, func(t *testing.T, s *irctest.Server, alice *player) {
		bob := irctest.Dial(t, s.Addr(), "bob")
		for _, r := range []string{"#one", "#two", "#three"} {
			bob.Join(r)
			alice.join(r, "alice")
			alice.expect("subject " + r)
		}
		s.Stop()
		alice.expect("headline 127.0.0.1/:", "reconnecting")
		name := alice.say("#one", "too soon")
		alice.expect("refused " + name)
		s.Start()
		for _, r := range []string{"#one", "#two", "#three"} {
			alice.expect("participant " + r + "/bob gone")
			alice.expect("participant " + r + "/alice here me")
		}
		name = alice.say("#one", "back")
		alice.expect("delivered " + name)
	})
}

func TestServerAway(t *testing.T) {
	n := network(t, []string{"127.0.0.1:1"}, nil)
	alice := play(t, n, backend.Login{LegacyName: "alice"})
	wantError(t, alice, pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR)
}

// wantError expects the session to end with that code.
func wantError(t *testing.T, p *player, code pbnetwork.ConnectionError) *backend.Error {
	t.Helper()
	err, ok := (<-p.ended).(*backend.Error)
	if !ok || err.Code != code {
		t.Fatalf("the session ended with %v, want %v", err, code)
	}
	return err
}

func TestPassword(t *testing.T) {
	for _, name := range []string{"ngircd", "inspircd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servers[name](t, irctest.Options{Password: "opensesame"})
			n := network(t, []string{s.Addr()}, map[string]map[string][]string{s.Addr(): fast()})
			n.config.Service.IRCSendPass = true
			play(t, n, backend.Login{LegacyName: "alice", Password: "opensesame"}).expect("connected alice")
			wrong := play(t, n, backend.Login{LegacyName: "bob", Password: "wrong"})
			wantError(t, wrong, pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED)
			shared := network(t, []string{s.Addr()}, map[string]map[string][]string{s.Addr(): fast("password", "opensesame")})
			play(t, shared, backend.Login{LegacyName: "carol"}).expect("connected carol")
		})
	}
}

func TestTLS(t *testing.T) {
	for _, name := range []string{"ngircd", "inspircd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servers[name](t, irctest.Options{TLS: true})
			login := backend.Login{LegacyName: "alice"}
			strict := network(t, []string{s.TLSAddr()}, nil)
			wantError(t, play(t, strict, login), pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_SELF_SIGNED)

			wrong := network(t, []string{s.TLSAddr()}, map[string]map[string][]string{"127.0.0.1": {"fingerprint": {strings.Repeat("00", 32)}}})
			wantError(t, play(t, wrong, login), pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_FINGERPRINT_MISMATCH)

			pinned := network(t, []string{s.TLSAddr()}, map[string]map[string][]string{"127.0.0.1": {"fingerprint": {"sha256:" + strings.ToUpper(s.Fingerprint)}}})
			p := play(t, pinned, login)
			p.expect("connected alice")
			if text := p.command("", "status"); !strings.Contains(text, "TLS 1.") {
				t.Errorf("status says %q", text)
			}
			p.end()

			loose := network(t, []string{s.TLSAddr()}, nil)
			loose.config.Service.VerifyCerts = false
			play(t, loose, login).expect("connected alice")
		})
	}
}

// TestSASL is against a server that knows SCRAM-SHA-256 and PLAIN.
func TestSASL(t *testing.T) {
	s := irctest.StartErgo(t, irctest.Options{Accounts: map[string]string{"alice": "correct-horse"}})
	for _, mechanism := range []string{"on", "plain", "scram-sha-256"} {
		n := network(t, []string{s.Addr()}, map[string]map[string][]string{s.Addr(): fast("sasl", mechanism)})
		p := play(t, n, backend.Login{LegacyName: "alice", Password: "correct-horse"})
		p.expect("connected alice", "AUTHENTICATED")
		if got := p.command("", "status"); !strings.Contains(got, "logged in as alice") {
			t.Errorf("status: %q", got)
		}
		p.end()
		wrong := play(t, n, backend.Login{LegacyName: "alice", Password: "wrong"})
		wantError(t, wrong, pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED)
	}
	// Without SASL NickServ is told, and confirms by account-notify.
	n := network(t, []string{s.Addr()}, map[string]map[string][]string{s.Addr(): fast("sasl", "off", "nickserv", "NickServ IDENTIFY $name $password")})
	p := play(t, n, backend.Login{LegacyName: "alice", Password: "correct-horse"})
	p.expect("connected alice", "AUTHENTICATED")
	p.end()
	wrong := play(t, n, backend.Login{LegacyName: "alice", Password: "wrong"})
	wantError(t, wrong, pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED)
}
