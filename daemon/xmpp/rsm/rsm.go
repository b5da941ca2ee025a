// SPDX-License-Identifier: GPL-2.0-or-later

// Package rsm is result set management (XEP-0059): which page of a long list
// is wanted, and which one it is. It keeps no lists.
package rsm

import (
	"errors"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// NS is the namespace and the feature.
const NS = "http://jabber.org/protocol/rsm"

// Unlimited is Request.Max where none was given.
const Unlimited = -1

// Request says which page is wanted.
type Request struct {
	// Max is the page's size; 0 asks for the count alone (XEP-0059 §2.6).
	Max int
	// After and Before are the ids of items that the page begins behind, or
	// ends before. Last: from the end, and before Before if that is given.
	After, Before string
	Last          bool
	// Index is the place of the page's first item (XEP-0059 §2.3), Unlimited
	// where it was not given.
	Index int
}

var errNumber = errors.New("not a number of items")

// Of reads the <set/> that is a child of e. Without one the whole list is
// wanted.
func Of(e *xmpp.Element) (Request, error) {
	r := Request{Max: Unlimited, Index: Unlimited}
	set := e.Child(NS, "set")
	if set == nil {
		return r, nil
	}
	var err error
	if m := set.Child(NS, "max"); m != nil {
		if r.Max, err = number(m); err != nil {
			return r, err
		}
	}
	if i := set.Child(NS, "index"); i != nil {
		if r.Index, err = number(i); err != nil {
			return r, err
		}
	}
	r.After = set.ChildText(NS, "after")
	if b := set.Child(NS, "before"); b != nil {
		r.Last, r.Before = true, b.Text()
	}
	return r, nil
}

// maxNumber is more than any list has; larger numbers mean it.
const maxNumber = 1 << 30

func number(e *xmpp.Element) (int, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(e.Text()), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errNumber
	}
	return int(min(n, maxNumber)), nil
}

// Page says which items a page has.
type Page struct {
	// First and Last are the ids of its first and last item in the list's
	// order, "" in an empty page.
	First, Last string
	// Index is the place of the first one, Count the length of the whole
	// list, Unlimited where unknown.
	Index, Count int
}

// Element is the page's <set/>.
func (p Page) Element() *xmpp.Element {
	set := xmpp.New(NS, "set")
	if p.First != "" {
		first := xmpp.NewText(NS, "first", p.First)
		if p.Index >= 0 {
			first.Set("index", strconv.Itoa(p.Index))
		}
		set.Add(first, xmpp.NewText(NS, "last", p.Last))
	}
	if p.Count >= 0 {
		set.Add(xmpp.NewText(NS, "count", strconv.Itoa(p.Count)))
	}
	return set
}
