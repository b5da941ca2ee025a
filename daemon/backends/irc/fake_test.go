// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// fakeUser is the main process's side: it writes down what it is told, one
// line for each thing.
type fakeUser struct {
	config *config.Config
	events chan string
	work   sync.WaitGroup
}

func newFakeUser(c *config.Config) *fakeUser {
	return &fakeUser{config: c, events: make(chan string, 10000)}
}

func (u *fakeUser) note(format string, args ...any) {
	select {
	case u.events <- strings.TrimSpace(fmt.Sprintf(format, args...)):
	default:
	}
}

func (u *fakeUser) Log() *slog.Logger      { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
func (u *fakeUser) Config() *config.Config { return u.config }
func (u *fakeUser) Go(f func())            { u.work.Go(f) }

func (u *fakeUser) Connected(name string, c pbnetwork.Confirmation) {
	u.note("connected %s %s", name, c)
}

func (u *fakeUser) Contact(c backend.Contact) {
	u.note("contact %s %s %s", c.Name, c.Status.Type, c.Status.Text)
}

func (u *fakeUser) Message(m backend.Incoming) {
	kind := "message"
	switch {
	case m.Carbon:
		kind = "carbon"
	case m.Headline:
		kind = "headline"
	case m.Private:
		kind = "private"
	}
	u.note("%s %s/%s: %s id=%s", kind, m.From, m.Occupant, m.Text, m.RemoteID)
}

func (u *fakeUser) Participant(p backend.Participant) {
	what := "here"
	switch {
	case p.NewName != "":
		what = "now " + p.NewName
	case p.Banned:
		what = "banned by " + p.Actor
	case p.Kicked:
		what = "kicked by " + p.Actor
	case p.Status.Type == pbnetwork.StatusType_STATUS_NONE:
		what = "gone"
	case p.Status.Type == pbnetwork.StatusType_STATUS_AWAY:
		what = "away"
	}
	if p.Me {
		what += " me"
	}
	u.note("participant %s/%s %s %s %s (%s)", p.Room, p.Nickname, what,
		strings.TrimPrefix(p.Role.String(), "ROLE_"), strings.TrimPrefix(p.Affiliation.String(), "AFFILIATION_"), p.Status.Text)
}

func (u *fakeUser) Subject(room, by, text string, _ time.Time) {
	u.note("subject %s/%s: %s", room, by, text)
}
func (u *fakeUser) RoomNick(room, nick string) { u.note("nick %s/%s", room, nick) }
func (u *fakeUser) RoomList(rooms, names []string) {
	u.note("rooms %s", strings.Join(names, ", "))
}
func (u *fakeUser) JoinFailed(room, nick, condition, text string) {
	u.note("joinfailed %s/%s %s: %s", room, nick, condition, text)
}

// fakeResult notes a message's fate.
type fakeResult struct {
	u    *fakeUser
	name string
}

func (r fakeResult) Delivered(id string) { r.u.note("delivered %s %s", r.name, id) }
func (r fakeResult) Refused(c, reason string) {
	r.u.note("refused %s %s: %s", r.name, c, reason)
}
func (r fakeResult) Unknown(reason string) { r.u.note("unknown %s: %s", r.name, reason) }

// player is a session under test with its user.
type player struct {
	t *testing.T
	*session
	u      *fakeUser
	ctx    context.Context
	seen   []string
	ended  chan error
	logout context.CancelFunc
}

const patience = 20 * time.Second

// play starts a session; it ends with the test.
func play(t *testing.T, n *Network, login backend.Login) *player {
	t.Helper()
	p := &player{t: t, u: newFakeUser(n.config), ended: make(chan error, 1)}
	p.ctx, p.logout = context.WithCancel(context.Background())
	p.session = n.newSession(p.u, login)
	go func() {
		p.ended <- p.session.Run(p.ctx)
		p.u.work.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.end)
	return p
}

func (p *player) end() {
	p.logout()
	for range p.ended {
	}
}

// expect returns the next event that begins with what and has all the parts.
func (p *player) expect(what string, parts ...string) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e := <-p.u.events:
			p.seen = append(p.seen, e)
			if strings.HasPrefix(e, what) && containsAll(e, parts) {
				return e
			}
		case <-timeout:
			p.t.Fatalf("no event %q with %q; the last were:\n%s", what, parts, strings.Join(p.seen[max(0, len(p.seen)-25):], "\n"))
		}
	}
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// say sends a message and returns the name of its result.
func (p *player) say(to, text string) string {
	name := fmt.Sprintf("<%s %.10q>", to, text)
	p.message(p.ctx, &backend.Message{To: to, Text: text}, fakeResult{p.u, name})
	return name
}

// sayTo sends a private message to an occupant.
func (p *player) sayTo(room, occupant, text string) string {
	name := fmt.Sprintf("<%s/%s %.10q>", room, occupant, text)
	p.message(p.ctx, &backend.Message{To: room, Occupant: occupant, Text: text}, fakeResult{p.u, name})
	return name
}

func (p *player) join(room, nick string) {
	p.t.Helper()
	if err := p.JoinRoom(p.ctx, room, nick, ""); err != nil {
		p.t.Fatalf("join %s: %v", room, err)
	}
}

// command runs a command and returns its answer or its error.
func (p *player) command(room, name string, args ...string) string {
	text, err := p.Command(p.ctx, room, name, args)
	if err != nil {
		return "error: " + err.Error()
	}
	return text
}

// network is the backend with the given servers; sections are those of
// networks, without their "irc.".
func network(t *testing.T, servers []string, sections map[string]map[string][]string) *Network {
	t.Helper()
	c := &config.Config{Service: config.Service{
		IRCServer: servers, VerifyCerts: true, IRCIdentify: "NickServ identify $password", MaxRoomListSize: 100, EnableXHTML: true,
	}, Sections: map[string]map[string][]string{}}
	for name, s := range sections {
		c.Sections["irc."+name] = s
	}
	n, err := New(backend.Options{Config: c})
	if err != nil {
		t.Fatalf("make the backend: %v", err)
	}
	return n.(*Network)
}

// fast is a section without pacing.
func fast(more ...string) map[string][]string {
	s := map[string][]string{"throttle": {"0"}}
	for i := 0; i+1 < len(more); i += 2 {
		s[more[i]] = append(s[more[i]], more[i+1])
	}
	return s
}
