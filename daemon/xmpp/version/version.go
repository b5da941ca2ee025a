// SPDX-License-Identifier: GPL-2.0-or-later

// Package version is software version (XEP-0092).
package version

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "jabber:iq:version"

// Version is a program; OS may be empty.
type Version struct{ Name, Version, OS string }

// Element is <query/>.
func (v Version) Element() *xmpp.Element {
	q := xmpp.New(NS, "query").Add(xmpp.NewText(NS, "name", v.Name), xmpp.NewText(NS, "version", v.Version))
	if v.OS != "" {
		q.Add(xmpp.NewText(NS, "os", v.OS))
	}
	return q
}

// Query asks for a version.
func Query() *xmpp.Element { return xmpp.New(NS, "query") }

// Of reads the answer that st carries.
func Of(st *xmpp.Element) Version {
	q := st.Child(NS, "query")
	return Version{q.ChildText(NS, "name"), q.ChildText(NS, "version"), q.ChildText(NS, "os")}
}
