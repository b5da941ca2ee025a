// SPDX-License-Identifier: GPL-2.0-or-later

// Package bookmarks is the rooms that a user marks, in the form of XEP-0402 (an
// item of a node for each room) and in that of XEP-0048 (one document with all
// of them), and the way from one form to the other. It keeps none.
package bookmarks

import "spectrum.im/spectrum2/daemon/xmpp"

// Namespaces. NS is the node of XEP-0402 too, NSStorage that of XEP-0048 and
// the document's in private storage.
const (
	NS        = "urn:xmpp:bookmarks:1"
	NSStorage = "storage:bookmarks"
)

// Features of an account whose server keeps both forms alike.
const (
	FeatureCompat     = NS + "#compat"
	FeatureCompatPEP  = NS + "#compat-pep"
	FeatureConversion = "urn:xmpp:bookmarks-conversion:0" // XEP-0411
)

// Bookmark is a room that a user marked.
type Bookmark struct {
	// JID is the room's, as it was written.
	JID            string
	Name           string
	Autojoin       bool
	Nick, Password string
	// Extensions are other programs' (XEP-0402 only); nil without any.
	Extensions *xmpp.Element
}

// Parse reads the <conference/> of an item of XEP-0402; false if it is none.
func Parse(id string, e *xmpp.Element) (Bookmark, bool) {
	if !e.Is(NS, "conference") {
		return Bookmark{}, false
	}
	b := parse(NS, e)
	b.JID, b.Extensions = id, e.Child(NS, "extensions")
	return b, true
}

func parse(space string, e *xmpp.Element) Bookmark {
	join := e.Get("autojoin")
	return Bookmark{
		Name: e.Get("name"), Autojoin: join == "true" || join == "1",
		Nick: e.ChildText(space, "nick"), Password: e.ChildText(space, "password"),
	}
}

// Conference is b as the payload of its item of XEP-0402.
func (b Bookmark) Conference() *xmpp.Element { return b.element(NS).Add(b.Extensions) }

func (b Bookmark) element(space string) *xmpp.Element {
	e := xmpp.New(space, "conference").Set("name", b.Name)
	if b.Autojoin {
		e.Set("autojoin", "true")
	}
	if b.Nick != "" {
		e.Add(xmpp.NewText(space, "nick", b.Nick))
	}
	if b.Password != "" {
		e.Add(xmpp.NewText(space, "password", b.Password))
	}
	return e
}

// Same reports whether both are the same to a client of XEP-0048.
func (b Bookmark) Same(o Bookmark) bool {
	b.Extensions, o.Extensions = nil, nil
	return b == o
}

// Storage is the document of XEP-0048. rest is what else was in it.
func Storage(all []Bookmark, rest []*xmpp.Element) *xmpp.Element {
	s := xmpp.New(NSStorage, "storage")
	for _, b := range all {
		s.Add(b.element(NSStorage).Set("jid", b.JID))
	}
	return s.Add(rest...)
}

// ParseStorage reads the document of XEP-0048: its rooms, and what else is in
// it. The second of two of the same address is left out.
func ParseStorage(s *xmpp.Element) (all []Bookmark, rest []*xmpp.Element) {
	seen := map[string]bool{}
	for c := range s.Children() {
		if !c.Is(NSStorage, "conference") {
			rest = append(rest, c)
			continue
		}
		b := parse(NSStorage, c)
		if b.JID = c.Get("jid"); !seen[b.JID] {
			seen[b.JID] = true
			all = append(all, b)
		}
	}
	return all, rest
}
