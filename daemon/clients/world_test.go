// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

const (
	domain = "msn.example.org"
	me     = "me%hotmail.com@" + domain
	joe    = "joe@" + domain
	joeBot = joe + "/bot"
)

// fakeConn is a connection that keeps what it is sent, until it ends.
type fakeConn struct {
	info   server.Info
	cl     *clients.Client
	ending sync.WaitGroup

	mu     sync.Mutex
	got    []*xmpp.Element
	closed string // the condition it was closed with
	ended  bool
}

func (f *fakeConn) JID() jid.JID      { return f.info.JID }
func (f *fakeConn) Info() server.Info { return f.info }

func (f *fakeConn) Send(st *xmpp.Element) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return server.ErrGone
	}
	f.got = append(f.got, st)
	return nil
}

// Close ends the connection from another goroutine, as the server does.
func (f *fakeConn) Close(condition, _ string) {
	f.mu.Lock()
	f.closed = condition
	f.mu.Unlock()
	f.ending.Go(func() { f.end() })
}

// end ends the connection; what is given was not acknowledged.
func (f *fakeConn) end(unsent ...*xmpp.Element) {
	f.mu.Lock()
	first := !f.ended
	f.ended = true
	f.mu.Unlock()
	if first && f.cl != nil {
		f.cl.Ended(unsent)
	}
}

// take returns what came since the last take.
func (f *fakeConn) take() []*xmpp.Element {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

func (f *fakeConn) condition() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// fakeSession is a legacy session with a contact list. It takes everything.
type fakeSession struct {
	u *clients.User

	mu       sync.Mutex
	got      []*xmpp.Element
	back     []*xmpp.Element
	attached map[string]bool
	events   []string
	roster   map[string]rosteritem.Item
	photo    []byte
	refuse   error
	// reading, if set, is called while a roster is read.
	reading func()
	// hold, if set, is closed when the session takes stanzas again.
	hold chan struct{}
}

func newSession() *fakeSession {
	return &fakeSession{attached: map[string]bool{}, roster: map[string]rosteritem.Item{}}
}

func (s *fakeSession) Stanza(ctx context.Context, st *xmpp.Element) error {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	s.got = append(s.got, st)
	return nil
}

func (s *fakeSession) Attached(_ context.Context, r string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	s.attached[r] = true
	s.events = append(s.events, "+"+r)
	return nil
}

func (s *fakeSession) Detached(_ context.Context, r string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attached, r)
	s.events = append(s.events, "-"+r)
	return nil
}

func (s *fakeSession) Roster(context.Context) ([]rosteritem.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading != nil {
		s.reading()
	}
	if s.refuse != nil {
		return nil, s.refuse
	}
	var all []rosteritem.Item
	for _, i := range s.roster {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b rosteritem.Item) int { return strings.Compare(a.JID, b.JID) })
	return all, nil
}

var errNoContact = &clients.Error{Condition: xmpp.ItemNotFound, Text: "There is no such contact"}

func (s *fakeSession) EditContact(ctx context.Context, j, name string, groups []string) error {
	return s.edit(ctx, rosteritem.Item{JID: j, Name: name, Groups: groups, Subscription: "both"})
}

func (s *fakeSession) edit(ctx context.Context, i rosteritem.Item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roster[i.JID] = i
	return s.u.PushRoster(ctx, []rosteritem.Item{i})
}

func (s *fakeSession) RemoveContact(ctx context.Context, j string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.roster[j]; !ok {
		return errNoContact
	}
	delete(s.roster, j)
	return s.u.PushRoster(ctx, []rosteritem.Item{{JID: j, Subscription: rosteritem.Remove}})
}

func (s *fakeSession) Block(_ context.Context, j string, blocked bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf("block %s %v", j, blocked))
	return nil
}

func (s *fakeSession) Undelivered(_ context.Context, st *xmpp.Element) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.back = append(s.back, st)
	return nil
}

func (s *fakeSession) SetAvatar(_ context.Context, photo []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.photo = photo
	return nil
}

// take returns what the session was sent since the last take, returned what it
// was given back.
func (s *fakeSession) take() []*xmpp.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

func (s *fakeSession) returned() []*xmpp.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	back := s.back
	s.back = nil
	return back
}

func (s *fakeSession) happened() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.events
	s.events = nil
	return e
}

// world is one user with his session.
type world struct {
	t        testing.TB
	u        *clients.User
	s        *fakeSession
	settings clients.Settings

	mu        sync.Mutex
	transport []*xmpp.Element
}

