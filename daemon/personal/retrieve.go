// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
	"spectrum.im/spectrum2/daemon/xmpp/rsm"
)

// maxAnswer bounds the bytes of the items of one answer, apart from one item
// that is larger alone.
const maxAnswer = 512 << 10

// getNodes is what is asked of nodes (XEP-0060 §5 and §6.5).
func (s *Services) getNodes(ctx context.Context, r *request) (*xmpp.Element, error) {
	e := r.payload.First()
	if e == nil || e.Space != pubsub.NS {
		return nil, refuse(xmpp.BadRequest, "Nothing is asked in this request")
	}
	switch e.Name {
	case "items":
		return s.retrieve(ctx, r, e)
	case "affiliations":
		return s.affiliations(ctx, e.Get("node"))
	case "default":
		answer := xmpp.New(pubsub.NS, "default").Add(pubsub.Default().Form().Element())
		return xmpp.New(pubsub.NS, "pubsub").Add(answer), nil
	}
	return nil, unsupported(e.Name)
}

// affiliations: all nodes are the user's own.
func (s *Services) affiliations(ctx context.Context, only string) (*xmpp.Element, error) {
	all, err := s.nodes(ctx)
	if err != nil {
		return nil, err
	}
	answer := xmpp.New(pubsub.NS, "affiliations").Set("node", only)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if only == "" || only == name {
			answer.Add(xmpp.New(pubsub.NS, "affiliation").Set("node", name).Set("affiliation", "owner"))
		}
	}
	return xmpp.New(pubsub.NS, "pubsub").Add(answer), nil
}

// retrieve is XEP-0060 §6.5: all items, some by their ids, the newest ones, or
// a page.
func (s *Services) retrieve(ctx context.Context, r *request, e *xmpp.Element) (*xmpp.Element, error) {
	name := e.Get("node")
	page, err := rsm.Of(r.payload)
	if err != nil {
		return nil, refuse(xmpp.BadRequest, err.Error())
	}
	if page.Index >= 0 {
		return nil, refuse(xmpp.FeatureNotImplemented, "Pages by index are not supported")
	}
	if _, err := s.readable(ctx, name); err != nil {
		return nil, err
	}
	kept, err := s.items(ctx, name)
	if err != nil {
		return nil, err
	}
	all := make([]pubsub.Item, 0, len(kept))
	for _, k := range kept {
		all = append(all, k.Item)
	}
	asked, _ := pubsub.ItemsOf(e)
	if len(asked) > 0 {
		all = slices.DeleteFunc(all, func(i pubsub.Item) bool {
			return !slices.ContainsFunc(asked, func(a pubsub.Item) bool { return a.ID == i.ID })
		})
	}
	if m := e.Get("max_items"); m != "" {
		n, err := strconv.ParseUint(m, 10, 32)
		if err != nil {
			return nil, refuse(xmpp.BadRequest, "max_items is a number")
		}
		all = all[max(0, len(all)-int(n)):]
	}
	found, end, err := pageOf(all, page)
	if err != nil {
		return nil, err
	}
	answer := xmpp.New(pubsub.NS, "pubsub").Add(pubsub.Items(name, found))
	if len(found) < len(all) || page != (rsm.Request{Max: rsm.Unlimited, Index: rsm.Unlimited}) {
		answer.Add(end.Element())
	}
	return answer, nil
}

// readable reports whether there is such a node; the bookmarks of XEP-0048 are
// there as soon as there are any.
func (s *Services) readable(ctx context.Context, name string) (pubsub.Config, error) {
	c, err := s.existing(ctx, name)
	if err == nil || name == "" {
		return c, err
	}
	if items, e := s.items(ctx, name); e != nil || len(items) > 0 {
		return newNode(name), e
	}
	return c, err
}

// pageOf is the page that is asked for, and no more than an answer may have:
// without a wish, the newest.
func pageOf(all []pubsub.Item, p rsm.Request) ([]pubsub.Item, rsm.Page, error) {
	end := rsm.Page{Index: rsm.Unlimited, Count: len(all)}
	from, to := 0, len(all)
	for _, bound := range []struct {
		id string
		at *int
		by int
	}{{p.After, &from, 1}, {p.Before, &to, 0}} {
		if bound.id == "" {
			continue
		}
		i := slices.IndexFunc(all, func(i pubsub.Item) bool { return i.ID == bound.id })
		if i < 0 {
			return nil, end, refuse(xmpp.ItemNotFound, fmt.Sprintf("There is no item %.200s", bound.id))
		}
		*bound.at = i + bound.by
	}
	from = min(from, to)
	newest := p.Last || p.After == "" && p.Max == rsm.Unlimited
	found := fitting(all[from:to], p.Max, newest)
	if len(found) > 0 {
		end.First, end.Last = found[0].ID, found[len(found)-1].ID
		end.Index = slices.IndexFunc(all, func(i pubsub.Item) bool { return i.ID == end.First })
	}
	return found, end, nil
}

// fitting is as many of the items, from one end, as an answer may have.
func fitting(items []pubsub.Item, most int, newest bool) []pubsub.Item {
	size, n := 0, 0
	for ; n < len(items) && (most == rsm.Unlimited || n < most); n++ {
		i := items[n]
		if newest {
			i = items[len(items)-1-n]
		}
		size += len(xmpp.Append(nil, i.Payload, ""))
		if size > maxAnswer && n > 0 {
			break
		}
	}
	if newest {
		return items[len(items)-n:]
	}
	return items[:n]
}

// listNodes is disco#items: of the account its nodes, of a node its items
// (XEP-0060 §5.2 and §5.5).
func (s *Services) listNodes(ctx context.Context, r *request) (*xmpp.Element, error) {
	answer := disco.Items{Node: r.payload.Get("node")}
	if answer.Node == "" {
		all, err := s.nodes(ctx)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			answer.Items = append(answer.Items, disco.Item{JID: s.bare, Node: name, Name: all[name].Title})
		}
		return answer.Element(), err
	}
	if _, err := s.readable(ctx, answer.Node); err != nil {
		return nil, err
	}
	items, err := s.items(ctx, answer.Node)
	for _, i := range items {
		answer.Items = append(answer.Items, disco.Item{JID: s.bare, Name: i.ID})
	}
	return answer.Element(), err
}

// nodeInfo is disco#info of a node (XEP-0060 §5.3).
func (s *Services) nodeInfo(ctx context.Context, r *request) (*xmpp.Element, error) {
	name := r.payload.Get("node")
	if _, err := s.readable(ctx, name); err != nil {
		return nil, err
	}
	return disco.Info{
		Node: name, Identities: []disco.Identity{{Category: "pubsub", Type: "leaf"}}, Features: []string{pubsub.NS},
	}.Element(), nil
}
