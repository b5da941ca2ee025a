// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
)

const (
	kindBlocked = "block"
	nodeBlocked = "list"
)

// blockList is the blocked addresses in their normal form; the map is never
// changed, only replaced.
type blockList struct {
	list atomic.Pointer[map[string]bool]
}

func (b *blockList) get() map[string]bool {
	if p := b.list.Load(); p != nil {
		return *p
	}
	return nil
}

// Blocked reports whether the user blocks an address: itself, its bare form,
// its domain with the same resource, or its domain (XEP-0191 §5). It never
// waits.
func (s *Services) Blocked(address string) bool {
	list := s.blocked.get()
	if len(list) == 0 {
		return false
	}
	j, err := xmpp.ParseJID(address)
	if err != nil {
		return false
	}
	if list[j.String()] || list[j.Bare().String()] || list[j.Domain().String()] {
		return true
	}
	if j.Resourcepart() == "" || j.Localpart() == "" {
		return false
	}
	return list[j.Domainpart()+"/"+j.Resourcepart()]
}

func (s *Services) loadBlocked(ctx context.Context) error {
	items, err := s.store.PersonalItems(ctx, s.id, kindBlocked, nodeBlocked)
	if err != nil || len(items) == 0 {
		return err
	}
	list := make(map[string]bool, len(items))
	for _, i := range items {
		list[string(i.Value)] = true
	}
	s.blocked.list.Store(&list)
	return nil
}

// getBlocked answers with the list; its client hears of changes from now on.
func (s *Services) getBlocked(_ context.Context, r *request) (*xmpp.Element, error) {
	from, err := xmpp.ParseJID(r.from)
	if err != nil {
		return nil, err
	}
	if resource := from.Resourcepart(); resource != "" {
		s.clients.change(resource, func(c *client) { c.list = true })
	}
	return blocking.Element(blocking.List, slices.Sorted(maps.Keys(s.blocked.get()))), nil
}

func (s *Services) block(ctx context.Context, r *request) (*xmpp.Element, error) {
	list, err := s.addresses(r.payload)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, refuse(xmpp.BadRequest, "There is no address to block")
	}
	if slices.Contains(list, s.bare) {
		return nil, refuse(xmpp.NotAllowed, "You cannot block yourself")
	}
	next := maps.Clone(s.blocked.get())
	if next == nil {
		next = map[string]bool{}
	}
	var changes []store.Change
	var fresh []string
	for _, j := range list {
		if next[j] {
			continue
		}
		next[j] = true
		fresh = append(fresh, j)
		changes = append(changes, store.Change{Put: &store.Item{Kind: kindBlocked, Node: nodeBlocked, Item: key(j), Order: s.nextOrder(), Value: []byte(j)}})
	}
	if len(next) > maxBlocked {
		return nil, refuse(xmpp.ResourceConstraint, fmt.Sprintf("At most %d addresses can be blocked", maxBlocked))
	}
	if len(changes) == 0 {
		return nil, nil
	}
	return nil, s.blockedNow(ctx, r, next, fresh, true, list, changes)
}

func (s *Services) unblock(ctx context.Context, r *request) (*xmpp.Element, error) {
	list, err := s.addresses(r.payload)
	if err != nil {
		return nil, err
	}
	next := maps.Clone(s.blocked.get())
	gone, changes := list, []store.Change(nil)
	if len(list) == 0 {
		gone = slices.Sorted(maps.Keys(next))
		changes = append(changes, store.Change{Kind: kindBlocked})
	}
	gone = slices.DeleteFunc(slices.Clone(gone), func(j string) bool { return !next[j] })
	for _, j := range gone {
		delete(next, j)
		changes = append(changes, store.Change{Kind: kindBlocked, Node: nodeBlocked, Item: key(j)})
	}
	if len(gone) == 0 {
		return nil, nil
	}
	return nil, s.blockedNow(ctx, r, next, gone, false, list, changes)
}

// addresses are those of a payload in their normal form, each once.
func (s *Services) addresses(payload *xmpp.Element) ([]string, error) {
	var list []string
	seen := map[string]bool{}
	for _, address := range blocking.JIDs(payload) {
		j, err := xmpp.ParseJID(address)
		if err != nil {
			return nil, refuse(xmpp.JIDMalformed, "That is no address")
		}
		if n := j.String(); !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	return list, nil
}

// blockedNow keeps the new list and tells the clients, and then the network,
// what changed.
func (s *Services) blockedNow(ctx context.Context, r *request, next map[string]bool, changed []string, blocked bool, push []string, changes []store.Change) error {
	if err := s.change(ctx, changes...); err != nil {
		return err
	}
	s.blocked.list.Store(&next)
	payload := blocking.Element(r.payload.Name, push)
	for _, resource := range s.clients.who(func(c *client) bool { return c.list }) {
		_ = s.send(ctx, xmpp.NewIQ("set", s.bare, s.bare+"/"+resource, "").Add(payload)) // who is gone asks for the list again
	}
	r.later = append(r.later, func(ctx context.Context) { s.tellNetwork(ctx, changed, blocked) })
	return nil
}

// tellNetwork passes on what the network can block: contacts.
func (s *Services) tellNetwork(ctx context.Context, changed []string, blocked bool) {
	if s.opts.Block == nil {
		return
	}
	for _, address := range changed {
		j, err := xmpp.ParseJID(address)
		if err != nil || !s.contact(j) {
			continue
		}
		if err := s.opts.Block(ctx, address, blocked); err != nil {
			s.log.Info("the network was not told of a blocked contact", "contact", address, "blocked", blocked, "err", err)
		}
	}
}

// contact reports whether j can be a contact: of the user's own domain, where
// the network is.
func (s *Services) contact(j jid.JID) bool {
	return j.Localpart() != "" && j.Resourcepart() == "" && j.Domainpart() == s.user.Domainpart()
}