func newWorld(t testing.TB, change ...func(*clients.Options)) *world {
	w := &world{t: t, s: newSession(), settings: clients.Settings{MoreResources: true, Name: "Spectrum 2", Version: "2.9"}}
	o := clients.Options{
		User: jid.MustParse(me), Domain: domain, Session: w.s, Log: slog.New(slog.DiscardHandler),
		Settings: func() clients.Settings { return w.settings },
		Transport: func(_ context.Context, st *xmpp.Element) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.transport = append(w.transport, st)
		},
	}
	for _, f := range change {
		f(&o)
	}
	w.u = clients.New(o)
	w.s.u = w.u
	return w
}

// toTransport is what the transport was sent since the last call.
func (w *world) toTransport() []*xmpp.Element {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.transport
	w.transport = nil
	return got
}

// peer is a client as its user has it in front of him.
type peer struct {
	w    *world
	full string
	conn *fakeConn
	cl   *clients.Client
}

func (w *world) bind(resource string) *peer {
	w.t.Helper()
	p, err := w.tryBind(resource)
	if err != nil {
		w.t.Fatalf("bind %q: %v", resource, err)
	}
	return p
}

func (w *world) tryBind(resource string) (*peer, error) {
	c := &fakeConn{}
	r, cl, err := w.u.Bind(context.Background(), c, resource)
	if err != nil {
		return nil, err
	}
	c.cl = cl
	c.info.JID, _ = jid.MustParse(me).WithResource(r)
	return &peer{w: w, full: me + "/" + r, conn: c, cl: cl}, nil
}

// online binds a client that is available with a priority, and forgets what
// came of it.
func (w *world) online(resource string, priority int) *peer {
	w.t.Helper()
	p := w.bind(resource)
	p.send(fmt.Sprintf(`<presence><priority>%d</priority></presence>`, priority))
	w.forget(p)
	return p
}

// forget lets everything settle and forgets what was sent.
func (w *world) forget(peers ...*peer) {
	synctest.Wait()
	for _, p := range peers {
		p.conn.take()
	}
	w.s.take()
	w.s.happened()
	w.toTransport()
}

// send is a stanza from the client, as XML.
func (p *peer) send(stanza string) {
	p.w.t.Helper()
	p.cl.Stanza(context.Background(), p.stanza(stanza))
}

func (p *peer) stanza(s string) *xmpp.Element {
	p.w.t.Helper()
	return parse(p.w.t, s).Set("from", p.full)
}

func parse(t testing.TB, s string) *xmpp.Element {
	t.Helper()
	i := strings.IndexAny(s, " />")
	st, err := xmpp.Parse([]byte(s[:i] + " xmlns='jabber:client'" + s[i:]))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return st
}

// arrives is a stanza for the user, from the session.
func (w *world) arrives(stanza string) {
	w.t.Helper()
	if err := w.u.Send(context.Background(), parse(w.t, stanza)); err != nil {
		w.t.Fatal(err)
	}
}

// got lets everything settle and returns what the client was sent.
func (p *peer) got() []*xmpp.Element {
	synctest.Wait()
	return p.conn.take()
}

// one is the only stanza that the client was sent.
func (p *peer) one() *xmpp.Element {
	p.w.t.Helper()
	got := p.got()
	if len(got) != 1 {
		p.w.t.Fatalf("%s got %d stanzas instead of one: %v", p.full, len(got), brief(got))
	}
	return got[0]
}

// asks sends a request and returns the only answer.
func (p *peer) asks(iq string) *xmpp.Element {
	p.w.t.Helper()
	p.conn.take()
	p.send(iq)
	return p.one()
}

// brief is what a person would look at first in stanzas.
func brief(sts []*xmpp.Element) []string {
	out := []string{}
	for _, st := range sts {
		s := st.Name
		if t := st.Get("type"); t != "" {
			s += "." + t
		}
		if c, _ := xmpp.ErrorOf(st); c != "" {
			s += "(" + c + ")"
		}
		out = append(out, s+" "+strings.ReplaceAll(st.Get("from"), me, "ME")+">"+strings.ReplaceAll(st.Get("to"), me, "ME"))
	}
	return out
}

// wants fails unless got is, in brief, want.
func wants(t testing.TB, who string, got []*xmpp.Element, want ...string) {
	t.Helper()
	if b := brief(got); !slices.Equal(b, want) {
		t.Errorf("%s: got  %q\nwant %q", who, b, want)
	}
}

// refused fails unless st is an error with this condition.
func refused(t testing.TB, st *xmpp.Element, condition string) {
	t.Helper()
	if c, _ := xmpp.ErrorOf(st); st.Get("type") != "error" || c != condition {
		t.Errorf("got %s\nwant the error %s", st, condition)
	}
}

var errDown = errors.New("down")

// inWorld runs f in a bubble with a user of its own, and ends everything.
func inWorld(t *testing.T, f func(t *testing.T, w *world), change ...func(*clients.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change...)
		f(t, w)
		w.u.Close(xmpp.SystemShutdown, "")
		synctest.Wait()
		w.u.Wait()
	})
}
