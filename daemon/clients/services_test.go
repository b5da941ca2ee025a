// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/private"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

// fakeServices keep private documents and the last item of each node, number
// what they record, and answer an archive query with one message before the
// result.
type fakeServices struct {
	send func(ctx context.Context, st *xmpp.Element) error

	mu       sync.Mutex
	recorded []*xmpp.Element
	docs     map[string]*xmpp.Element
	items    map[string]*xmpp.Element // by node and by node/id
	blocked  map[string]bool
	interest map[string][]string
}

func newServices() *fakeServices {
	return &fakeServices{docs: map[string]*xmpp.Element{}, items: map[string]*xmpp.Element{}, blocked: map[string]bool{}, interest: map[string][]string{}}
}

// withServices gives the user of a world services.
func withServices(s *fakeServices) func(*clients.Options) {
	return func(o *clients.Options) { o.Services = s }
}

func (s *fakeServices) Features() []string { return []string{mam.NS, pubsub.NS + "#publish"} }

func (s *fakeServices) Record(st *xmpp.Element, sent bool) *xmpp.Element {
	if xmpp.Body(st) == "" {
		return st
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded = append(s.recorded, st)
	c := *st
	c.Nodes = append(slices.Clone(st.Nodes), xmpp.Node{Element: mam.StanzaID(me, fmt.Sprintf("n%d-%v", len(s.recorded), sent))})
	return &c
}

func (s *fakeServices) Blocked(j string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blocked[j]
}

func (s *fakeServices) Subscribe(r string, nodes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interest[r] = nodes
}

func (s *fakeServices) Gone(r string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.interest, r)
}

func (s *fakeServices) interests(r string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interest[r]
}

func (s *fakeServices) IQ(ctx context.Context, iq *xmpp.Element) (*xmpp.Element, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := iq.First()
	switch p.Space {
	case mam.NS:
		_ = s.send(ctx, xmpp.NewMessage("", me, iq.Get("from")).Add(xmpp.New(mam.NS, "result")))
		return xmpp.Result(iq).Add(xmpp.New(mam.NS, "fin")), true
	case private.NS:
		doc := p.First()
		if iq.Get("type") == "set" {
			s.docs[doc.Space] = doc
			return xmpp.Result(iq), true
		}
		if d := s.docs[doc.Space]; d != nil {
			doc = d
		}
		return xmpp.Result(iq).Add(private.Query(doc)), true
	case pubsub.NS:
		return s.nodes(iq, p.First()), true
	}
	return nil, false
}

func (s *fakeServices) nodes(iq, e *xmpp.Element) *xmpp.Element {
	node, item := e.Get("node"), e.First()
	if e.Name == "publish" {
		s.items[node], s.items[node+"/"+item.Get("id")] = item, item
		return xmpp.Result(iq)
	}
	if item != nil {
		node += "/" + item.Get("id")
	}
	if s.items[node] == nil {
		return xmpp.ErrorReply(iq, "", xmpp.ItemNotFound, "")
	}
	return xmpp.Result(iq).Add(xmpp.New(pubsub.NS, "pubsub").Add(xmpp.New(pubsub.NS, "items").Add(s.items[node])))
}

// records is how many messages were recorded since the last call.
func (s *fakeServices) records() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.recorded)
	s.recorded = s.recorded[:0]
	return n
}
