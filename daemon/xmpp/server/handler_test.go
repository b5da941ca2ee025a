// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

const domain = "irc.example.org"

// users is a handler: accounts whose password is their name backwards, besides
// a few that behave otherwise.
type users struct {
	clients chan *client // each one that was bound

	mu     sync.Mutex
	logins []server.Login
	open   atomic.Int64 // accounts that were neither bound nor closed
	quiet  bool         // clients keep no stanzas and answer none
}

func newUsers() *users { return &users{clients: make(chan *client, 20000)} }

func password(node string) string {
	b := []byte(node)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func (u *users) Authenticate(ctx context.Context, l server.Login) (server.Account, error) {
	u.mu.Lock()
	u.logins = append(u.logins, l)
	u.mu.Unlock()
	switch {
	case l.Node == "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case l.Node == "disabled":
		return nil, &server.AuthError{Condition: server.AccountDisabled, Text: "you were banned"}
	case l.Node == "panics":
		panic("a bug in the handler")
	case l.Node == "broken":
		return nil, fmt.Errorf("the database at 10.0.0.1 is down")
	case l.Password != password(l.Node):
		return nil, &server.AuthError{Condition: server.NotAuthorized}
	}
	u.open.Add(1)
	return &account{users: u, user: jid.MustParse(l.Node + "@" + domain)}, nil
}

func (u *users) seen() []server.Login {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]server.Login(nil), u.logins...)
}

type account struct {
	users *users
	user  jid.JID
}

func (a *account) User() jid.JID   { return a.user }
func (a *account) Resumable() bool { return a.user.Localpart() != "anonymous" }
func (a *account) Close()          { a.users.open.Add(-1) }

func (a *account) Bind(_ context.Context, c *server.Conn, wish string) (string, server.Client, error) {
	switch wish {
	case "panic":
		panic("a bug in the account")
	case "taken":
		return "", nil, &server.BindError{Condition: xmpp.Conflict, Text: "it is taken"}
	case "crash":
		return "", nil, fmt.Errorf("no such table")
	case "":
		wish = "given"
	}
	a.users.open.Add(-1)
	cl := &client{conn: c, users: a.users, stanzas: make(chan *xmpp.Element, 200), events: make(chan string, 10), ended: make(chan []*xmpp.Element, 1)}
	if !a.users.quiet {
		if err := c.Send(xmpp.NewMessage("", domain, "").Set("id", "welcome")); err != nil {
			return "", nil, err
		}
	}
	a.users.clients <- cl
	return wish, cl, nil
}

// client keeps what it gets.
type client struct {
	users   *users
	conn    *server.Conn
	stanzas chan *xmpp.Element
	events  chan string
	ended   chan []*xmpp.Element
	busy    atomic.Int32
	ends    atomic.Int32
	got     atomic.Int64
	block   chan struct{} // Stanza waits for it, if there is one
	forward atomic.Pointer[server.Conn]
}

func (c *client) enter() func() {
	if c.busy.Add(1) != 1 {
		panic("two calls at once")
	}
	if c.ends.Load() != 0 {
		panic("a call after the end")
	}
	return func() { c.busy.Add(-1) }
}

func (c *client) Stanza(ctx context.Context, st *xmpp.Element) {
	defer c.enter()()
	c.got.Add(1)
	if st.Get("id") == "panic" {
		panic("a bug in the client")
	}
	if c.block != nil {
		select {
		case <-c.block:
		case <-ctx.Done():
		}
	}
	if to := c.forward.Load(); to != nil {
		if err := to.Send(st); err != nil {
			panic(err)
		}
		return
	}
	if c.users.quiet {
		return
	}
	if xmpp.IsRequest(st) {
		// A client that is gone needs no answer.
		_ = c.conn.Send(xmpp.Result(st))
	}
	c.stanzas <- st
}

func (c *client) Detached() {
	defer c.enter()()
	c.events <- "detached"
}

func (c *client) Resumed() {
	defer c.enter()()
	c.events <- "resumed"
}

func (c *client) Ended(unsent []*xmpp.Element) {
	defer c.enter()()
	c.ends.Add(1)
	c.ended <- unsent
}

// send sends the client messages with these bodies.
func (c *client) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if err := c.conn.Send(message(b)); err != nil {
			t.Fatalf("send %q: %v", b, err)
		}
	}
}

func message(body string) *xmpp.Element {
	return xmpp.NewMessage("chat", "romeo@"+domain, "").Add(xmpp.NewText(xmpp.NSClient, "body", body))
}

func bodies(st []*xmpp.Element) string {
	var b []string
	for _, e := range st {
		if body := xmpp.Body(e); body != "" {
			b = append(b, body)
		}
	}
	return strings.Join(b, " ")
}
