// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// User is one user's clients. While nothing happens it has no goroutine.
type User struct {
	o        Options
	bare     string
	session  atomic.Pointer[Session]
	services atomic.Pointer[Services]
	own      own
	box      mailbox
	up       upward
	// closing is who waits for the end of what a panic ended.
	closing sync.WaitGroup
	// binding holds a token while a Bind is under way: there is one at a time.
	binding chan struct{}

	// What follows belongs to the worker.

	// list are the bound clients, leaving those whose connections ended and
	// who are still being said goodbye for.
	list, leaving []*Client
	closed        bool
	versions      *versions
	forks         *forks
}

// New makes a User without clients.
func New(o Options) *User {
	u := &User{o: o, bare: o.User.Bare().String(), binding: make(chan struct{}, 1)}
	u.o.Domain = o.User.Domainpart()
	if o.Session != nil {
		u.session.Store(&o.Session)
	}
	u.SetServices(o.Services)
	u.o.Session, u.o.Services = nil, nil
	return u
}

// Info is one client as the administrator sees it.
type Info struct {
	server.Info
	Resource string
	// Name and Version are the client's answer to jabber:iq:version, empty
	// until it came.
	Name, Version string
	// Available: it sent initial presence, with this Priority.
	Available bool
	Priority  int
	Carbons   bool
}

// Send takes a stanza for the user, to his bare or one of his full JIDs, from
// the session or the transport; one from his bare JID to somebody else is what
// he sent elsewhere, which his clients are shown. It waits for neither a peer
// nor a database: at most for the worker to catch up. Order is kept. The
// stanza must not be changed afterwards.
func (u *User) Send(ctx context.Context, st *xmpp.Element) error {
	return u.postWithin(ctx, arrived{st})
}

// PushRoster tells the clients that asked for the roster of changes (RFC 6121
// §2.1.6); an item that is gone has the subscription "remove". Like Send.
func (u *User) PushRoster(ctx context.Context, items []rosteritem.Item) error {
	return u.postWithin(ctx, rosterChanged{items})
}

// SetSession replaces the session. The new one is told of the clients and their
// presence, soon.
func (u *User) SetSession(s Session) {
	if s == nil {
		u.session.Store(nil)
		return
	}
	u.session.Store(&s)
	u.later("announcement of the clients", u.announce)
}

// SetServices replaces what is kept for the user; nil where nothing is.
func (u *User) SetServices(s Services) {
	if s == nil {
		u.services.Store(nil)
		return
	}
	u.services.Store(&s)
	u.later("interests of the clients", func(context.Context) {
		for _, c := range u.bound() {
			if i := c.interests.Load(); i != nil {
				s.Subscribe(c.resource, *i)
			}
		}
	})
}

func (u *User) kept() Services {
	if s := u.services.Load(); s != nil {
		return *s
	}
	return nil
}

// Clients are the bound clients, by resource.
func (u *User) Clients() []Info {
	var infos []Info
	var list []*Client
	u.do(func() {
		list = slices.Clone(u.list)
		for _, c := range list {
			infos = append(infos, Info{
				Resource: c.resource, Name: c.name, Version: c.version,
				Available: c.there(), Priority: int(c.priority), Carbons: c.carbons,
			})
		}
	})
	for i, c := range list {
		infos[i].Info = c.conn.Info()
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Resource, b.Resource) })
	return infos
}

// bound are the bound clients, for anyone but the worker.
func (u *User) bound() (list []*Client) {
	u.do(func() { list = slices.Clone(u.list) })
	return list
}

// End ends the connection of one client with a stream error. It reports
// whether there is one with this resource.
func (u *User) End(resource, condition, text string) bool {
	var c *Client
	u.do(func() { c = u.find(resource) })
	if c == nil {
		return false
	}
	c.conn.Close(condition, text)
	return true
}

// Close ends all connections with a stream error; nobody can bind any more.
func (u *User) Close(condition, text string) {
	var list []*Client
	u.do(func() { u.closed, list = true, slices.Clone(u.list) })
	for _, c := range list {
		c.conn.Close(condition, text)
	}
}

// Retire closes the user if no client is bound, leaving or being bound. It
// reports whether that is so: then Bind answers ErrClosed, and the caller may
// forget the user.
func (u *User) Retire() (retired bool) {
	select {
	case u.binding <- struct{}{}:
	default:
		return false
	}
	defer func() { <-u.binding }()
	u.do(func() {
		if len(u.list)+len(u.leaving) == 0 {
			u.closed = true
		}
		retired = u.closed && len(u.list)+len(u.leaving) == 0
	})
	return retired
}

// Wait returns when nothing is under way any more. It is meant for a user who
// was closed and whose connections have ended.
func (u *User) Wait() {
	u.closing.Wait()
	u.box.workers.Wait()
	u.up.workers.Wait()
	u.box.workers.Wait()
}

// find is the bound client with this resource, nil without one. For the worker.
func (u *User) find(resource string) *Client {
	for _, c := range u.list {
		if c.resource == resource {
			return c
		}
	}
	return nil
}

// resourceOf tells whether to is an address of the user's, and the resource in
// it.
func (u *User) resourceOf(to string) (resource string, mine bool) {
	if rest, ok := strings.CutPrefix(to, u.bare); ok && (rest == "" || rest[0] == '/') {
		return strings.TrimPrefix(rest, "/"), true
	}
	j, err := xmpp.ParseJID(to)
	if err != nil || !j.Bare().Equal(u.o.User.Bare()) {
		return "", false
	}
	return j.Resourcepart(), true
}
