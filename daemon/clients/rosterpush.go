// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"slices"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// rosterChanged: the session changed the roster.
type rosterChanged struct{ items []rosteritem.Item }

func (e rosterChanged) apply(u *User) {
	for _, i := range e.items {
		ver := u.changed(i)
		for _, c := range u.list {
			switch {
			case c.reading:
				c.hold(i)
			case c.interested:
				c.push(i, ver)
			}
		}
	}
}

// changed is the roster's version with one more change, "" while nobody knows
// it.
func (u *User) changed(i rosteritem.Item) string {
	if u.versions == nil {
		return ""
	}
	u.versions.change(i)
	return u.versions.all.String()
}

// hold keeps a push until the list was sent; only the last of each contact
// counts.
func (c *Client) hold(i rosteritem.Item) {
	c.held = append(slices.DeleteFunc(c.held, func(o rosteritem.Item) bool { return o.JID == i.JID }), i)
}

// push tells the client of one contact (RFC 6121 §2.1.6). Where the version is
// not known none is sent: then the client asks for the whole list next time.
func (c *Client) push(i rosteritem.Item, ver string) {
	q := rosteritem.Query{Ver: ver, Versioned: ver != "", Items: []rosteritem.Item{i}}
	c.give(xmpp.NewIQ("set", c.u.bare, c.full, "").Add(q.Element()))
}
