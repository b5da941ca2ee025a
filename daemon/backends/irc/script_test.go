// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// script is a server that a test plays itself, in fake time.
type script struct {
	t     *testing.T
	conns chan net.Conn
	// away: nobody listens; dials counts the tries since.
	away  bool
	dials []time.Time

	conn net.Conn
	in   *bufio.Reader
}

// scripted makes a backend for one network whose server is the script.
func scripted(t *testing.T, section map[string][]string) (*Network, *script) {
	s := &script{t: t, conns: make(chan net.Conn, 1)}
	n := network(t, []string{"irc.example"}, map[string]map[string][]string{"irc.example": section})
	n.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		s.dials = append(s.dials, time.Now())
		if s.away {
			return nil, errors.New("connection refused")
		}
		ours, theirs := net.Pipe()
		s.conns <- theirs
		return ours, nil
	}
	return n, s
}

func (s *script) accept() {
	s.conn = <-s.conns
	s.in = bufio.NewReader(s.conn)
}

func (s *script) line() string {
	s.t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(time.Hour))
	line, err := s.in.ReadString('\n')
	if err != nil {
		s.t.Fatalf("the client is gone: %v", err)
	}
	return strings.TrimRight(line, "\r\n")
}

// expect passes lines over until one begins with what.
func (s *script) expect(what string) string {
	s.t.Helper()
	for {
		if line := s.line(); strings.HasPrefix(line, what) {
			return line
		}
	}
}

func (s *script) send(format string, args ...any) {
	s.t.Helper()
	s.conn.SetWriteDeadline(time.Now().Add(time.Hour))
	if _, err := fmt.Fprintf(s.conn, format+"\r\n", args...); err != nil {
		s.t.Fatalf("the client is gone: %v", err)
	}
}

// welcome is the end of a login with these capabilities.
func (s *script) welcome(nick string, caps string) {
	s.t.Helper()
	if caps != "" {
		s.expect("CAP LS")
		s.send(":irc.example CAP * LS :%s", caps)
		req := strings.TrimPrefix(s.expect("CAP REQ"), "CAP REQ ")
		s.send(":irc.example CAP * ACK %s", ":"+strings.TrimPrefix(req, ":"))
		s.expect("CAP END")
	} else {
		s.expect("USER")
	}
	s.send(":irc.example 001 %s :Welcome", nick)
	s.send(":irc.example 376 %s :End of MOTD", nick)
}

// letIn answers a JOIN.
func (s *script) letIn(nick string) string {
	s.t.Helper()
	room := strings.Fields(s.expect("JOIN"))[1]
	s.send(":%s!u@h JOIN %s", nick, room)
	s.send(":irc.example 353 %s = %s :%s @bob", nick, room, nick)
	s.send(":irc.example 366 %s %s :End", nick, room)
	return room
}

func alice(password string) backend.Login {
	return backend.Login{LegacyName: "alice", Password: password}
}

// TestPacing: no server that counts as RFC 1459 does would kill for flood,
// and nothing is lost by waiting.
func TestPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "echo-message")
		p.expect("connected")
		for i := range 30 {
			p.say("bob", fmt.Sprintf("message %d", i))
		}
		var penalty time.Time // RFC 1459 §8.10
		begin := time.Now()
		for i := range 30 {
			if line := s.expect("PRIVMSG"); line != fmt.Sprintf("PRIVMSG bob :message %d", i) {
				t.Fatalf("out of order: %q", line)
			}
			now := time.Now()
			if penalty.Before(now) {
				penalty = now
			}
			if penalty = penalty.Add(2 * time.Second); penalty.Sub(now) > 10*time.Second {
				t.Fatalf("line %d would be a flood: %s ahead", i, penalty.Sub(now))
			}
		}
		if took := time.Since(begin); took > 75*time.Second {
			t.Errorf("30 messages took %s", took)
		}
	})
}

// TestReconnectDelaysGrow: a server that is away is not stormed, and a server
// that lets the user in and drops him at once is none that is back.
func TestReconnectDelaysGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.expect("connected")
		synctest.Wait()
		s.dials = nil
		begin := time.Now()
		for range 6 {
			s.conn.Close()
			s.accept()
			s.welcome("alice", "")
			p.expect("connected")
		}
		synctest.Wait()
		for i, at := range s.dials[1:] {
			if gap := at.Sub(s.dials[i]); gap < firstRetry<<i/2 {
				t.Errorf("try %d came after %s", i+2, gap)
			}
		}
		if time.Since(begin) < time.Minute {
			t.Errorf("6 tries in %s", time.Since(begin))
		}
		s.away = true
		s.dials = nil
		s.conn.Close()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(s.dials) < 10 || len(s.dials) > 40 {
			t.Errorf("%d tries in an hour", len(s.dials))
		}
	})
}

