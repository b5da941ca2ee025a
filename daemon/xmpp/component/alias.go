// SPDX-License-Identifier: GPL-2.0-or-later

package component

import (
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
)

// aliasPatience is how long the first ping by way of the alias may take.
const aliasPatience = 10 * time.Second

// alias is the address that one of several components of a domain has alone
// (Options.Alias). Whether the server delivers it is found out on each link.
type alias struct {
	jid string
	id  string    // of the ping under way
	due time.Time // when it has taken too long
}

// tryAlias sends the ping that has to come back by way of the alias.
func (l *link) tryAlias(now time.Time) {
	if l.o.Alias == "" {
		return
	}
	iq := ping.New(l.o.JID, l.o.Alias) // a server that has no alias ends the stream of who sends from it
	l.alias = alias{jid: l.o.Alias, id: iq.Get("id"), due: now.Add(aliasPatience)}
	_, _ = l.box.tryPut(iq) // a new link's outbox is empty
}

// aliasCame reports whether st is that ping. From then on the link is fenced by
// way of the alias: what goes to the domain itself may come back to another
// component.
func (l *link) aliasCame(st *xmpp.Element) bool {
	if l.o.Alias == "" || st.Name != "iq" || st.Get("to") != l.o.Alias || st.Get("from") != l.o.JID || st.Get("id") != l.alias.id {
		return false
	}
	l.box.fenceBy(l.o.Alias)
	l.o.AliasWorks(true)
	return true
}

// aliasLate says once that the alias does not work.
func (l *link) aliasLate(now time.Time) {
	if l.o.Alias == "" || l.box.fencedBy(l.o.Alias) || l.alias.due.IsZero() || now.Before(l.alias.due) {
		return
	}
	l.alias.due = time.Time{}
	l.o.AliasWorks(false)
}

// unfenced: nobody can tell whether a ping to the domain itself comes back here.
func (l *link) unfenced() bool { return l.o.Alias != "" && !l.box.fencedBy(l.o.Alias) }

// fromOther reports whether st came from another component's alias to ours.
func (l *link) fromOther(st *xmpp.Element) bool {
	from := st.Get("from")
	return l.o.Alias != "" && st.Get("to") == l.o.Alias && strings.HasSuffix(from, "."+l.o.JID) && !strings.ContainsAny(from, "@/")
}

// stray reports whether st is the fence of another component of the domain.
func (l *link) stray(st *xmpp.Element) bool {
	return l.o.Alias != "" && st.Name == "iq" && st.Get("from") == l.o.JID
}
