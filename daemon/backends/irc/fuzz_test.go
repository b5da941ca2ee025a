// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// counted is a message's fate: exactly one call.
type counted struct{ n *int }

func (c counted) Delivered(string)       { *c.n++ }
func (c counted) Refused(string, string) { *c.n++ }
func (c counted) Unknown(string)         { *c.n++ }

// bench is a link whose loop the fuzz test plays.
type bench struct {
	t     *testing.T
	l     *link
	fates []*int
}

func newBench(t *testing.T, many bool) *bench {
	servers := []string{"irc.example"}
	if many {
		servers = nil
	}
	n := network(t, servers, nil)
	settings, err := networkSettings(n.config, []string{"irc.example"})
	if err != nil {
		t.Fatal(err)
	}
	settings.roomList, settings.perLine = 10, 0
	l := newLink(newFakeUser(n.config), identity{nick: "alice", account: "alice", password: "secret"}, settings, n)
	l.contact, l.many, l.transient = "irc.example", many, many
	ours, theirs := net.Pipe()
	go io.Copy(io.Discard, theirs)
	t.Cleanup(func() { theirs.Close() })
	l.rooms.add(newRoom("#room", "#room", "alice", "", l.server.casemap))
	l.watchContact("bob", "bob")
	l.connected(dialed{conn: ours, at: settings.endpoints[0]})
	return &bench{t: t, l: l}
}

// line is one line of the server.
func (b *bench) line(raw []byte) {
	l := b.l
	if l.over || l.wire == nil {
		return
	}
	if in, err := parse(raw, l.settings.charset); err == nil {
		l.handle(in)
	}
}

// written takes everything out of the outbox, as the writer would.
func (b *bench) written() {
	now := time.Now()
	for range 2000 {
		it, lane, _, ok := b.l.out.peek(now)
		if !ok || b.l.wire == nil {
			return
		}
		if strings.ContainsAny(it.line, "\r\n\x00") {
			b.t.Fatalf("a line with a line end: %q", it.line)
		}
		b.l.out.pop(lane, now)
		b.l.wrote(it, now)
	}
}

func (b *bench) say(to string) {
	n := new(int)
	b.fates = append(b.fates, n)
	b.l.route(to, &backend.Message{To: to, Text: "some text\nof two lines"}, counted{n})
}

// FuzzLines: nothing that a server says, in any order, does harm, and every
// message has exactly one fate.
func FuzzLines(f *testing.F) {
	seeds := []string{
		":s 001 alice :hi alice!u@h\n:s 005 alice PREFIX=(qaohv)~&@%+ CASEMAPPING=ascii MONITOR=10 :are\n:s 376 alice :end\n",
		"CAP * LS :sasl=PLAIN,SCRAM-SHA-256 echo-message labeled-response batch\nCAP * ACK :sasl\nAUTHENTICATE +\nAUTHENTICATE cj14\n:s 904 x :no\n",
		":alice!u@h JOIN #room\n:s 353 alice = #room :@bob alice +carol!u@h\n:s 366 alice #room :end\n:s 332 alice #room :topic\n:s 333 alice #room bob 100\n",
		":bob!u@h MODE #room +mo-v alice carol\n:bob!u@h KICK #room alice :out\n:bob!u@h NICK alice\n:alice!u@h NICK #room\n",
		"@msgid=1;label=m1;time=2020-01-01T00:00:00Z :alice!u@h PRIVMSG #room :some text\n:s 404 alice #room :no\n:s 401 alice bob :none\n",
		":bob!u@h PRIVMSG alice :\x01ACTION x\x01\n:bob!u@h PRIVMSG alice :\x01VERSION\x01\n:bob!u@h NOTICE alice :\x01PING\x01\nNOTICE\nPRIVMSG\n",
		":s BATCH +a labeled-response\n:s BATCH -a\n@label=m1 ACK\nFAIL X Y :z\nPING\nPING :x\nPONG :fence-1\nERROR :bye\n",
		":s 433 alice alice :used\n:s 432 alice alice :bad\n:s 437 alice #room :x\n:s 473 alice #room :x\n:s 470 alice #room #other :x\n",
		":s 352 alice #room u h s bob G@ :0 Bob\n:s 303 alice :bob\n:s 730 alice :bob!u@h,x\n:s 731 alice :bob\n:s 734 alice 1 bob :full\n",
		":s 311 alice bob u h * :Bob\n:s 318 alice bob :end\n:s 322 alice #room 5 :t\n:s 323 alice :end\n:s 324 alice #room +m\n:s 301 alice bob :away\n",
		":bob!u@h QUIT\n:bob!u@h PART #room\n:bob AWAY\n:bob SETNAME :x\n:bob CHGHOST a b\n:bob INVITE alice #x\n:alice ACCOUNT *\n",
		":s 465 alice :banned\n:s 464 alice :bad\n:NickServ!s@s NOTICE alice :Invalid password\n",
	}
	for i, s := range seeds {
		f.Add(byte(i), []byte(s))
		f.Add(byte(i*16), []byte(seeds[0]+seeds[2]+s))
	}
	f.Add(byte(255), []byte(strings.Join(seeds, "")))
	f.Fuzz(func(t *testing.T, how byte, data []byte) {
		b := newBench(t, how&1 != 0)
		if how&2 != 0 { // straight into the room
			for line := range strings.Lines(seeds[0] + seeds[2]) {
				b.line([]byte(strings.TrimRight(line, "\n")))
			}
			b.l.identified()
		}
		in := bufio.NewReaderSize(bytes.NewReader(data), 2048)
		for i := 0; ; i++ {
			line, err := readLine(in)
			if err != nil {
				break
			}
			if how&4 != 0 {
				b.written()
			}
			if how&8 != 0 && i < 50 {
				b.say("#room")
				b.say("bob")
			}
			b.line(line)
			if how&16 != 0 && !b.l.over {
				b.l.whois("bob", time.Second, func(*answer, string) {})
				b.l.list("", func(string) {})
			}
		}
		b.written()
		for _, task := range connectionTasks {
			if b.l.wire != nil && !b.l.over {
				b.l.do(task, time.Now())
			}
		}
		b.l.end()
		for i, n := range b.fates {
			if *n != 1 {
				t.Errorf("message %d has %d fates", i, *n)
			}
		}
		if len(b.l.answers.list) > 0 {
			t.Error("a question is left without an answer")
		}
	})
}

// FuzzFormat: text is always fit for XML, and XHTML says the same.
func FuzzFormat(f *testing.F) {
	f.Add("\x02bold\x02 \x0304,05x\x03 \x04aabbccy")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range plain(text) {
			if r < 0x20 && r != '\t' && r != '\n' {
				t.Fatalf("plain %q holds %q", text, r)
			}
		}
		xhtml(text)
	})
}
