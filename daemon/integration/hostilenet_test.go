// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// slow is a password that this network never answers.
const slow = "slow"

// ircNetwork is an IRC network that does what a test wants of it: it checks
// passwords by SASL, or does not for a while, and shows users what they said
// with other clients.
type ircNetwork struct {
	t        testing.TB
	addr     string
	accounts map[string]string

	mu sync.Mutex
	// unguarded: the services are away, and everybody is let in.
	unguarded bool
	users     map[string]net.Conn
	// tried gets the nick of each login that will not be answered.
	tried chan string
	work  sync.WaitGroup
}

// startIRCNetwork listens until the test ends.
func startIRCNetwork(t testing.TB, accounts map[string]string) *ircNetwork {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &ircNetwork{t: t, addr: l.Addr().String(), accounts: accounts, users: map[string]net.Conn{}, tried: make(chan string, 100)}
	n.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.work.Go(func() { n.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		n.mu.Lock()
		for _, c := range n.users {
			c.Close()
		}
		n.mu.Unlock()
	})
	return n
}

func (n *ircNetwork) guard(on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unguarded = !on
}

// serve is one connection's life.
func (n *ircNetwork) serve(c net.Conn) {
	defer c.Close()
	u := &ircUser{network: n, conn: c}
	defer u.leave()
	in := bufio.NewScanner(c)
	for in.Scan() {
		if !u.line(strings.TrimRight(in.Text(), "\r")) {
			return
		}
	}
}

// ircUser is one connection.
type ircUser struct {
	network *ircNetwork
	conn    net.Conn
	nick    string
}

func (u *ircUser) say(format string, args ...any) {
	fmt.Fprintf(u.conn, format+"\r\n", args...)
}

// line takes a line of the client's; false ends the connection.
func (u *ircUser) line(line string) bool {
	n := u.network
	n.mu.Lock()
	open := n.unguarded
	n.mu.Unlock()
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "CAP" && strings.HasPrefix(rest, "LS") && open:
		u.say(":net CAP * LS :")
	case word == "CAP" && strings.HasPrefix(rest, "LS"):
		u.say(":net CAP * LS :sasl=PLAIN")
	case word == "CAP" && strings.HasPrefix(rest, "REQ"):
		u.say(":net CAP * ACK %s", strings.TrimPrefix(rest, "REQ "))
	case word == "AUTHENTICATE" && rest == "PLAIN":
		u.say("AUTHENTICATE +")
	case word == "AUTHENTICATE":
		return u.authenticate(rest)
	case word == "NICK":
		u.nick = rest
	case word == "USER" && open, word == "CAP" && rest == "END":
		u.welcome()
	case word == "PING":
		u.say(":net PONG net :%s", strings.TrimPrefix(rest, ":"))
	case word == "QUIT":
		return false
	}
	return true
}

func (u *ircUser) authenticate(text string) bool {
	b, _ := base64.StdEncoding.DecodeString(text)
	part := strings.Split(string(b), "\x00")
	switch {
	case len(part) != 3:
		u.say(":net 904 %s :SASL authentication failed", u.nick)
	case part[2] == slow:
		u.network.tried <- u.nick
	case u.network.accounts[part[1]] == part[2]:
		u.say(":net 900 %s %s!u@h %s :You are now logged in", u.nick, u.nick, part[1])
		u.say(":net 903 %s :SASL authentication successful", u.nick)
	default:
		u.say(":net 904 %s :SASL authentication failed", u.nick)
	}
	return true
}

func (u *ircUser) welcome() {
	u.network.mu.Lock()
	u.network.users[u.nick] = u.conn
	u.network.mu.Unlock()
	u.say(":net 001 %s :Welcome %s!u@h", u.nick, u.nick)
	u.say(":net 376 %s :End of MOTD", u.nick)
}

func (u *ircUser) leave() {
	u.network.mu.Lock()
	defer u.network.mu.Unlock()
	if u.network.users[u.nick] == u.conn {
		delete(u.network.users, u.nick)
	}
}

// send writes a line to whoever has the nick.
func (n *ircNetwork) send(nick, format string, args ...any) {
	n.t.Helper()
	n.mu.Lock()
	c := n.users[nick]
	n.mu.Unlock()
	if c == nil {
		n.t.Fatalf("%s is not on the network", nick)
	}
	fmt.Fprintf(c, format+"\r\n", args...)
}

// serverOn runs an instance in server mode on the network.
func (n *ircNetwork) serverOn(t testing.TB, more, sections string) *host {
	t.Helper()
	return startServer(t, "spectrum2_irc_backend", "irc_server = "+n.addr+"\nmore_resources = 1\n"+more, sections)
}