// TestRejoinAFewAtATime: 20 rooms come back, four JOINs under way at a time,
// in the order in which they were joined.
func TestRejoinAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, fast())
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.expect("connected")
		for i := range 20 {
			p.join(fmt.Sprintf("#room%02d", i), "alice")
			s.letIn("alice")
			p.expect(fmt.Sprintf("participant #room%02d/alice here me", i))
		}
		s.conn.Close()
		s.accept()
		s.welcome("alice", "")
		next, open := 0, 0
		for next < 20 {
			for open < joinsAtOnce && next+open < 20 {
				if got, want := s.expect("JOIN"), fmt.Sprintf("JOIN #room%02d", next+open); got != want {
					t.Fatalf("%q, want %q", got, want)
				}
				open++
			}
			s.conn.SetReadDeadline(time.Now().Add(time.Second))
			if line, err := s.in.ReadString('\n'); err == nil && strings.HasPrefix(line, "JOIN") {
				t.Fatalf("a fifth at once: %q", line)
			}
			s.send(":alice!u@h JOIN #room%02d", next)
			s.send(":irc.example 353 alice = #room%02d :alice carol", next)
			s.send(":irc.example 366 alice #room%02d :End", next)
			p.expect(fmt.Sprintf("participant #room%02d/bob gone", next))
			p.expect(fmt.Sprintf("participant #room%02d/carol here", next))
			next, open = next+1, open-1
		}
	})
}

// TestSilentServer: one that does not answer PING is left.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.expect("connected")
		begin := time.Now()
		line := s.expect("PING alive")
		if waited := time.Since(begin); waited != idleTimeout {
			t.Errorf("it asked after %s", waited)
		}
		s.send(":irc.example PONG irc.example %s", strings.TrimPrefix(line, "PING "))
		s.expect("PING alive")
		time.Sleep(pongTimeout)
		p.expect("headline irc.example/: The connection to irc.example was lost; reconnecting")
	})
}

func TestNoAnswerToLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.expect("USER")
		wantError(t, p, pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR)
	})
}

// TestConfirmation: how a message is confirmed depends on the server.
func TestConfirmation(t *testing.T) {
	for name, c := range map[string]struct {
		caps    string
		confirm func(s *script, line string)
		id      string
	}{
		"fence": {"", func(s *script, _ string) {
			s.send(":irc.example PONG irc.example :%s", strings.TrimPrefix(s.expect("PING"), "PING "))
		}, ""},
		"echo": {"echo-message message-tags", func(s *script, _ string) {
			s.send("@msgid=id1 :alice!u@h PRIVMSG #room :hello")
		}, "id1"},
		"labeled echo": {"echo-message labeled-response batch", func(s *script, line string) {
			label := strings.TrimPrefix(strings.Fields(line)[0], "@")
			s.send("@%s;msgid=id2 :alice!u@h PRIVMSG #room :changed by the server", label)
		}, "id2"},
		"labeled batch": {"echo-message labeled-response batch", func(s *script, line string) {
			s.send("%s :irc.example BATCH +x labeled-response", strings.Fields(line)[0])
			s.send("@batch=x;msgid=id3 :alice!u@h PRIVMSG #room :hello")
			s.send(":irc.example BATCH -x")
		}, "id3"},
		"labeled ack": {"labeled-response batch", func(s *script, line string) {
			s.send("%s :irc.example ACK", strings.Fields(line)[0])
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, s := scripted(t, nil)
				p := play(t, n, alice(""))
				s.accept()
				s.welcome("alice", c.caps)
				p.join("#room", "alice")
				s.letIn("alice")
				p.expect("participant #room/alice here me")
				name := p.say("#room", "hello")
				line := s.line()
				for !strings.Contains(line, "PRIVMSG #room :hello") {
					line = s.line()
				}
				synctest.Wait()
				if len(p.u.events) > 1 { // the subject
					t.Fatal("it was confirmed, or shown, too early")
				}
				c.confirm(s, line)
				id := strings.Fields(strings.TrimPrefix(p.expect("delivered "+name+" "+c.id), "delivered "+name))[0]
				p.expect("message #room/alice: hello", "id="+id) // one message, known by its id
			})
		})
	}
}

