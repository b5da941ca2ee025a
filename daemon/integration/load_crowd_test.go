// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// crowd is the load driver's XMPP server with all its users.
type crowd struct {
	b       *testing.B
	server  *xmppServer
	log     func() string
	members []*member
	byJID   map[string]*member
	box     *mailboxes
	out     *joined
	// changed has a token when something came.
	changed chan struct{}

	mu sync.Mutex
	// done counts the members with whom the last each is through.
	done int
}

// member is one user, logged in with one client.
type member struct {
	*crowd
	bare, full, nick, room string
	// want recognizes the stanza that each waits for, nil once it came.
	want func(st *xmpp.Element) bool
}

func newCrowd(b *testing.B, users int) *crowd {
	c := &crowd{b: b, byJID: map[string]*member{}, box: newMailboxes(), changed: make(chan struct{}, 1)}
	for i := range users {
		nick := fmt.Sprintf("bench%d", i)
		m := &member{crowd: c, nick: nick, bare: nick + "@localhost", full: nick + "@localhost/load"}
		m.room = fmt.Sprintf("#room%d@%s", i/roomSize, transport)
		c.members = append(c.members, m)
		c.byJID[m.bare] = m
	}
	c.server = newXMPPServer(b, c.take)
	c.out = newJoined(c.server.raw)
	b.Cleanup(c.out.close)
	return c
}

// take gets every stanza from the transport, from the link's one reader.
func (c *crowd) take(st *xmpp.Element) {
	to, err := xmpp.ParseJID(st.Get("to"))
	m := c.byJID[to.Bare().String()]
	switch {
	case err != nil || m == nil:
		c.box.fault("for nobody: %s", st)
	case xmpp.IsRequest(st):
		c.send(xmpp.ErrorReply(st, "", xmpp.ServiceUnavailable, ""))
	case st.Get("type") == "error":
		condition, text := xmpp.ErrorOf(st)
		c.box.fault("%s for %s comes back: %s: %s", st.Name, m.bare, condition, text)
	default:
		c.box.take(m, st)
		m.check(st)
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (m *member) check(st *xmpp.Element) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.want != nil && m.want(st) {
		m.want = nil
		m.done++
	}
}

func (c *crowd) send(st *xmpp.Element) { c.out.add(st) }

// each has every member do something, at most window of them at a time, and
// waits until all are through.
func (c *crowd) each(ctx context.Context, what string, window int, do func(*member) func(*xmpp.Element) bool) {
	c.mu.Lock()
	c.done = 0
	c.mu.Unlock()
	for i, m := range c.members {
		c.until(ctx, what, i-window+1)
		c.mu.Lock()
		m.want = do(m)
		c.mu.Unlock()
	}
	c.until(ctx, what, len(c.members))
}

// until waits until n members are through.
func (c *crowd) until(ctx context.Context, what string, n int) {
	c.await(ctx, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.done >= n
	}, func() string { return fmt.Sprintf("only %d of %d users are %s", c.done, len(c.members), what) })
}

// await waits for ok, which is looked at after each stanza.
func (c *crowd) await(ctx context.Context, ok func() bool, missing func() string) {
	silence := time.NewTimer(loadSilence)
	defer silence.Stop()
	for !ok() {
		select {
		case <-c.changed:
			silence.Reset(loadSilence)
			continue
		case <-silence.C:
			c.b.Errorf("nothing has come for %v, and %s", loadSilence, missing())
		case <-ctx.Done():
			c.b.Errorf("the load driver's time is over, and %s", missing())
		}
		c.verdict()
		c.b.FailNow()
	}
}

// verdict fails the run if anything went wrong with any message.
func (c *crowd) verdict() {
	if text := c.box.faults(); text != "" {
		log := c.log()
		c.b.Fatalf("%s\nthe end of the transport's log:\n%s", text, log[max(0, len(log)-2000):])
	}
}

// register asks for the nick without a password: NickServ is not here to be
// asked, and would be waited for.
func (m *member) register() func(*xmpp.Element) bool {
	iq := xmpp.NewIQ("set", m.full, transport, "")
	m.send(iq.Add(ibr.Query{Fields: []ibr.Field{{Name: "username", Value: m.nick}}}.Element()))
	id := iq.Get("id")
	return func(st *xmpp.Element) bool {
		return st.Name == "iq" && st.Get("id") == id && st.Get("type") == "result"
	}
}

func (m *member) comeOnline() func(*xmpp.Element) bool {
	m.send(xmpp.NewPresence("", m.full, transport))
	return func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	}
}

func (m *member) join() func(*xmpp.Element) bool {
	m.send(xmpp.NewPresence("", m.full, m.room+"/"+m.nick).Add(xmpp.New(muc.NS, "x")))
	return func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Child(xmpp.NSClient, "subject") != nil && strings.HasPrefix(st.Get("from"), m.room)
	}
}

// write sends a private message from one user to another's nick.
func (c *crowd) write(due time.Time, from, to *member) {
	body := c.box.expect(due, from.nick+"@"+transport, []*member{to})
	c.message("chat", from, to.nick+"@"+transport, body)
}

// say sends a message to the user's room, which everybody in it gets.
func (c *crowd) say(due time.Time, from *member) {
	var all []*member
	for _, m := range c.members {
		if m.room == from.room {
			all = append(all, m)
		}
	}
	c.message("groupchat", from, from.room, c.box.expect(due, from.room+"/"+from.nick, all))
}

func (c *crowd) message(typ string, from *member, to, body string) {
	m := xmpp.NewMessage(typ, from.full, to)
	c.send(m.Add(xmpp.NewText(xmpp.NSClient, "body", body), chatstate.Element(chatstate.Active)))
}
