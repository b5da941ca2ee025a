// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

// maxInterests bounds the nodes that one client hears of.
const maxInterests = 256

// clientTable is what the user's clients want to hear of, by resource.
type clientTable struct {
	mu    sync.Mutex
	table map[string]*client
}

type client struct {
	nodes map[string]bool
	// list: it asked for the blocked addresses (XEP-0191 §3.5).
	list bool
}

// change runs f on the resource's entry.
func (t *clientTable) change(resource string, f func(*client)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		t.table = map[string]*client{}
	}
	if t.table[resource] == nil {
		t.table[resource] = &client{}
	}
	f(t.table[resource])
}

// who returns the resources that f picks, in order.
func (t *clientTable) who(f func(*client) bool) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for resource, c := range t.table {
		if f(c) {
			all = append(all, resource)
		}
	}
	slices.Sort(all)
	return all
}

// Gone forgets a client.
func (s *Services) Gone(resource string) {
	s.clients.mu.Lock()
	defer s.clients.mu.Unlock()
	delete(s.clients.table, resource)
}

// Subscribe says which nodes a client wants to hear of, with or without
// "+notify" behind their names, in place of those before. It is sent the last
// items of those that are new to it, before Subscribe returns.
func (s *Services) Subscribe(resource string, interests []string) {
	nodes := map[string]bool{}
	for _, i := range interests[:min(len(interests), maxInterests)] {
		nodes[strings.TrimSuffix(i, pubsub.Notify)] = true
	}
	fresh := maps.Clone(nodes)
	s.clients.change(resource, func(c *client) {
		for n := range c.nodes {
			delete(fresh, n)
		}
		c.nodes = nodes
	})
	if len(fresh) == 0 || s.background.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.background, requestTime)
	defer cancel()
	if err := s.sendLast(ctx, resource, fresh); err != nil && s.background.Err() == nil {
		s.log.Warn("last items of the user's nodes not sent", "resource", resource, "err", err)
	}
}

// sendLast sends the last items of nodes (XEP-0163 §4.3.4).
func (s *Services) sendLast(ctx context.Context, resource string, nodes map[string]bool) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	all, err := s.nodes(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		c, there := all[name]
		if !there || c.Send != pubsub.SendOnPresence {
			continue
		}
		items, err := s.items(ctx, name)
		if err != nil {
			return err
		}
		if len(items) > 0 {
			s.tellOne(ctx, resource, pubsub.Published(name, delivered(c, items[len(items)-1].Item)))
		}
	}
	return nil
}

// tell sends an event to the clients that want to hear of the node.
func (s *Services) tell(ctx context.Context, node string, event *xmpp.Element) {
	for _, resource := range s.clients.who(func(c *client) bool { return c.nodes[node] }) {
		s.tellOne(ctx, resource, event)
	}
}

func (s *Services) tellOne(ctx context.Context, resource string, event *xmpp.Element) {
	// A client that is gone hears it at its next login.
	_ = s.send(ctx, xmpp.NewMessage("headline", s.bare, s.bare+"/"+resource).Add(event))
}