// TestUnconfirmed: what was written when the connection broke may have
// arrived, what was not has not.
func TestUnconfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.expect("connected")
		first := p.say("bob", "written")
		s.expect("PRIVMSG")
		var last string
		for i := range 10 {
			last = p.say("bob", fmt.Sprintf("%d waits", i))
		}
		s.conn.Close()
		p.expect("unknown " + first)
		p.expect("refused "+last, "before it was sent")
	})
}

func TestNeverConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "echo-message")
		p.expect("connected")
		name := p.say("bob", "swallowed")
		s.expect("PRIVMSG")
		time.Sleep(confirmTimeout + time.Second)
		p.expect("unknown " + name)
	})
}

// TestTooMuchAtOnce: the queue is bounded, and who overfills it is told.
func TestTooMuchAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.expect("connected")
		p.say("bob", strings.Repeat("line\n", maxLines+1))
		p.expect("refused", "more than")
		for range laneSize[normal] + 10 {
			p.say("bob", "x")
		}
		p.expect("refused", "resource-constraint")
	})
}

func TestSASLPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice("secret"))
		s.accept()
		s.expect("CAP LS 302")
		s.send(":irc.example CAP * LS * :multi-prefix")
		s.send(":irc.example CAP * LS :sasl=PLAIN,OTHER")
		s.expect("CAP REQ multi-prefix")
		s.send(":irc.example CAP * ACK :multi-prefix")
		s.expect("CAP REQ sasl")
		s.send(":irc.example CAP * ACK :sasl")
		s.expect("AUTHENTICATE PLAIN")
		s.send("AUTHENTICATE +")
		answer, _ := base64.StdEncoding.DecodeString(strings.Fields(s.expect("AUTHENTICATE"))[1])
		if string(answer) != "\x00alice\x00secret" {
			t.Errorf("PLAIN said %q", answer)
		}
		s.send(":irc.example 900 alice alice!u@h alice :You are now logged in")
		s.send(":irc.example 903 alice :done")
		s.expect("CAP END")
		s.send(":irc.example 001 alice :Welcome")
		s.send(":irc.example 422 alice :no MOTD")
		p.expect("connected alice", "AUTHENTICATED")
	})
}

func TestSASLRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice("wrong"))
		s.accept()
		s.expect("CAP LS")
		s.send(":irc.example CAP * LS :sasl")
		s.expect("CAP REQ sasl")
		s.send(":irc.example CAP * ACK :sasl")
		s.expect("AUTHENTICATE PLAIN")
		s.send("AUTHENTICATE +")
		s.expect("AUTHENTICATE")
		go s.drain()
		s.send(":irc.example 904 alice :SASL authentication failed")
		wantError(t, p, pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED)
	})
}

// drain reads until the client is gone.
func (s *script) drain() {
	for {
		if _, err := s.in.ReadString('\n'); err != nil {
			return
		}
	}
}

// TestSASLScram: SCRAM is preferred, and checks the server too.
func TestSASLScram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice("secret"))
		s.accept()
		s.expect("CAP LS")
		s.send(":irc.example CAP * LS :sasl=PLAIN,SCRAM-SHA-256")
		s.expect("CAP REQ sasl")
		s.send(":irc.example CAP * ACK :sasl")
		s.expect("AUTHENTICATE SCRAM-SHA-256")
		s.send("AUTHENTICATE +")
		s.expect("AUTHENTICATE") // client-first
		s.send("AUTHENTICATE %s", base64.StdEncoding.EncodeToString([]byte("r=not the nonce,s=c2FsdA==,i=4096")))
		s.expect("AUTHENTICATE *")
		s.send(":irc.example 906 alice :aborted")
		s.expect("AUTHENTICATE PLAIN")
		s.send("AUTHENTICATE +")
		s.expect("AUTHENTICATE")
		s.send(":irc.example 903 alice :done")
		s.expect("CAP END")
		s.send(":irc.example 001 alice :Welcome")
		s.send(":irc.example 422 alice :no MOTD")
		p.expect("connected alice", "AUTHENTICATED")
	})
}

