// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"testing"
	"testing/synctest"
)

// TestNickServPasswordNamedAnotherAccount: "mallory hunter2" as alice's password
// told NickServ to log in to mallory's account, and that was taken for a proof
// of being alice.
func TestNickServPasswordNamedAnotherAccount(t *testing.T) {
	for name, c := range map[string]struct {
		template, password, said string
		nick, account            string
		confirmed                string
	}{
		"an account in the password":      {"", "mallory hunter2", "identify mallory hunter2", "alice", "mallory", "ADMITTED"},
		"the account of a substitute":     {"", "hunter2", "identify hunter2", "alice_", "alice_", "ADMITTED"},
		"the account of the name":         {"", "secret", "identify secret", "alice", "Alice", "AUTHENTICATED"},
		"a group of nicks":                {"NickServ IDENTIFY $name $password", "secret", "IDENTIFY alice secret", "alice", "family", "AUTHENTICATED"},
		"more words than a password":      {"NickServ IDENTIFY $name $password", "mallory hunter2", "IDENTIFY alice mallory hunter2", "alice", "mallory", "ADMITTED"},
		"named for want of the own nick":  {"NickServ IDENTIFY $name $password", "secret", "IDENTIFY alice secret", "alice_", "alice", "AUTHENTICATED"},
		"another's account, unasked for":  {"", "secret", "identify secret", "alice", "mallory", "ADMITTED"},
		"a password of several words":     {"", "my long secret", "identify my long secret", "alice", "alice", "AUTHENTICATED"},
		"a substitute, but the right one": {"", "secret", "identify secret", "alice_", "alice", "AUTHENTICATED"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				section := map[string][]string{}
				if c.template != "" {
					section["nickserv"] = []string{c.template}
				}
				n, s := scripted(t, section)
				p := play(t, n, alice(c.password))
				s.accept()
				s.welcome(c.nick, "")
				if got := s.expect("PRIVMSG"); got != "PRIVMSG NickServ :"+c.said {
					t.Errorf("it said %q", got)
				}
				s.send(":irc.example 900 %s %s!u@h %s :You are now logged in", c.nick, c.nick, c.account)
				p.expect("connected "+c.nick, c.confirmed)
			})
		})
	}
}

// TestCertificateOfAllUsersProvedOne: the account of the certificate that all
// users share proved whoever had its name.
func TestCertificateOfAllUsersProvedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice("anything"))
		s.accept()
		s.expect("CAP LS")
		p.session.links[""].server.tls = "TLS 1.3"
		p.session.links[""].settings.clientCert = "shared.pem"
		s.send(":irc.example CAP * LS :sasl=EXTERNAL")
		s.expect("CAP REQ sasl")
		s.send(":irc.example CAP * ACK :sasl")
		s.expect("AUTHENTICATE EXTERNAL")
		s.send("AUTHENTICATE +")
		s.expect("AUTHENTICATE +")
		s.send(":irc.example 900 alice alice!u@h alice :You are now logged in as alice")
		s.send(":irc.example 903 alice :done")
		s.expect("CAP END")
		s.send(":irc.example 001 alice :Welcome")
		s.send(":alice!u@h ACCOUNT alice")
		s.send(":irc.example 422 alice :no MOTD")
		p.expect("connected alice", "ADMITTED")
	})
}