func TestNickServ(t *testing.T) {
	for name, c := range map[string]struct {
		answer    string
		confirmed string
	}{
		"notice":  {":NickServ!s@services. NOTICE alice :You are now identified for \x02alice\x02.", "ADMITTED"}, // anybody can be called NickServ
		"account": {":alice!u@h ACCOUNT alice", "AUTHENTICATED"},
		"900":     {":irc.example 900 alice alice!u@h alice :logged in", "AUTHENTICATED"},
		"silence": {":irc.example NOTICE alice :nothing to do with it", "ADMITTED"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, s := scripted(t, nil)
				p := play(t, n, alice("secret"))
				s.accept()
				s.welcome("alice", "")
				if got := s.expect("PRIVMSG"); got != "PRIVMSG NickServ :identify secret" {
					t.Errorf("it said %q", got)
				}
				s.send("%s", c.answer)
				p.expect("connected alice", c.confirmed)
			})
		})
	}
}

// TestNetworkWithoutServices: the server says that there is no NickServ, so
// nobody waits for his answer.
func TestNetworkWithoutServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice("secret"))
		s.accept()
		s.welcome("alice", "")
		s.expect("PRIVMSG NickServ")
		begin := time.Now()
		s.send(":irc.example 401 alice NickServ :No such nick")
		p.expect("connected alice", "ADMITTED")
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestListLeavesTheFirstMinuteToTheUser: servers punish LIST with delays.
func TestListLeavesTheFirstMinuteToTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		begin := time.Now()
		s.accept()
		s.welcome("alice", "")
		p.expect("connected alice")
		s.send(":irc.example 254 alice 5 :channels formed")
		s.expect("LIST")
		if took := time.Since(begin); took < 50*time.Second {
			t.Errorf("LIST came after %s", took)
		}
	})
}

func TestNickServRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice("wrong"))
		s.accept()
		s.welcome("alice", "")
		s.expect("PRIVMSG NickServ")
		go s.drain()
		s.send(":NickServ!s@services. NOTICE alice :Invalid password for \x02alice\x02.")
		err := wantError(t, p, pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED)
		if strings.Contains(err.Error(), "wrong") {
			t.Errorf("the password is in the error: %v", err)
		}
	})
}

// TestMonitor: contacts by MONITOR; who identified late is announced anew.
func TestMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.expect("USER")
		s.send(":irc.example 001 alice :Welcome")
		s.send(":irc.example 005 alice MONITOR=100 CASEMAPPING=ascii :are supported")
		s.send(":irc.example 376 alice :End")
		p.expect("connected alice", "ADMITTED")
		p.UpdateContact(p.ctx, backend.Contact{Name: "bob"})
		s.expect("MONITOR + bob")
		s.send(":irc.example 730 alice :Bob!u@h")
		p.expect("contact bob STATUS_ONLINE")
		s.send(":Bob!u@h AWAY :gone fishing")
		p.expect("contact bob STATUS_AWAY gone fishing")
		s.send(":irc.example 731 alice :bob")
		p.expect("contact bob STATUS_NONE")
		p.RemoveContact(p.ctx, "bob")
		s.expect("MONITOR - bob")
		s.send(":alice!u@h ACCOUNT alice")
		p.expect("connected alice", "AUTHENTICATED")
	})
}

// TestOrderlyLogout: the server is told, and gets a moment to hear it.
func TestOrderlyLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "")
		p.expect("connected")
		p.logout()
		s.expect("QUIT :Leaving")
		s.conn.Close()
		if err := <-p.ended; err != nil {
			t.Errorf("the session ended with %v", err)
		}
	})
}

// TestBouncer: channels that the server puts the user into wait for him, with
// what is said there and when.
func TestBouncer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := scripted(t, nil)
		p := play(t, n, alice(""))
		s.accept()
		s.welcome("alice", "server-time echo-message")
		s.send(":alice!u@h JOIN #room")
		s.send(":irc.example 332 alice #room :the topic")
		s.send(":irc.example 353 alice = #room :alice @bob")
		s.send(":irc.example 366 alice #room :End")
		s.send("@time=2020-01-01T00:00:00.000Z :bob!u@h PRIVMSG #room :long ago")
		p.expect("headline irc.example/: The network has put you into #room")
		synctest.Wait()
		p.join("#room", "alice")
		p.expect("participant #room/bob here")
		p.expect("participant #room/alice here me")
		p.expect("message #room/bob: long ago")
		p.expect("subject #room/: the topic")
		s.send(":alice!u@h PRIVMSG #room :from my other client")
		p.expect("carbon #room/alice: from my other client")
		s.send(":alice!u@h PRIVMSG bob :and in private")
		p.expect("carbon bob/: and in private")
	})
}
